"""Stored callbacks go to the worker's topic: at once while all is well, by the relay after a crash or an outage."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from onerouter_common.broker import BrokerUnavailable, Headers, Producer
from onerouter_common.clock import isoformat
from onerouter_common.contracts import topics
from onerouter_common.metric_names import OUTBOX_SWEPT
from onerouter_webhooks.callback.model import Unpublished
from onerouter_webhooks.callback.repository import InboundEvents
from onerouter_webhooks.database import DATABASE_AWAY

log = structlog.get_logger()

_BATCH: Final = 256
_BACKLOG: Final = 10_000
_SWEEP_EVERY_S: Final = 1.0
_APART_S: Final = 0.05
"""One batch begins so long after the last at the earliest: what comes alone is published at once, and what a bulk send brings
one by one costs the log, its readers and the database a few batches, not thousands."""


class CallbackPublisher:
    """The database is the truth: what is dropped here, or lost with the process, is published by the sweep."""

    def __init__(self, events: InboundEvents, producer: Producer, *, apart_s: float = _APART_S) -> None:
        self._events = events
        self._producer = producer
        self._apart_s = apart_s
        self._waiting: list[tuple[Unpublished, Headers]] = []
        self._arrived = asyncio.Event()

    def offer(self, stored: Unpublished, trace: Headers) -> None:
        """Publish soon. Never blocks, never fails: the callback is committed already."""
        if len(self._waiting) < _BACKLOG:
            self._waiting.append((stored, trace))
            self._arrived.set()

    async def publish_offered(self) -> None:
        """Loop: whatever waits is one batch."""
        clock = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            until = clock.time() + self._apart_s
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            if not self._waiting:
                self._arrived.clear()
            try:
                await self._publish(batch)
            except (BrokerUnavailable, *DATABASE_AWAY) as error:
                log.warning("callbacks.publish.deferred", count=len(batch), error=type(error).__name__)
            if len(self._waiting) < _BATCH:
                await asyncio.sleep(until - clock.time())

    async def sweep_leftovers(self) -> None:
        """Loop: what a crash or an outage left unpublished."""
        while True:
            while self._can_sweep() and (leftovers := await self._events.claim_unpublished(_BATCH)):
                await self._publish([(one, ()) for one in leftovers])
                OUTBOX_SWEPT.labels(service="webhooks").inc(len(leftovers))
                log.info("callbacks.swept", count=len(leftovers))
            await asyncio.sleep(_SWEEP_EVERY_S)

    def _can_sweep(self) -> bool:
        # Without a broker nothing is claimed: each claim puts the next try further off. Nor while this process is behind with
        # its own: that is what it would find, and publishing it twice would put it further behind.
        return self._producer.is_ready and len(self._waiting) < _BATCH

    async def _publish(self, batch: Sequence[tuple[Unpublished, Headers]]) -> None:
        await self._producer.publish_many(
            [
                (topics.callbacks(one.category), one.callback, one.resource_key, [*_cloud_event(one), *trace])
                for one, trace in batch
            ]
        )
        await self._events.mark_published([one.id for one, _ in batch])


def _cloud_event(one: Unpublished) -> Headers:
    return (
        ("content-type", b"application/json"),
        ("ce_id", one.id.encode()),
        ("ce_type", b"callback"),
        ("ce_source", f"onerouter/webhooks/{one.provider}".encode()),
        ("ce_time", isoformat(one.received_at).encode()),
    )
