"""The payments service: executes the commands, applies the callbacks, answers the reads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI

from onerouter_common import logging, loops, telemetry
from onerouter_common.broker import Producer
from onerouter_common.change_feed import ChangeFeed
from onerouter_common.clock import Clock, SystemClock
from onerouter_common.db.engine import Pool, tenant_engine, worker_pool
from onerouter_common.operations import endpoints as operation_endpoints
from onerouter_common.operations import operator_endpoints
from onerouter_common.operations.repository import OperationReads
from onerouter_common.operations.stuck import StuckOperations
from onerouter_common.reads.rows import TenantRows
from onerouter_common.registry_client import RegistryClient
from onerouter_common.secrets import KeyRings
from onerouter_common.web import health, instrumentation, problems
from onerouter_common.web.internal import InternalAuth
from onerouter_common.worker.runtime import Worker
from onerouter_payments.callbacks import Callbacks
from onerouter_payments.cost import Prices
from onerouter_payments.marketplace import endpoints as marketplace_endpoints
from onerouter_payments.marketplace.details import VendorDetails
from onerouter_payments.marketplace.reads import MarketplaceReads
from onerouter_payments.payment.callbacks import PaymentCallbacks
from onerouter_payments.payment.costs import OperationCosts
from onerouter_payments.payment.settlement import Views
from onerouter_payments.polling.poller import Poller
from onerouter_payments.query import by_offset, endpoints
from onerouter_payments.query.by_offset import PaymentsByOffset
from onerouter_payments.query.repository import Reads
from onerouter_payments.resource import endpoints as resource_endpoints
from onerouter_payments.resource.poller import ResourcePoller
from onerouter_payments.resource.reads import ResourceReads
from onerouter_payments.rules import CATEGORY, SERVICE, category_rules
from onerouter_payments.settings import Settings
from onerouter_payments.taken import taken_by
from onerouter_payments.verification import endpoints as verification_endpoints
from onerouter_payments.verification.service import CallbackQuestions
from onerouter_providers.connections import ProviderConnections
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers


class State(TypedDict):
    """What a request reaches as `request.state`."""

    operations: OperationReads
    stuck: StuckOperations
    reads: Reads
    resources: ResourceReads
    by_offset: PaymentsByOffset
    marketplace: MarketplaceReads
    vendor_details: VendorDetails
    callback_questions: CallbackQuestions


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """Build the service; what it opens is opened and closed by its lifespan."""
    logging.configure(SERVICE, settings.log_level, settings.log_format)
    clock = clock or SystemClock()
    providers = Providers.load()
    views = Views(settings.checkout_urls, prices_of(providers))
    running: list[tuple[Worker, Pool]] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        # Left in reverse: polling ends, the worker drains, then what it needs closes.
        async with AsyncExitStack() as stack:
            tracer = telemetry.configure(SERVICE, settings.otlp_endpoint, settings.trace_sample_ratio)
            stack.callback(tracer.shutdown)
            dsn = str(settings.database_url)
            engine = await stack.enter_async_context(tenant_engine(dsn, size=settings.database_pool_size))
            pool = await stack.enter_async_context(worker_pool(dsn, SERVICE, size=settings.database_pool_size))
            producer = await stack.enter_async_context(
                Producer(settings.kafka_bootstrap_servers, client_id=f"onerouter-{SERVICE}")
            )
            kms = await stack.enter_async_context(settings.open_kms())
            keyrings = settings.credential_rings(kms)
            details = VendorDetails(pool, keyrings)
            connections = await _open_connections(stack, settings, providers, keyrings)
            worker = Worker(
                rules=category_rules(views, clock, details),
                callbacks=Callbacks(PaymentCallbacks(views)),
                connections=connections,
                pool=pool,
                producer=producer,
                bootstrap_servers=settings.kafka_bootstrap_servers,
                clock=clock,
                options=settings.worker_options(),
                circuits=await settings.open_circuits(stack, category=CATEGORY),
                pacer=await settings.open_pacer(stack, category=CATEGORY),
            )
            stack.push_async_callback(worker.stop)
            await worker.start()
            poller = Poller(
                pool, connections, views, clock, interval_s=settings.poll_interval_s, batch=settings.poll_batch
            )
            resources = ResourcePoller(
                pool, connections, clock, interval_s=settings.poll_interval_s, batch=settings.poll_batch
            )
            if settings.duty.takes_background:
                await stack.enter_async_context(loops.running("poller", poller.run))
                await stack.enter_async_context(loops.running("resource-poller", resources.run))
            await stack.enter_async_context(loops.running("vendor-details", lambda: _tend_details(details, settings)))
            running.append((worker, pool))
            stack.callback(running.clear)
            rows = TenantRows(engine)
            yield State(
                operations=OperationReads(engine, OperationCosts(views.prices)),
                stuck=StuckOperations(pool, worker.resolutions, taken_by),
                reads=Reads(engine, views),
                resources=ResourceReads(rows),
                by_offset=PaymentsByOffset(rows, views),
                marketplace=MarketplaceReads(rows, views),
                vendor_details=details,
                callback_questions=CallbackQuestions(connections),
            )

    async def database_answers() -> bool:
        return bool(running) and bool(await running[0][1].fetchval("SELECT true"))

    async def worker_is_ready() -> bool:
        return bool(running) and running[0][0].is_ready

    app = FastAPI(
        title="OneRouter payments",
        telemetry=instrumentation.OFF,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    health.install(app, {"database": database_answers, "worker": worker_is_ready})
    auth = InternalAuth(settings.internal_tokens)
    app.include_router(endpoints.router(auth))
    app.include_router(operation_endpoints.router(auth))
    app.include_router(resource_endpoints.router(auth))
    app.include_router(by_offset.router(auth))
    app.include_router(marketplace_endpoints.router(auth))
    app.include_router(operator_endpoints.router(auth))
    app.include_router(verification_endpoints.router(auth))
    return app


def prices_of(providers: Providers) -> Prices:
    """What the installed payments providers charge."""
    return {
        package.manifest.id: package.manifest.cost for package in providers if package.manifest.category == CATEGORY
    }


async def _open_connections(
    stack: AsyncExitStack, settings: Settings, providers: Providers, keyrings: KeyRings
) -> ProviderConnections:
    """The tenants' connections, kept fresh by what the registry tells."""
    registry = await stack.enter_async_context(RegistryClient(str(settings.registry_url), settings.internal_tokens))
    http = await stack.enter_async_context(open_pool())
    connections = ProviderConnections(
        registry,
        keyrings,
        providers,
        http,
        base_urls=settings.provider_base_urls,
        timeout_most_s=settings.provider_timeout_s,
        absence_most_s=settings.provider_absence_s,
        is_watched=lambda: feed.is_live,
    )
    feed = ChangeFeed(settings.kafka_bootstrap_servers, connections.invalidate, connections.invalidate_all)
    await stack.enter_async_context(feed)
    return connections


async def _tend_details(details: VendorDetails, settings: Settings) -> None:
    """Bank data that was handed to the provider is not kept, and what waits follows the keyring."""
    while True:
        await details.erase()
        await details.rewrap()
        await asyncio.sleep(settings.vendor_details_interval_s)
