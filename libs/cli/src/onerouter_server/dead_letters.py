"""Records that could not be read, looked at and put back where they came from once the cause is mended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from onerouter_common import kafka_clients
from onerouter_common.broker import Producer
from onerouter_common.contracts.topics import TOPICS

_GROUP: Final = "onerouter-dead-letters"
"""Remembers what was put back."""
_AT_ONCE: Final = 200
_REACHED_WITHIN_S: Final = 15.0
_DEAD: Final = ".dead.v1"
_OF_OURS: Final = ("dead-reason", "dead-topic")


class NotDeadLetters(Exception):
    """It says what is wrong with the topic that was named."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    partition: int
    offset: int
    at: datetime
    """When it was parked."""
    reason: str
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    """Those it came with."""


def dead_topics() -> dict[str, int]:
    """Their partitions by their names."""
    return {topic.name: topic.partitions for topic in TOPICS if topic.name.endswith(_DEAD)}


async def waiting(bootstrap_servers: str, topic: str, most: int) -> list[DeadLetter]:
    """What was not put back yet, oldest first. Raises NotDeadLetters, KafkaError, TimeoutError or OSError."""
    found: list[DeadLetter] = []
    async with _reading(bootstrap_servers, topic) as consumer:
        async for batch in _batches(consumer):
            found += batch
            if len(found) >= most:
                break
    return found[:most]


async def replay(bootstrap_servers: str, topic: str) -> int:
    """Publish each again to where it was read, oldest first, and remember that; how many there were.

    Who is ended in between repeats some: they are recognised by their ids. Raises as `waiting`, and BrokerUnavailable.
    """
    count = 0
    async with (
        _reading(bootstrap_servers, topic) as consumer,
        Producer(bootstrap_servers, client_id=_GROUP) as producer,
    ):
        await producer.wait_ready(_REACHED_WITHIN_S)
        origin = f"{topic.removesuffix(_DEAD)}.v1"
        async for batch in _batches(consumer):
            await producer.publish_many([(origin, one.value, one.key, one.headers) for one in batch])
            await consumer.commit({TopicPartition(topic, one.partition): one.offset + 1 for one in batch})
            count += len(batch)
    return count


@asynccontextmanager
async def _reading(bootstrap_servers: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    if topic not in dead_topics():
        raise NotDeadLetters(f"'{topic}' is no topic of dead letters. There are: {', '.join(sorted(dead_topics()))}.")
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, group_id=_GROUP, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await kafka_clients.start(consumer, timeout_s=_REACHED_WITHIN_S)
        consumer.assign([TopicPartition(topic, number) for number in range(dead_topics()[topic])])
        yield consumer
    finally:
        await kafka_clients.stop(consumer)


async def _batches(consumer: AIOKafkaConsumer) -> AsyncIterator[list[DeadLetter]]:
    """Up to what is there now: what is parked meanwhile is left for the next time."""
    ends: dict[TopicPartition, int] = await consumer.end_offsets(list(consumer.assignment()))
    while any([await consumer.position(partition) < end for partition, end in ends.items()]):
        got = await consumer.getmany(timeout_ms=1_000, max_records=_AT_ONCE)
        letters = [
            _letter(record)
            for partition, records in got.items()
            for record in records
            if record.offset < ends[partition]
        ]
        if letters:
            yield letters


def _letter(record: Any) -> DeadLetter:
    told = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    return DeadLetter(
        partition=record.partition,
        offset=record.offset,
        at=datetime.fromtimestamp(record.timestamp / 1_000, UTC),
        reason=told.get(_OF_OURS[0], ""),
        key=(record.key or b"").decode("utf-8", "replace"),
        value=record.value or b"",
        headers=tuple((name, value) for name, value in record.headers if name not in _OF_OURS),
    )
