"""The webhooks service: the only place where the outside calls in, and where we call tenants."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog
from aiohttp.abc import AbstractResolver
from fastapi import FastAPI

from onerouter_common import logging, telemetry
from onerouter_common.broker import Producer
from onerouter_common.change_feed import ChangeFeed
from onerouter_common.clock import Clock, SystemClock
from onerouter_common.db.engine import Pool, tenant_engine
from onerouter_common.egress import AddressPolicy
from onerouter_common.ids import WORKER, new_id
from onerouter_common.loops import running
from onerouter_common.registry_client import RegistryClient
from onerouter_common.secrets import KeyRing, Kms
from onerouter_common.settings import keyring_of
from onerouter_common.web import health, instrumentation, problems
from onerouter_common.web.internal import InternalAuth
from onerouter_providers.certificates import Certificates
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers
from onerouter_providers.webhook import can_be_asked
from onerouter_webhooks.callback import endpoints as callback_endpoints
from onerouter_webhooks.callback.data_keys import DataKeys
from onerouter_webhooks.callback.handshake.repository import Handshakes
from onerouter_webhooks.callback.handshake.service import Confirmations
from onerouter_webhooks.callback.publisher import CallbackPublisher
from onerouter_webhooks.callback.repository import InboundEvents
from onerouter_webhooks.callback.sealing import Sealing
from onerouter_webhooks.callback.service import ReceiveCallback
from onerouter_webhooks.callback.stored import endpoints as stored_endpoints
from onerouter_webhooks.callback.stored.redaction import RedactCallbacks
from onerouter_webhooks.callback.stored.replay import ReplayCallbacks
from onerouter_webhooks.callback.stored.repository import StoredCallbacks
from onerouter_webhooks.callback.targets import Registry, Targets
from onerouter_webhooks.callback.verification import Questions, Verification
from onerouter_webhooks.database import DATABASE_AWAY, ITEM_WRONG, SERVICE, database_pool
from onerouter_webhooks.delivery import endpoints as delivery_endpoints
from onerouter_webhooks.delivery.access import DeliveryAccess
from onerouter_webhooks.delivery.outbox import Outbox
from onerouter_webhooks.delivery.repository import DeliveryQueue
from onerouter_webhooks.delivery.requests import Requests
from onerouter_webhooks.delivery.schedule import RetrySchedule
from onerouter_webhooks.delivery.slots import Slots
from onerouter_webhooks.delivery.tokens import Tokens
from onerouter_webhooks.delivery.transport import Limits, open_transport
from onerouter_webhooks.delivery.worker import DeliveryWorker, lease_of
from onerouter_webhooks.endpoint import endpoints as endpoint_endpoints
from onerouter_webhooks.endpoint.data_keys import SealingKeys
from onerouter_webhooks.endpoint.ended import EndedTenants
from onerouter_webhooks.endpoint.keys import SigningKeys
from onerouter_webhooks.endpoint.service import EndpointService
from onerouter_webhooks.endpoint.shown import SealedSecrets
from onerouter_webhooks.endpoint.trial import Trials
from onerouter_webhooks.event import endpoints as event_endpoints
from onerouter_webhooks.event.access import EventAccess
from onerouter_webhooks.event.consumers import GROUP, EventConsumer
from onerouter_webhooks.event.feed import EventFeed
from onerouter_webhooks.event.repository import Events
from onerouter_webhooks.event.service import FanOut
from onerouter_webhooks.event.streams import EventStreams, Pace
from onerouter_webhooks.group_commit import GroupCommit
from onerouter_webhooks.maintenance import Maintenance
from onerouter_webhooks.recovery import endpoints as recovery_endpoints
from onerouter_webhooks.recovery.runner import RecoveryRunner
from onerouter_webhooks.recovery.service import RecoveryAccess
from onerouter_webhooks.settings import Settings
from onerouter_webhooks.state import Services, services_of
from onerouter_webhooks.watch import Watch

log = structlog.get_logger()

_BATCH: Final = 200
_CALLBACKS_APART_S: Final = 0.02
"""No provider asks for its answer at once, and each commit keeps others from the disk: of a bulk send's messages, and of what
is urgent beside them."""
_BATCHES: Final = 4
"""Callbacks of one statement that tell many things each."""
_RESULTS_APART_S: Final = 0.01
"""Of deliveries: the requests that come after them do not wait for their commit."""


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    registry: Registry | None = None,
    providers: Providers | None = None,
    resolver: AbstractResolver | None = None,
    consumer_group: str = GROUP,
) -> FastAPI:
    """Build the service. What tests bring in place of the real thing comes by keyword."""
    logging.configure(SERVICE, settings.log_level, settings.log_format)
    auth = InternalAuth(settings.internal_tokens)
    the_clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:  # closes in reverse: stop reading, drain, then the pools
            tracer = telemetry.configure(SERVICE, settings.otlp_endpoint, settings.trace_sample_ratio)
            stack.callback(tracer.shutdown)
            pool = await stack.enter_async_context(
                database_pool(str(settings.database_url), size=settings.database_pool_size)
            )
            producer = await stack.enter_async_context(
                Producer(settings.kafka_bootstrap_servers, client_id="onerouter-webhooks")
            )
            kms = await stack.enter_async_context(settings.open_kms())
            signing_ring = keyring_of(settings.encryption_keys, kms)
            catalogue = providers or Providers.load()
            sealing = Sealing(DataKeys(pool), signing_ring)
            stored = StoredCallbacks(pool)
            client = await stack.enter_async_context(
                RegistryClient(str(settings.registry_url), settings.internal_tokens)
            )
            receive = await _open_callbacks(
                stack, settings, the_clock, pool, producer, catalogue, registry or client, kms, sealing
            )
            maintenance = Maintenance(
                pool,
                stored,
                EndedTenants(pool, client.ended_tenants),
                timedelta(days=settings.callback_retention_days),
                timedelta(days=settings.callback_raw_retention_days),
                timedelta(days=settings.event_retention_days),
                timedelta(days=settings.delivery_retention_days),
                the_clock,
            )
            await _make_days(maintenance)
            policy = address_policy(settings)
            outbox = Outbox(pool, producer, poll_interval_s=settings.poll_interval_s)
            await stack.enter_async_context(running("event-outbox", outbox.run))
            worker = await _open_deliveries(stack, settings, the_clock, pool, policy, resolver, signing_ring)
            events = Events(pool)
            consumer = EventConsumer(
                settings.kafka_bootstrap_servers,
                FanOut(events, worker, the_clock),
                producer,
                group_id=consumer_group,
                session_timeout_s=settings.kafka_session_timeout_s,
            )
            await stack.enter_async_context(running("event-consumer", consumer.run))
            recoveries = RecoveryRunner(
                pool,
                worker,
                max_in_flight=settings.max_in_flight_per_endpoint,
                poll_interval_s=settings.poll_interval_s,
            )
            await stack.enter_async_context(running("recoveries", recoveries.run))
            await stack.enter_async_context(running("maintenance", maintenance.run))
            await stack.enter_async_context(running("watch", Watch(str(settings.database_url)).run))
            engine = await stack.enter_async_context(tenant_engine(str(settings.database_url), size=4))
            streams = await _open_streams(stack, settings, the_clock, worker, lambda: bool(app.state.draining))
            app.state.services = Services(
                receive=receive,
                replay=ReplayCallbacks(stored, catalogue, sealing),
                redact=RedactCallbacks(stored, sealing),
                endpoints=EndpointService(
                    engine,
                    SealedSecrets(pool, signing_ring),
                    SealingKeys(engine, signing_ring),
                    policy,
                    the_clock,
                    settings.max_endpoints,
                    worker.look_over,
                    worker.owes,
                ),
                trials=Trials(engine, events, worker, the_clock),
                events=EventAccess(engine, worker, the_clock),
                streams=streams,
                deliveries=DeliveryAccess(engine, worker, the_clock),
                recoveries=RecoveryAccess(engine, recoveries.wake, the_clock),
                worker=worker,
                consumer=consumer,
                pool=pool,
            )
            yield
            app.state.draining = True

    # Called from outside: what there is besides callbacks is nobody's business there.
    app = FastAPI(
        title="OneRouter webhooks",
        version="1",
        telemetry=instrumentation.OFF,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    problems.install(app)

    async def database_answers() -> bool:
        # Without the log callbacks are still stored and deliveries still retried, so it does not decide readiness.
        services: Services = app.state.services
        return bool(await services.pool.fetchval("SELECT 1") == 1)

    health.install(app, {"database": database_answers})
    app.include_router(
        callback_endpoints.router(
            lambda request: services_of(request).receive,
            base_url=None if settings.callback_base_url is None else str(settings.callback_base_url),
            deadline_s=settings.callback_deadline_s,
        )
    )
    app.include_router(
        stored_endpoints.router(
            lambda request: services_of(request).replay, lambda request: services_of(request).redact, auth
        )
    )
    app.include_router(
        endpoint_endpoints.router(
            lambda request: services_of(request).endpoints, lambda request: services_of(request).trials, auth
        )
    )
    app.include_router(delivery_endpoints.router(lambda request: services_of(request).deliveries, auth))
    app.include_router(recovery_endpoints.router(lambda request: services_of(request).recoveries, auth))
    app.include_router(
        event_endpoints.router(
            lambda request: services_of(request).events, lambda request: services_of(request).streams, auth
        )
    )
    return app


def address_policy(settings: Settings) -> AddressPolicy:
    """Where endpoints may be."""
    return AddressPolicy(
        allowed=settings.allow_private_targets, blocked=settings.blocked_targets, ports=settings.target_ports
    )


async def _make_days(maintenance: Maintenance) -> None:
    """A start does not wait for those who hold the tables: maintenance tries again, and what falls into no day is kept."""
    try:
        await maintenance.make_days()
    except DATABASE_AWAY as error:
        log.warning("maintenance.days.postponed", error=type(error).__name__)


async def _open_callbacks(
    stack: AsyncExitStack,
    settings: Settings,
    clock: Clock,
    pool: Pool,
    producer: Producer,
    providers: Providers,
    registry: Registry,
    kms: Kms,
    sealing: Sealing,
) -> ReceiveCallback:
    targets = Targets(
        registry,
        ttl_s=settings.callback_cache_ttl_s,
        size=settings.callback_cache_size,
        is_watched=lambda: feed.is_live,
    )
    feed = await stack.enter_async_context(ChangeFeed(settings.kafka_bootstrap_servers, targets.drop, targets.clear))
    callbacks = InboundEvents(pool, relay_after_s=settings.callback_relay_after_s)
    publisher = CallbackPublisher(callbacks, producer)
    await stack.enter_async_context(running("callback-relay", publisher.sweep_leftovers))
    await stack.enter_async_context(running("callback-publisher", publisher.publish_offered))
    writer = await stack.enter_async_context(
        GroupCommit(callbacks.insert, name="callbacks", most=_BATCH, item_errors=ITEM_WRONG, apart_s=_CALLBACKS_APART_S)
    )
    batches = await stack.enter_async_context(
        GroupCommit(callbacks.insert, name="callback-batches", most=_BATCHES, item_errors=ITEM_WRONG)
    )
    confirmations = await stack.enter_async_context(
        Confirmations(Handshakes(pool), sealing, settings.category_urls(), settings.internal_tokens)
    )
    await stack.enter_async_context(running("callback-handshakes", confirmations.run))
    http = await stack.enter_async_context(open_pool(max_connections=16))
    certificates = Certificates(http, overrides=settings.certificate_overrides())
    verification = Verification(
        certificates, await _open_questions(stack, settings, providers), frozenset(settings.verify_by_asking)
    )
    return ReceiveCallback(
        targets=targets,
        providers=providers,
        keyrings=settings.callback_rings(kms),
        verification=verification,
        sealing=sealing,
        writer=writer,
        batches=batches,
        publisher=publisher,
        confirmations=confirmations,
        clock=clock,
        body_limit=settings.callback_body_limit,
        slots=asyncio.Semaphore(settings.max_callbacks),
    )


async def _open_questions(stack: AsyncExitStack, settings: Settings, providers: Providers) -> Questions | None:
    """None: no provider is asked about its callbacks. Raises ValueError for one that cannot be."""
    if not settings.verify_by_asking:
        return None
    possible = {one.manifest.id for one in providers if one.webhook is not None and can_be_asked(one.webhook)}
    if strangers := sorted(set(settings.verify_by_asking) - possible):
        raise ValueError(
            f"verify_by_asking names {', '.join(strangers)}: only {', '.join(sorted(possible))} can be asked"
        )
    questions = Questions(str(settings.payments_url), settings.internal_tokens)
    return await stack.enter_async_context(questions)


async def _open_streams(
    stack: AsyncExitStack, settings: Settings, clock: Clock, worker: DeliveryWorker, is_draining: Callable[[], bool]
) -> EventStreams:
    """With connections of their own: readers never wait for who manages endpoints, nor the other way round."""
    dsn = str(settings.database_url)
    feed = EventFeed(dsn)
    await stack.enter_async_context(running("event-feed", feed.run))
    engine = await stack.enter_async_context(tenant_engine(dsn, size=4))
    return EventStreams(
        EventAccess(engine, worker, clock),
        feed,
        most=settings.max_event_streams,
        is_draining=is_draining,
        pace=Pace(),
    )


async def _open_deliveries(
    stack: AsyncExitStack,
    settings: Settings,
    clock: Clock,
    pool: Pool,
    policy: AddressPolicy,
    resolver: AbstractResolver | None,
    signing_ring: KeyRing,
) -> DeliveryWorker:
    limits = Limits(
        total_s=settings.delivery_timeout_s,
        connect_s=settings.delivery_connect_timeout_s,
        read=settings.response_read_limit,
        stored=settings.response_stored_limit,
    )
    transport = await stack.enter_async_context(
        open_transport(policy, limits, resolver=resolver, proxy=settings.egress_proxy)
    )
    queue = DeliveryQueue(pool)
    completions = await stack.enter_async_context(
        GroupCommit(queue.complete, name="deliveries", most=_BATCH, item_errors=ITEM_WRONG, apart_s=_RESULTS_APART_S)
    )
    worker = DeliveryWorker(
        queue=queue,
        slots=Slots(settings.max_in_flight, settings.max_in_flight_per_tenant, settings.max_in_flight_per_endpoint),
        requests=Requests(SigningKeys(pool, signing_ring), transport, Tokens(transport), settings.delivery_timeout_s),
        schedule=RetrySchedule(settings.retry_schedule_s, settings.retry_jitter, settings.retry_overload_floor_s),
        completions=completions,
        clock=clock,
        lease=lease_of(new_id(WORKER), settings.delivery_lease_s, settings.delivery_timeout_s),
        poll_interval_s=settings.poll_interval_s,
    )
    # So whose a lease in the queue is can be told.
    log.info("deliveries.started", owner=worker.lease.owner)
    await stack.enter_async_context(running("delivery-claims", worker.claim_due))
    stack.push_async_callback(worker.drain, settings.drain_timeout_s)
    return worker
