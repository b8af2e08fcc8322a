"""Reading a topic in batches: store first, acknowledge after, park what cannot be read."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker, KafkaMessage

from onerouter_common import metric_names as metrics
from onerouter_common.broker import BrokerUnavailable, Producer, batch_subscriber
from onerouter_common.db.availability import DATABASE_AWAY

log = structlog.get_logger()

Record: TypeAlias = Any
"""An aiokafka ConsumerRecord: value, key, headers, topic, partition, offset."""

_MOST_WAIT_S: Final = 5.0

_ALONE_TRIES: Final = 5
_COMMIT_EVERY_S: Final = 0.5

Handle: TypeAlias = Callable[[Sequence[Record]], Awaitable[None]]


class Offsets:
    """Commits what is stored, a few times a second instead of once a batch.

    A commit costs the broker as much as a fetch, and buys little: what is delivered again because of the last moments'
    commit is recognised by the inbox. Offsets are named one by one: the consumer's own position may already be ahead.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._consumer: Any = None
        self._stored: dict[TopicPartition, int] = {}
        self._flushing: asyncio.Task[None] | None = None

    def note(self, consumer: Any, records: Sequence[Record]) -> None:
        """These are stored, and all before them."""
        if consumer is not self._consumer:
            self._consumer, self._stored = consumer, {}
        for record in records:
            self._stored[TopicPartition(record.topic, record.partition)] = record.offset + 1
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_soon(), name=f"commit-{self._topic}")

    async def flush(self) -> None:
        """Commit what is not committed yet."""
        stored, self._stored = self._stored, {}
        if not stored:
            return
        mine = self._consumer.assignment()
        stored = {partition: offset for partition, offset in stored.items() if partition in mine}
        try:
            if stored:
                await self._consumer.commit(stored)
        except (KafkaError, ValueError) as error:
            log.warning("consumer.commit.failed", topic=self._topic, error=type(error).__name__)

    async def _flush_soon(self) -> None:
        await asyncio.sleep(_COMMIT_EVERY_S)
        await self.flush()


def consume(
    broker: KafkaBroker,
    topic: str,
    *,
    group_id: str,
    handle: Handle,
    park_one: Callable[[Record, str], Awaitable[None]],
    session_timeout_s: float = 10.0,
    apart_s: float = 0.0,
    after_s: float = 0.0,
) -> Offsets:
    """Call `handle` with each batch until it succeeds, then commit the offsets; flush what is returned before a stop.

    One batch begins `apart_s` after the last at the earliest: what comes alone is handled at once, what comes one by one is
    handled together, for the price of a few. `after_s`: each batch rests so long before it is handled.

    While the database is away the batch is held and tried again: the partition waits, nothing is lost. A record that
    breaks its batch for any other reason is found by trying each alone, and parked. A commit that fails (a rebalance
    took the partition) is only logged: the batch is delivered again and recognised.
    """
    offsets = Offsets(topic)

    async def on_batch(message: KafkaMessage) -> None:
        raw = message.raw_message
        records = list(raw) if isinstance(raw, tuple) else [raw]
        until = asyncio.get_running_loop().time() + apart_s
        await asyncio.sleep(after_s)
        try:
            await _until_stored(topic, records, handle)
        except Exception as error:
            log.exception("consumer.batch.broken", topic=topic, records=len(records), error=type(error).__name__)
            for record in records:
                await _alone(topic, record, handle, park_one)
        offsets.note(message.consumer, records)
        await asyncio.sleep(until - asyncio.get_running_loop().time())

    batch_subscriber(broker, topic, group_id=group_id, session_timeout_s=session_timeout_s)(on_batch)
    return offsets


async def _until_stored(topic: str, records: Sequence[Record], handle: Handle) -> None:
    wait_s = 0.1
    while True:
        try:
            return await handle(records)
        except (*DATABASE_AWAY, BrokerUnavailable) as error:
            log.warning("consumer.batch.postponed", topic=topic, records=len(records), error=type(error).__name__)
        await asyncio.sleep(wait_s)
        wait_s = min(_MOST_WAIT_S, wait_s * 2)


async def _alone(
    topic: str, record: Record, handle: Handle, park_one: Callable[[Record, str], Awaitable[None]]
) -> None:
    for number in range(_ALONE_TRIES):
        try:
            return await _until_stored(topic, [record], handle)
        except Exception as error:
            reason = f"{type(error).__name__} while it was stored"
        await asyncio.sleep(0.05 * 2**number)
    return await _until_stored(topic, [record], lambda _: park_one(record, reason))


async def park(producer: Producer, record: Record, topic: str, reason: str) -> None:
    """Put a record that cannot be read on its dead-letter topic, as received, with the reason. Raises BrokerUnavailable."""
    metrics.DEAD_LETTERS.labels(topic).inc()
    log.error("record.parked", topic=record.topic, partition=record.partition, offset=record.offset, reason=reason)
    headers = [*record.headers, ("dead-reason", reason.encode()[:500]), ("dead-topic", record.topic.encode())]
    await producer.publish(
        topic, record.value or b"", key=(record.key or b"").decode("utf-8", "replace"), headers=headers
    )
