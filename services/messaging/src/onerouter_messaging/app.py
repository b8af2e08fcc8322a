"""The messaging service: sends SMS and emails, applies what providers tell of them, answers the reads."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Final, TypedDict

from fastapi import FastAPI

from onerouter_common import logging, loops, telemetry
from onerouter_common.broker import Producer
from onerouter_common.change_feed import ChangeFeed
from onerouter_common.clock import Clock, SystemClock
from onerouter_common.db.engine import Pool, tenant_engine, worker_pool
from onerouter_common.ids import BATCH
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
from onerouter_messaging.attachment import endpoints as attachment_endpoints
from onerouter_messaging.attachment.service import Attachments
from onerouter_messaging.batch import endpoints as batch_endpoints
from onerouter_messaging.batch.operations import batch_handlers
from onerouter_messaging.batch.reads import BatchReads
from onerouter_messaging.batch.repository import BatchStore
from onerouter_messaging.composition.notes import CompositionNotes
from onerouter_messaging.content.batches import BatchContents
from onerouter_messaging.content.composer import MessageComposer
from onerouter_messaging.content.source import Source
from onerouter_messaging.handshake import endpoints as handshake_endpoints
from onerouter_messaging.handshake.service import Handshakes
from onerouter_messaging.message import endpoints as message_endpoints
from onerouter_messaging.message.callbacks import Callbacks
from onerouter_messaging.message.reads import MessageReads, operation_costs
from onerouter_messaging.message.repository import MessageStore, others_to, taken_by
from onerouter_messaging.message.sending import Tools
from onerouter_messaging.polling.poller import Poller
from onerouter_messaging.retention.loop import Retention
from onerouter_messaging.rules import SERVICE, cannot_cancel, category_rules, naming_ours, prices_of
from onerouter_messaging.settings import Settings
from onerouter_messaging.suppression import endpoints as suppression_endpoints
from onerouter_messaging.suppression.checking import SuppressionCheck
from onerouter_messaging.suppression.repository import SuppressionList
from onerouter_messaging.suppression.service import Suppressions
from onerouter_messaging.template import endpoints as template_endpoints
from onerouter_messaging.template.renderer.process import Renderers
from onerouter_messaging.template.rendering import Rendering
from onerouter_messaging.template.service import Templates
from onerouter_providers.connections import ProviderConnections
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers

_CALLBACKS_AFTER_S: Final = 0.1
"""Providers tell "queued" or "sent" while they answer the very request."""


class State(TypedDict):
    """What a request reaches as `request.state`."""

    operations: OperationReads
    stuck: StuckOperations
    messages: MessageReads
    templates: Templates
    suppressions: Suppressions
    attachments: Attachments
    batches: BatchReads
    handshakes: Handshakes


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """Build the service; what it opens is opened and closed by its lifespan."""
    logging.configure(SERVICE, settings.log_level, settings.log_format)
    clock = clock or SystemClock()
    providers = Providers.load()
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
            store = MessageStore(SuppressionList())
            rendering = Rendering(await stack.enter_async_context(Renderers(processes=settings.renderers)))
            composer = MessageComposer(Source(pool), BatchContents(pool, rendering), rendering, SuppressionCheck(pool))
            prices = prices_of(providers, settings.price_list)
            pacer = await settings.open_pacer(stack, category=SERVICE)
            tools = Tools(composer, partial(others_to, pool), prices, clock, CompositionNotes(pool))
            worker = Worker(
                rules=category_rules(
                    tools,
                    store,
                    cannot_cancel(providers),
                    parts={BATCH: BatchStore(store)},
                    handlers=batch_handlers(clock),
                ),
                callbacks=Callbacks(naming_ours(providers)),
                connections=connections,
                pool=pool,
                producer=producer,
                bootstrap_servers=settings.kafka_bootstrap_servers,
                clock=clock,
                options=replace(settings.worker_options(), callbacks_after_s=_CALLBACKS_AFTER_S),
                circuits=await settings.open_circuits(stack, category=SERVICE),
                pacer=pacer,
            )
            stack.push_async_callback(worker.stop)
            await worker.start()
            poller = Poller(
                pool,
                store,
                connections,
                clock,
                pacer=pacer,
                interval_s=settings.poll_interval_s,
                batch=settings.poll_batch,
            )
            retention = Retention(
                pool, clock, days=settings.message_content_days, interval_s=settings.content_interval_s
            )
            if settings.duty.takes_background:
                await stack.enter_async_context(loops.running("poller", poller.run))
                await stack.enter_async_context(loops.running("content-retention", retention.run))
            attachments = Attachments(engine, pool, most_bytes=settings.attachment_bytes)
            forgetting = partial(attachments.tend, settings.attachment_interval_s)
            await stack.enter_async_context(loops.running("attachments", forgetting))
            running.append((worker, pool))
            stack.callback(running.clear)
            yield State(
                operations=OperationReads(engine, operation_costs),
                stuck=StuckOperations(pool, worker.resolutions, taken_by),
                messages=MessageReads(TenantRows(engine)),
                templates=Templates(engine, rendering, clock),
                suppressions=Suppressions(engine, clock),
                attachments=attachments,
                batches=BatchReads(engine),
                handshakes=Handshakes(connections),
            )

    async def database_answers() -> bool:
        return bool(running) and bool(await running[0][1].fetchval("SELECT true"))

    async def worker_is_ready() -> bool:
        return bool(running) and running[0][0].is_ready

    app = FastAPI(
        title="OneRouter messaging",
        telemetry=instrumentation.OFF,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    health.install(app, {"database": database_answers, "worker": worker_is_ready})
    auth = InternalAuth(settings.internal_tokens)
    app.include_router(message_endpoints.router(auth))
    app.include_router(template_endpoints.router(auth))
    app.include_router(suppression_endpoints.router(auth))
    app.include_router(attachment_endpoints.router(auth))
    app.include_router(batch_endpoints.router(auth))
    app.include_router(operation_endpoints.router(auth))
    app.include_router(operator_endpoints.router(auth))
    app.include_router(handshake_endpoints.router(auth))
    return app


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
        callback_base_url=None if settings.callback_base_url is None else str(settings.callback_base_url),
        is_watched=lambda: feed.is_live,
    )
    feed = ChangeFeed(settings.kafka_bootstrap_servers, connections.invalidate, connections.invalidate_all)
    await stack.enter_async_context(feed)
    return connections
