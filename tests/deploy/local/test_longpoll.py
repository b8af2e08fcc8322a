"""The front of the embedded broker behaves like Apache Kafka where noida-db does not: an empty Fetch is held."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from onerouter_local.engines import LocalBroker
from onerouter_local.engines.wire import speaks_kafka
from onerouter_local.longpoll.__main__ import start_broker
from onerouter_local.longpoll.front import Front
from onerouter_local.ports import free_port
from onerouter_local.testing import scratch_directory

_WAIT_MS = 500


@asynccontextmanager
async def _front() -> AsyncIterator[Front]:
    """A broker and its front inside this process, so that a test can count what passes."""
    with scratch_directory() as directory:
        broker_port = free_port()
        broker = start_broker(directory, broker_port)
        front = Front(free_port(), broker_port)
        try:
            async with await front.serve():
                yield front
                await front.close()
        finally:
            broker.terminate()
            broker.wait()


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    async with _front() as front:
        yield front


async def _topic(front: Front, partitions: int = 1) -> str:
    name = f"topic-{uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{front.port}")
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()
    return name


@asynccontextmanager
async def _consumer(port: int, topic: str, group: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=f"127.0.0.1:{port}",
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=_WAIT_MS,
    )
    await consumer.start()
    try:
        if group is None:
            consumer.assign([TopicPartition(topic, 0)])
        else:
            consumer.subscribe([topic])
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def _producer(port: int) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{port}", acks="all", enable_idempotence=True)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def _take(consumer: AIOKafkaConsumer, count: int, timeout_s: float = 60) -> list[ConsumerRecord]:
    taken: list[ConsumerRecord] = []
    deadline = time.monotonic() + timeout_s
    while len(taken) < count and time.monotonic() < deadline:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            taken += records
    return taken


async def test_clients_are_led_back_to_the_front(front: Front) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{front.port}")
    await admin.start()
    try:
        brokers = (await admin.describe_cluster())["brokers"]
    finally:
        await admin.close()
    assert [(broker["host"], broker["port"]) for broker in brokers] == [("127.0.0.1", front.port)]


async def test_an_idle_consumer_does_not_spin(front: Front) -> None:
    topic = await _topic(front)
    async with _consumer(front.port, topic) as consumer:
        await consumer.getmany(timeout_ms=100)
        before, began = front.fetches_passed, time.monotonic()
        assert not await consumer.getmany(timeout_ms=2_000)
        held = (time.monotonic() - began) * 1000 / _WAIT_MS
    # Each wait costs one fetch, and one more when it ends; without the front it would be thousands.
    assert front.fetches_passed - before <= 2 * held + 4


async def test_a_record_wakes_a_waiting_consumer_at_once(front: Front) -> None:
    topic = await _topic(front)
    async with _consumer(front.port, topic) as consumer, _producer(front.port) as producer:
        await consumer.getmany(timeout_ms=100)
        delays = []
        for number in range(20):
            waiting = asyncio.create_task(consumer.getone())
            await asyncio.sleep(0.02)  # let the fetch arrive and be held
            sent = time.monotonic()
            await producer.send_and_wait(topic, b"%d" % number)
            record = await asyncio.wait_for(waiting, 60)
            delays.append(time.monotonic() - sent)
            assert record.value == b"%d" % number
    assert sorted(delays)[len(delays) // 2] < 0.05


async def test_records_of_another_topic_wake_nobody(front: Front) -> None:
    quiet, busy = await _topic(front), await _topic(front)
    async with _consumer(front.port, quiet) as consumer, _producer(front.port) as producer:
        await consumer.getmany(timeout_ms=100)
        waiting = asyncio.create_task(consumer.getmany(timeout_ms=400))
        before = front.fetches_passed
        for _ in range(50):
            await producer.send_and_wait(busy, b"x")
        await waiting
        assert front.fetches_passed - before < 10


async def test_a_group_shares_partitions_and_keeps_its_offsets(front: Front) -> None:
    topic, group = await _topic(front, partitions=4), uuid4().hex
    async with _producer(front.port) as producer:
        for number in range(40):
            await producer.send_and_wait(topic, b"%d" % number, partition=number % 4)
        async with _consumer(front.port, topic, group) as consumer:
            assert len(await _take(consumer, 40)) == 40
            await consumer.commit()
        await producer.send_and_wait(topic, b"later", partition=0)
    async with _consumer(front.port, topic, group) as consumer:
        assert [record.value for record in await _take(consumer, 1)] == [b"later"]


async def test_a_transaction_is_seen_when_it_ends(front: Front) -> None:
    topic = await _topic(front)
    producer = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{front.port}", transactional_id=uuid4().hex)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=f"127.0.0.1:{front.port}",
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_WAIT_MS,
    )
    await producer.start()
    await consumer.start()
    try:
        waiting = asyncio.create_task(consumer.getone())
        async with producer.transaction():
            await producer.send_and_wait(topic, b"inside")
            assert not waiting.done()
        assert (await asyncio.wait_for(waiting, 60)).value == b"inside"
    finally:
        await consumer.stop()
        await producer.stop()


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_records_groups_and_offsets_survive_a_restart(end: str) -> None:
    with scratch_directory() as directory:
        broker = LocalBroker(directory, free_port())
        await broker.start()
        topic, group = "kept", "kept-group"
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
        await admin.start()
        await admin.create_topics([NewTopic(topic, 1, 1)])
        await admin.close()
        async with _producer(broker.port) as producer:
            for number in range(10):
                await producer.send_and_wait(topic, b"%d" % number)
            async with _consumer(broker.port, topic, group) as consumer:
                assert len(await _take(consumer, 10)) == 10
                await consumer.commit()
            for number in range(10, 20):
                await producer.send_and_wait(topic, b"%d" % number)
        if end == "stop":
            await broker.stop()
        else:
            broker.kill()
        await broker.start()
        try:
            async with _consumer(broker.port, topic, group) as consumer:
                assert [record.value for record in await _take(consumer, 10)] == [b"%d" % n for n in range(10, 20)]
        finally:
            await broker.stop()


async def test_nothing_is_left_when_the_front_is_killed(tmp_path: Path) -> None:
    broker = LocalBroker(tmp_path, free_port())
    await broker.start()
    children = _children(broker.pid)
    assert children
    broker.kill()
    deadline = time.monotonic() + 10
    while any(child.is_running() and child.status() != "zombie" for child in children):
        assert time.monotonic() < deadline, "noida-db outlived its front"
        await asyncio.sleep(0.05)
    with pytest.raises(OSError):
        await speaks_kafka(broker.port)


def _children(pid: int | None) -> list[psutil.Process]:
    assert pid is not None
    children: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    return children
