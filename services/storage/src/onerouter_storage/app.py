"""The storage service: puts and deletes objects in the tenants' buckets, signs uploads and downloads, answers the reads."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final, TypedDict

from fastapi import FastAPI

from onerouter_common import logging, loops, telemetry
from onerouter_common.broker import Producer
from onerouter_common.change_feed import ChangeFeed
from onerouter_common.clock import Clock, SystemClock
from onerouter_common.contents.keeping import READ_S
from onerouter_common.contracts.storage import INLINE_BYTES
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
from onerouter_common.worker.circuit.circuits import Circuits
from onerouter_common.worker.runtime import Worker
from onerouter_providers.connections import ProviderConnections
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers
from onerouter_storage.content import endpoints as content_endpoints
from onerouter_storage.content.service import PUTS_FULL, Contents
from onerouter_storage.reading import endpoints as reading_endpoints
from onerouter_storage.reading.buckets import Buckets
from onerouter_storage.reading.cursor import Cursors
from onerouter_storage.reading.questions import CATEGORY as READS
from onerouter_storage.reading.questions import Questions
from onerouter_storage.reading.service import READS_FULL, BucketReads
from onerouter_storage.room import Room
from onerouter_storage.rules import SERVICE, category_rules, no_costs, taken_by
from onerouter_storage.settings import Settings
from onerouter_storage.upload import endpoints as upload_endpoints
from onerouter_storage.upload.reads import UploadReads
from onerouter_storage.upload.sweep import Sweep

_MOST_WAITING: Final = 16
"""Readers of one tenant that wait for room: each keeps a question to its bucket open meanwhile."""


class State(TypedDict):
    """What a request reaches as `request.state`."""

    operations: OperationReads
    stuck: StuckOperations
    contents: Contents
    buckets: Buckets
    reads: BucketReads
    room: Room
    uploads: UploadReads


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """Build the service; what it opens is opened and closed by its lifespan."""
    logging.configure(SERVICE, settings.log_level, settings.log_format)
    clock = clock or SystemClock()
    providers = Providers.load()
    cursors = Cursors(settings.cursor_secret)
    running: list[tuple[Worker, Pool]] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        # Left in reverse: the loops end, the worker drains, then what it needs closes.
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
            connections = await _open_connections(stack, settings, providers, settings.credential_rings(kms))
            puts = Room(settings.puts_in_flight * INLINE_BYTES, largest=INLINE_BYTES, name="puts", full=PUTS_FULL)
            contents = Contents(engine, pool, puts, most_bytes=settings.content_bytes)
            worker = Worker(
                rules=category_rules(contents, clock),
                callbacks=None,
                connections=connections,
                pool=pool,
                producer=producer,
                bootstrap_servers=settings.kafka_bootstrap_servers,
                clock=clock,
                options=settings.worker_options(),
                circuits=await settings.open_circuits(stack, category=SERVICE),
                pacer=await settings.open_pacer(stack, category=SERVICE),
            )
            stack.push_async_callback(worker.stop)
            await worker.start()
            sweep = Sweep(pool, clock, interval_s=settings.sweep_interval_s)
            await stack.enter_async_context(loops.running("uploads-sweep", sweep.run))
            forgetting = partial(contents.tend, settings.content_interval_s, first_after_s=READ_S)
            await stack.enter_async_context(loops.running("contents", forgetting))
            buckets = Buckets(connections)
            circuits = Circuits(settings.circuit_rule(), category=READS)
            await stack.enter_async_context(loops.running("read-circuits", circuits.run))
            running.append((worker, pool))
            stack.callback(running.clear)
            yield State(
                operations=OperationReads(engine, no_costs),
                stuck=StuckOperations(pool, worker.resolutions, taken_by),
                contents=contents,
                buckets=buckets,
                reads=BucketReads(buckets, cursors, Questions(circuits, timeout_s=settings.read_timeout_s)),
                room=_reading_room(settings),
                uploads=UploadReads(TenantRows(engine), buckets, clock),
            )

    async def database_answers() -> bool:
        return bool(running) and bool(await running[0][1].fetchval("SELECT true"))

    async def worker_is_ready() -> bool:
        return bool(running) and running[0][0].is_ready

    app = FastAPI(
        title="OneRouter storage",
        telemetry=instrumentation.OFF,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    health.install(app, {"database": database_answers, "worker": worker_is_ready})
    auth = InternalAuth(settings.internal_tokens)
    app.include_router(content_endpoints.router(auth))
    app.include_router(reading_endpoints.router(auth))
    app.include_router(upload_endpoints.router(auth))
    app.include_router(operation_endpoints.router(auth))
    app.include_router(operator_endpoints.router(auth))
    return app


def _reading_room(settings: Settings) -> Room:
    most = settings.reads_in_flight * INLINE_BYTES
    return Room(most, largest=INLINE_BYTES, name="reads", full=READS_FULL, most_waiting=_MOST_WAITING)


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
