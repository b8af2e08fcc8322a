"""Batches of a topic, on a real broker."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from faststream.kafka import KafkaBroker
from tests.libs.common.worker.rig import until

from onerouter_common.broker import Producer, ensure_topics
from onerouter_common.contracts.topics import Topic
from onerouter_common.worker.consumer import consume


@pytest.mark.kafka
async def test_what_comes_one_by_one_is_handled_together_and_what_comes_alone_at_once(kafka_bootstrap: str) -> None:
    topic = f"test.{uuid.uuid4().hex}.v1"
    await ensure_topics(kafka_bootstrap, [Topic(topic, 1, 3_600_000)])
    handled: list[int] = []
    broker = KafkaBroker(kafka_bootstrap, consumer_only=True, logger=None)

    async def handle(records: Sequence[Any]) -> None:
        handled.append(len(records))

    async def park(record: Any, reason: str) -> None:
        raise AssertionError(reason)

    consume(broker, topic, group_id=f"test-{uuid.uuid4().hex}", handle=handle, park_one=park, apart_s=3.0)
    async with Producer(kafka_bootstrap, client_id="test") as producer:
        await producer.wait_ready(60)
        await broker.start()
        try:
            await producer.publish(topic, b"alone", key="a")
            await until(lambda: handled == [1], timeout_s=30)
            for _ in range(10):
                await producer.publish(topic, b"one of many", key="a")
                await asyncio.sleep(0.02)
            await until(lambda: sum(handled) == 11, timeout_s=30)
        finally:
            await broker.stop()
    assert handled[0] == 1
    assert len(handled) <= 3


@pytest.mark.kafka
async def test_a_batch_rests_before_it_is_handled_where_it_is_to(kafka_bootstrap: str) -> None:
    topic = f"test.{uuid.uuid4().hex}.v1"
    await ensure_topics(kafka_bootstrap, [Topic(topic, 1, 3_600_000)])
    handled: list[float] = []
    broker = KafkaBroker(kafka_bootstrap, consumer_only=True, logger=None)

    async def handle(records: Sequence[Any]) -> None:
        handled.append(time.monotonic())

    async def park(record: Any, reason: str) -> None:
        raise AssertionError(reason)

    consume(broker, topic, group_id=f"test-{uuid.uuid4().hex}", handle=handle, park_one=park, after_s=0.2)
    async with Producer(kafka_bootstrap, client_id="test") as producer:
        await producer.wait_ready(60)
        await broker.start()
        try:
            began = time.monotonic()
            await producer.publish(topic, b"alone", key="a")
            await until(lambda: len(handled) == 1, timeout_s=30)
        finally:
            await broker.stop()
    assert handled[0] - began >= 0.2
