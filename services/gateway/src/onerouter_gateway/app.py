"""The gateway put together: what the lifespan opens, in which order it closes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import entry_points
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from onerouter_common import logging, telemetry
from onerouter_common.broker import Producer
from onerouter_common.clock import Clock, SystemClock
from onerouter_common.contracts.registry import RegistryChange
from onerouter_common.registry_client import ChangeFeed, Principal, RegistryClient
from onerouter_common.web import health, instrumentation, problems
from onerouter_common.web.internal import InternalAuth
from onerouter_gateway import openapi
from onerouter_gateway.admission import Admission
from onerouter_gateway.authentication.address import networks_of
from onerouter_gateway.authentication.authenticator import Authenticator
from onerouter_gateway.authentication.principals import PrincipalCache
from onerouter_gateway.authentication.refusals import Refusals
from onerouter_gateway.authentication.strangers import Strangers
from onerouter_gateway.commands.accepted import AcceptedCommands
from onerouter_gateway.commands.lookup import OperationLookup
from onerouter_gateway.commands.pending import Pending
from onerouter_gateway.commands.publish import Publisher
from onerouter_gateway.commands.replies import ReplyListener
from onerouter_gateway.commands.unkeyed import UnkeyedRepeats
from onerouter_gateway.commands.wait import Commands
from onerouter_gateway.doors import DOORS
from onerouter_gateway.edge import alive
from onerouter_gateway.edge.correlation import Correlation
from onerouter_gateway.edge.door import router_of
from onerouter_gateway.edge.large_bodies import LargeBodies
from onerouter_gateway.events.places import StreamLimits
from onerouter_gateway.events.streaming import EventStreams, StreamPace
from onerouter_gateway.gateway import Gateway
from onerouter_gateway.management.endpoints import Management
from onerouter_gateway.management.endpoints import router as management_router
from onerouter_gateway.management.limits import ManagementLimits
from onerouter_gateway.management.registry import RegistryApi
from onerouter_gateway.operations.services import OperationServices
from onerouter_gateway.quota.quotas import Quotas
from onerouter_gateway.rate_limit.limiter import Limiter
from onerouter_gateway.rate_limit.local_window import LocalWindows
from onerouter_gateway.rate_limit.policy import Rate
from onerouter_gateway.rate_limit.redis_window import RedisWindows
from onerouter_gateway.reference import pages
from onerouter_gateway.settings import Settings
from onerouter_gateway.storage.streaming import ObjectStreams
from onerouter_gateway.upstream import Upstream

log = structlog.get_logger()

SERVICE: Final = "gateway"

_START_S: Final = 2.0
"""How long a start waits for the log; without it the gateway starts all the same and is ready once it is there."""


class GatewayApp(FastAPI):
    """FastAPI with the correlation outermost, around even the handler of what nobody expected."""

    max_requests = 8_000

    def build_middleware_stack(self) -> ASGIApp:
        return Correlation(super().build_middleware_stack(), max_requests=self.max_requests)


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The gateway. Nothing is opened before the lifespan begins."""
    logging.configure(SERVICE, settings.log_level, settings.log_format)
    clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            tracer = telemetry.configure(SERVICE, settings.otlp_endpoint, settings.trace_sample_ratio)
            stack.callback(tracer.shutdown)
            await _open(app, settings, clock, stack)
            yield
            app.state.draining = True

    app = GatewayApp(
        telemetry=instrumentation.OFF,
        title=openapi.TITLE,
        version=openapi.VERSION,
        lifespan=lifespan,
        generate_unique_id_function=openapi.operation_id_of,
        docs_url=None,
        redoc_url=None,
    )
    app.max_requests = settings.max_requests
    problems.install(app, has_database=False)
    app.include_router(router_of(DOORS))
    openapi.install(app)
    pages.install(app)
    health.install(app, {"replies": _state(app, "replies"), "producer": _state(app, "producer")})
    alive.install(app)
    app.include_router(management_router)  # last: what is left under /api is the registry's
    return app


async def _open(app: FastAPI, settings: Settings, clock: Clock, stack: AsyncExitStack) -> None:
    bootstrap = settings.kafka_bootstrap_servers
    auth = InternalAuth(settings.internal_tokens)
    registry = await stack.enter_async_context(RegistryClient(str(settings.registry_url), settings.internal_tokens))
    payments, messaging, storage, buckets, webhooks = [
        await stack.enter_async_context(Upstream(name, str(url), auth, timeout_s=timeout_s))
        for name, url, timeout_s in (
            ("payments", settings.payments_url, settings.upstream_timeout_s),
            ("messaging", settings.messaging_url, settings.upstream_timeout_s),
            ("storage", settings.storage_url, settings.upstream_timeout_s),
            ("storage", settings.storage_url, settings.storage_timeout_s),  # which asks a provider first
            ("webhooks", settings.webhooks_url, settings.upstream_timeout_s),
        )
    ]
    workers = {"payments": payments, "sms": messaging, "email": messaging, "storage": storage}
    quotas = await stack.enter_async_context(Quotas(registry.lease_quota, clock, debt=settings.quota_debt))
    limits = await stack.enter_async_context(
        RedisWindows(str(settings.redis_url), timeout_s=settings.rate_limit_timeout_s)
    )
    limiter = Limiter(
        limits, LocalWindows(), instances=settings.expected_instances, retry_s=settings.rate_limit_retry_s
    )
    refusals = Refusals(limiter, Rate.of(settings.refused_rate_per_s, settings.refused_rate_burst))
    principals = await _principals(settings, registry, quotas, Strangers(refusals.check), stack)
    repeats = await stack.enter_async_context(
        UnkeyedRepeats(str(settings.redis_url), timeout_s=settings.rate_limit_timeout_s)
    )
    accepted = await stack.enter_async_context(
        AcceptedCommands(str(settings.redis_url), timeout_s=settings.rate_limit_timeout_s)
    )
    producer = await stack.enter_async_context(Producer(bootstrap, client_id=f"onerouter-{SERVICE}"))
    pending = Pending(
        most=settings.max_pending,
        most_of_tenant=settings.max_pending_per_tenant,
        slow_wait_s=settings.shed_wait_s,
        window_s=settings.shed_window_s,
        share=settings.shed_share,
        least=settings.shed_least,
    )
    replies = await stack.enter_async_context(ReplyListener(bootstrap, pending, partition=settings.reply_partition))
    app.state.producer, app.state.replies = producer, replies
    admission = Admission(
        Authenticator(principals, settings.api_key_pepper, clock),
        limiter,
        refusals,
        clock,
        max_body_bytes=settings.max_body_bytes,
        large=LargeBodies(
            max_bytes=max(settings.max_email_body_bytes, settings.max_body_bytes),
            ordinary=settings.max_body_bytes,
            places=settings.max_large_bodies,
            wait_s=settings.upstream_timeout_s,
        ),
        default_wait_s=settings.default_wait_s,
        max_wait_s=settings.max_wait_s,
        trusted_proxies=networks_of(settings.trusted_proxies),
    )
    commands = Commands(
        Publisher(producer, replies),
        pending,
        OperationLookup(workers),
        repeats,
        accepted,
        quotas=quotas,
        secret=settings.idempotency_secret.get_secret_value().encode(),
        clock=clock,
    )
    app.state.management = await _management(settings, admission, auth, commands, stack)
    app.state.gateway = Gateway(
        admission=admission,
        commands=commands,
        accepted=accepted,
        registry=registry,
        payments=payments,
        messaging=messaging,
        storage=buckets,
        webhooks=webhooks,
        objects=await stack.enter_async_context(_objects(settings, auth)),
        streams=await _streams(app, settings, auth, admission, stack),
        operations=OperationServices(workers, accepted),
        providers=installed_providers(),
    )
    await replies.wait_ready(_START_S)


def _objects(settings: Settings, auth: InternalAuth) -> ObjectStreams:
    # One key may have them all: what it asks for at once is what its programs do at once.
    limits = StreamLimits(settings.max_downloads, settings.max_downloads_per_tenant, settings.max_downloads)
    return ObjectStreams(str(settings.storage_url), auth, limits=limits, timeout_s=settings.storage_timeout_s)


async def _streams(
    app: FastAPI, settings: Settings, auth: InternalAuth, admission: Admission, stack: AsyncExitStack
) -> EventStreams:
    limits = StreamLimits(
        settings.max_event_streams_per_key, settings.max_event_streams_per_tenant, settings.max_event_streams
    )
    streams = EventStreams(
        str(settings.webhooks_url),
        auth,
        admission,
        limits=limits,
        is_draining=lambda: bool(app.state.draining),
        pace=StreamPace(),
    )
    return await stack.enter_async_context(streams)


async def _management(
    settings: Settings, admission: Admission, auth: InternalAuth, commands: Commands, stack: AsyncExitStack
) -> Management:
    limits = ManagementLimits(
        admission,
        address=Rate.of(settings.management_rate_per_s, settings.management_rate_burst),
        sign_in=Rate.of(settings.sign_in_rate_per_s, settings.sign_in_rate_burst),
    )
    registry = await stack.enter_async_context(
        RegistryApi(str(settings.registry_url), timeout_s=settings.management_timeout_s)
    )
    return Management(limits, registry, auth.token, commands.digest)


async def _principals(
    settings: Settings, registry: RegistryClient, quotas: Quotas, strangers: Strangers, stack: AsyncExitStack
) -> PrincipalCache:
    async def introspect(key_hash: str) -> Principal | None:
        return await registry.introspect(key_hash)

    principals = PrincipalCache(
        introspect,
        lambda: feed.is_live,
        ttl_s=settings.principal_ttl_s,
        unknown_ttl_s=settings.unknown_key_ttl_s,
        size=settings.principal_cache_size,
        strangers=strangers,
    )

    def forget(change: RegistryChange) -> None:
        principals.forget(change)
        quotas.forget(change)

    feed = ChangeFeed(settings.kafka_bootstrap_servers, forget, principals.forget_all)
    await stack.enter_async_context(feed)
    return principals


def installed_providers() -> dict[str, frozenset[str]]:
    """Category → provider ids, from the names under which provider packages are installed; nothing is imported."""
    found: dict[str, set[str]] = {}
    for entry in entry_points(group="onerouter.providers"):
        category, _, provider = entry.name.partition(".")
        found.setdefault(category, set()).add(provider)
    return {category: frozenset(providers) for category, providers in found.items()}


def _state(app: FastAPI, name: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        part = getattr(app.state, name, None)
        return part is not None and bool(part.is_ready)

    return check
