"""The registry service: answers internal lookups and tells everyone what has changed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, TypedDict

from fastapi import Depends, FastAPI

from onerouter_common import logging, telemetry
from onerouter_common.broker import Producer
from onerouter_common.clock import Clock, SystemClock
from onerouter_common.db.engine import Pool, tenant_engine, worker_pool
from onerouter_common.once import repository as once
from onerouter_common.settings import Mode
from onerouter_common.web import health, instrumentation, problems
from onerouter_common.web.internal import InternalAuth
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers
from onerouter_registry.access.authentication import Authentication
from onerouter_registry.access.cookies import Cookies
from onerouter_registry.access.origin import Origins
from onerouter_registry.access.same_site import SameSite
from onerouter_registry.access.turns import Turns
from onerouter_registry.admin import Admin, use_cases
from onerouter_registry.api_key import endpoints as api_key_endpoints
from onerouter_registry.api_key import management as api_key_management
from onerouter_registry.api_key.introspection import Introspection
from onerouter_registry.api_key.usage import KeyUsage
from onerouter_registry.audit import endpoints as audit_endpoints
from onerouter_registry.catalogue import endpoints as catalogue_endpoints
from onerouter_registry.catalogue.directory import Directory
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.connection import endpoints as connection_endpoints
from onerouter_registry.connection import management as connection_management
from onerouter_registry.connection.discovery import Discovery
from onerouter_registry.connection.lookups import Lookups
from onerouter_registry.connection.upkeep.checks import Checks
from onerouter_registry.mail.opening import open_post
from onerouter_registry.member import endpoints as member_endpoints
from onerouter_registry.metadata import SERVICE
from onerouter_registry.oidc import endpoints as oidc_endpoints
from onerouter_registry.oidc.issuers import open_issuers
from onerouter_registry.oidc.service import IssuerSignIn
from onerouter_registry.operator import endpoints as operator_endpoints
from onerouter_registry.operator import operation_endpoints
from onerouter_registry.outbox.relay import Relay
from onerouter_registry.periodic import periodically
from onerouter_registry.person import account_endpoints
from onerouter_registry.person import endpoints as person_endpoints
from onerouter_registry.person.sweeping import EVERY as SWEEP_EVERY
from onerouter_registry.quota import endpoints as quota_endpoints
from onerouter_registry.quota.service import SWEEP_EVERY as QUOTA_SWEEP_EVERY
from onerouter_registry.quota.service import QuotaLeases
from onerouter_registry.routing import endpoints as routing_endpoints
from onerouter_registry.session.service import Sessions
from onerouter_registry.settings import Settings
from onerouter_registry.switch import endpoints as switch_endpoints
from onerouter_registry.tenant import endpoints as tenant_endpoints
from onerouter_registry.tenant import lookups as tenant_lookups
from onerouter_registry.tenant.lookups import TenantLookups

LOCK_TIMEOUT_S: Final = 1.0
"""How long a change waits for another one in the database. A lock is held for milliseconds; 503 tells to try again."""


KEYS_SWEPT_EVERY_S: Final = 600.0
_MOST_FORGOTTEN: Final = 5_000
"""Idempotency keys of one sweep."""


class State(TypedDict):
    """What a request reaches as `request.state`."""

    admin: Admin
    authentication: Authentication
    catalogue: Catalogue
    directory: Directory
    discovery: Discovery
    introspection: Introspection
    issuers: IssuerSignIn
    lookups: Lookups
    quota_leases: QuotaLeases
    tenant_lookups: TenantLookups
    same_site: SameSite


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """Build the service; what it opens is opened and closed by its lifespan."""
    logging.configure(SERVICE, settings.log_level, settings.log_format)
    time = clock or SystemClock()
    catalogue = Catalogue(Providers.load())
    pools: list[Pool] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            tracer = telemetry.configure(SERVICE, settings.otlp_endpoint, settings.trace_sample_ratio)
            stack.callback(tracer.shutdown)
            dsn = str(settings.database_url)
            pool = await stack.enter_async_context(worker_pool(dsn, SERVICE, size=settings.database_pool_size))
            pools.append(pool)
            stack.callback(pools.clear)
            kafka = settings.kafka_bootstrap_servers
            changes = await stack.enter_async_context(Producer(kafka, client_id="onerouter-registry-changes"))
            events = await stack.enter_async_context(Producer(kafka, client_id="onerouter-registry-events"))
            await stack.enter_async_context(Relay(pool, changes, events, dsn=dsn, poll_s=settings.relay_poll_s))
            usage = await stack.enter_async_context(KeyUsage(pool, flush_s=settings.usage_flush_s))
            introspection = Introspection(pool, usage, time)
            size = settings.database_pool_size
            engine = await stack.enter_async_context(
                tenant_engine(dsn, size=size, lock_timeout_s=LOCK_TIMEOUT_S, check_first=True)
            )
            entry = await stack.enter_async_context(
                tenant_engine(dsn, size=max(2, size // 2), lock_timeout_s=LOCK_TIMEOUT_S, check_first=True)
            )
            kms = await stack.enter_async_context(settings.open_kms())
            http = await stack.enter_async_context(open_pool(max_connections=settings.connection_checks_at_once * 8))
            post = await stack.enter_async_context(open_post(settings))
            admin = use_cases(settings, engine, time, catalogue, kms, http, post, entry=entry)
            sweep = admin.people.sweeping.sweep
            await stack.enter_async_context(periodically("people-sweep", SWEEP_EVERY.total_seconds(), sweep))
            checks = Checks(engine, admin.verification, time, at_once=settings.connection_checks_at_once)
            await stack.enter_async_context(
                periodically("connection-checks", settings.connection_check_poll_s, checks.check_due)
            )
            await stack.enter_async_context(
                periodically("connection-sweep", settings.connection_sweep_s, admin.forgetting.sweep)
            )
            await stack.enter_async_context(
                periodically("tenant-deletions", settings.tenant_sweep_s, admin.deletions.end_due)
            )
            await stack.enter_async_context(
                periodically(
                    "idempotency-keys", KEYS_SWEPT_EVERY_S, lambda: once.forget(pool, time.now(), _MOST_FORGOTTEN)
                )
            )
            quota_leases = QuotaLeases(pool)
            await stack.enter_async_context(
                periodically("quota-answers", QUOTA_SWEEP_EVERY.total_seconds(), quota_leases.sweep)
            )
            issuers = await stack.enter_async_context(open_issuers(settings, entry, admin.people, time))
            yield State(
                admin=admin,
                authentication=Authentication(
                    Sessions(entry, time),
                    Cookies(settings.secret, secure=settings.mode is not Mode.LOCAL),
                    Origins(settings.internal_tokens),
                    introspection.find,
                    settings.api_key_pepper,
                    time,
                    issuers.tokens,
                    Turns(size),
                ),
                catalogue=catalogue,
                directory=Directory(catalogue, admin.switches.list),
                discovery=Discovery(pool, catalogue),
                introspection=introspection,
                issuers=issuers.sign_in,
                lookups=Lookups(pool),
                quota_leases=quota_leases,
                tenant_lookups=TenantLookups(pool),
                same_site=SameSite(str(settings.public_url), local=settings.mode is Mode.LOCAL),
            )

    async def database_answers() -> bool:
        return bool(pools) and bool(await pools[0].fetchval("SELECT true"))

    app = FastAPI(
        title="OneRouter registry",
        telemetry=instrumentation.OFF,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    # The log is no condition of readiness: without it changes wait in the outbox, and lookups are needed all the more.
    health.install(app, {"database": database_answers})
    for router in (
        api_key_endpoints.router,
        connection_endpoints.router,
        catalogue_endpoints.router,
        quota_endpoints.internal,
        tenant_lookups.router,
    ):
        app.include_router(router, dependencies=[Depends(InternalAuth(settings.internal_tokens))])
    build_management_routes(app)
    return app


def build_management_routes(app: FastAPI) -> None:
    """Every public route of the management API, /api/…; each says itself who may call it."""
    app.include_router(tenant_endpoints.router)
    app.include_router(audit_endpoints.router)
    app.include_router(operator_endpoints.router)
    app.include_router(operation_endpoints.router)
    app.include_router(switch_endpoints.router)
    app.include_router(api_key_management.router)
    app.include_router(catalogue_endpoints.public)
    app.include_router(connection_management.router)
    app.include_router(person_endpoints.router)
    app.include_router(account_endpoints.router)
    app.include_router(member_endpoints.router)
    app.include_router(oidc_endpoints.router)
    app.include_router(quota_endpoints.public)
    app.include_router(routing_endpoints.router)
