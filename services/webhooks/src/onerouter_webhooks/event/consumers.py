"""Reads the workers' events in batches; the log is acknowledged after the database has them."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

import structlog
from aiokafka.errors import IllegalStateError, KafkaError
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage
from pydantic import ValidationError

from onerouter_common.broker import BrokerUnavailable, Producer, batch_subscriber
from onerouter_common.contracts import topics
from onerouter_common.contracts.events import Event
from onerouter_common.metric_names import DEAD_LETTERS, EVENTS_RECEIVED
from onerouter_common.retry import Backoff
from onerouter_webhooks.database import DATABASE_AWAY
from onerouter_webhooks.event.repository import StoredEvent
from onerouter_webhooks.event.service import FanOut, to_store

log = structlog.get_logger()

GROUP: Final = "webhooks"
_BATCH: Final = 256
_BACKOFF: Final = Backoff(first_s=0.1, most_s=5.0)
_PATIENCE_S: Final = 60.0
"""Half of what the broker allows between two polls: then the batch is rewound and read again."""
_WATCH_EVERY_S: Final = 5.0
_STOP_S: Final = 10.0


class ConsumerEnded(Exception):
    """The reading task ended although nobody stopped it."""


class EventConsumer:
    """One group member a process."""

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
        subscribers = [self._subscribe(broker, category) for category in topics.CATEGORIES]
        try:
            await broker.start()
            self._live = True
            log.info("events.consuming", group_id=self._group_id)
            while True:
                await asyncio.sleep(_WATCH_EVERY_S)
                if any(task.done() for subscriber in subscribers for task in subscriber.tasks):
                    raise ConsumerEnded("events are not being read")
        finally:
            self._live = False
            await broker.stop()

    def _subscribe(self, broker: KafkaBroker, category: str) -> Any:
        subscriber = batch_subscriber(
            broker,
            topics.events(category),
            group_id=self._group_id,
            max_records=_BATCH,
            session_timeout_s=self._session_timeout_s,
        )

        async def on_events(message: KafkaMessage) -> None:
            """FastStream drops a batch whose handler raises, so this one does not."""
            started = monotonic()
            failures = 0
            while True:
                try:
                    await self.handle(category, message.raw_message)
                    await _acknowledge(message)
                    return
                except Exception as error:
                    failures += 1
                    expected = isinstance(error, (BrokerUnavailable, *DATABASE_AWAY))
                    log.warning(
                        "events.postponed",
                        failures=failures,
                        error=type(error).__name__,
                        exc_info=None if expected else error,
                    )
                    if monotonic() - started > _PATIENCE_S:
                        await message.nack()
                        return
                    await asyncio.sleep(_BACKOFF.wait_s(failures))

        subscriber(on_events)
        return subscriber

    async def handle(self, category: str, records: Sequence[Any]) -> None:
        """Store what can be decoded, park what cannot. Raises when either is not possible now; repeatable."""
        batch: list[StoredEvent] = []
        dead: list[tuple[Any, str]] = []
        for record in records:
            try:
                event = Event.model_validate_json(record.value or b"")
                batch.append(to_store(event, partition=record.partition, offset=record.offset))
            except (ValidationError, TypeError) as error:
                dead.append((record, type(error).__name__))
        if dead:
            await self._park(category, dead)
        if batch:
            await self._fan_out.store(batch)
            EVENTS_RECEIVED.labels(category, "stored").inc(len(batch))

    async def _park(self, category: str, dead: Sequence[tuple[Any, str]]) -> None:
        topic = topics.dead_events(category)
        await self._producer.publish_many(
            [
                (
                    topic,
                    record.value or b"",
                    (record.key or b"").decode("utf-8", "replace"),
                    [
                        *((name, value) for name, value in record.headers if name not in _OUR_HEADERS),
                        ("dead-reason", reason.encode()),
                        ("dead-source", f"{record.topic}/{record.partition}/{record.offset}".encode()),
                    ],
                )
                for record, reason in dead
            ]
        )
        EVENTS_RECEIVED.labels(category, "dead").inc(len(dead))
        DEAD_LETTERS.labels(topic).inc(len(dead))
        log.error("events.dead", category=category, count=len(dead))


_OUR_HEADERS: Final = frozenset({"dead-reason", "dead-source"})


async def _keep(message: Any) -> Any:
    """Instead of decoding: the handler gets the message itself, with raw records."""
    return message


async def _acknowledge(message: KafkaMessage) -> None:
    try:
        await message.ack()
    except (KafkaError, IllegalStateError) as error:
        # Rebalanced away or the broker is gone: they come again and are found stored.
        log.info("events.ack.failed", error=type(error).__name__)
