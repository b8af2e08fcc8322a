"""Reads the workers' and the registry's events in batches; the log is acknowledged after the database has them."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import structlog
from faststream.kafka import KafkaBroker
from pydantic import ValidationError

from onerouter_common.broker import Producer
from onerouter_common.contracts import topics
from onerouter_common.contracts.events import Event
from onerouter_common.metric_names import EVENTS_RECEIVED
from onerouter_common.worker.consumer import Record, consume, park
from onerouter_webhooks.event.repository import StoredEvent
from onerouter_webhooks.event.service import FanOut, to_store

log = structlog.get_logger()

GROUP: Final = "webhooks"
_WATCH_EVERY_S: Final = 5.0
_STOP_S: Final = 10.0


def group_of(source: str, group_id: str = GROUP) -> str:
    """Each source has a consumer group of its own: in a shared one, each reader that comes or goes stops all the others.

    That of payments is the group itself, whose offsets there are already.
    """
    return group_id if source == "payments" else f"{group_id}-{source}"


class ConsumerEnded(Exception):
    """The reading task ended although nobody stopped it."""


class EventConsumer:
    """One member a process of each source's group."""

    def __init__(
        self,
        bootstrap_servers: str,
        fan_out: FanOut,
        producer: Producer,
        *,
        group_id: str = GROUP,
        session_timeout_s: float = 10.0,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._fan_out = fan_out
        self._producer = producer
        self._group_id = group_id
        self._session_timeout_s = session_timeout_s
        self._live = False

    @property
    def is_live(self) -> bool:
        return self._live

    async def run(self) -> None:
        """Loop: connect and read until cancelled; raises when the broker cannot be reached, to be called again."""
        broker = KafkaBroker(
            self._bootstrap_servers,
            client_id="onerouter-webhooks",
            consumer_only=True,
            apply_types=False,
            decoder=_keep,
            graceful_timeout=_STOP_S,
            logger=None,
        )
        for source in topics.EVENT_SOURCES:
            self._subscribe(broker, source)
        try:
            await broker.start()
            self._live = True
            log.info("events.consuming", group_id=self._group_id)
            while True:
                await asyncio.sleep(_WATCH_EVERY_S)
                if _has_ended(broker):
                    raise ConsumerEnded("events are not being read")
        finally:
            self._live = False
            await broker.stop()

    def _subscribe(self, broker: KafkaBroker, source: str) -> None:
        consume(
            broker,
            topics.events(source),
            group_id=group_of(source, self._group_id),
            handle=partial(self.handle, source),
            park_one=partial(self._park, source),
            session_timeout_s=self._session_timeout_s,
        )

    async def handle(self, source: str, records: Sequence[Record]) -> None:
        """Store what can be decoded, park what cannot. Raises when either is not possible now; repeatable."""
        batch: list[StoredEvent] = []
        for record in records:
            try:
                event = Event.model_validate_json(record.value or b"")
            except ValidationError as error:
                await self._park(source, record, f"not an event: {error.error_count()} errors")
            else:
                batch.append(to_store(event, partition=record.partition, offset=record.offset))
        if batch:
            await self._fan_out.store(batch)
            EVENTS_RECEIVED.labels(source, "stored").inc(len(batch))

    async def _park(self, source: str, record: Record, reason: str) -> None:
        await park(self._producer, record, topics.dead_events(source), reason)
        EVENTS_RECEIVED.labels(source, "dead").inc()


def _has_ended(broker: KafkaBroker) -> bool:
    tasks = [task for subscriber in broker.subscribers for task in getattr(subscriber, "tasks", ())]
    return any(task.done() for task in tasks)


async def _keep(message: Any) -> Any:
    """Instead of decoding: the handler gets the message itself, with raw records."""
    return message
