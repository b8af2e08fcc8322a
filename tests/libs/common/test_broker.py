import asyncio
import contextlib
import gc
import statistics
import time
import uuid
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest
from faststream.kafka import KafkaBroker, KafkaMessage

from onerouter_common import broker as broker_module
from onerouter_common import kafka_clients
from onerouter_common.broker import (
    BrokerUnavailable,
    Producer,
    PromptBatchSubscriber,
    batch_subscriber,
    ensure_topics,
)
from onerouter_common.contracts.topics import TOPICS, Topic
from onerouter_local import testing
from onerouter_local.ports import free_port

NOT_JSON = b'\xff\x00{"half'
PROMPT_S = 0.05


@pytest.fixture
async def topic(kafka_bootstrap: str) -> str:
    """A topic of this test's own, one partition."""
    name = f"test.{uuid.uuid4().hex}.v1"
    await ensure_topics(kafka_bootstrap, [Topic(name, 1, 3_600_000)])
    return name


@pytest.fixture
async def producer(kafka_bootstrap: str) -> AsyncIterator[Producer]:
    """An acknowledgement comes, however long the machine does nothing."""
    async with Producer(kafka_bootstrap, client_id="test", ack_timeout_s=60) as made:
        await made.wait_ready(60)
        yield made


@asynccontextmanager
async def consuming(
    bootstrap: str, topic: str, handle: Callable[[KafkaMessage], Awaitable[None]], group_id: str = ""
) -> AsyncIterator[PromptBatchSubscriber]:
    """A subscriber as the services make it, ready: it has its partition."""
    broker = KafkaBroker(bootstrap, logger=None)
    subscriber = batch_subscriber(broker, topic, group_id=group_id or f"test-{uuid.uuid4().hex}")
    subscriber(handle)
    await broker.start()
    try:
        async with asyncio.timeout(60):
            while subscriber.consumer is None or not subscriber.consumer.assignment():
                await asyncio.sleep(0.02)
        yield subscriber
    finally:
        await broker.stop()


@asynccontextmanager
async def bare_consumer(bootstrap: str, topic: str) -> AsyncIterator[Any]:
    """aiokafka itself, without a group, from the beginning."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


class Collected:
    """A handler that keeps the records it is given and says so."""

    def __init__(self, *, acknowledge: bool = True) -> None:
        self.records: list[Any] = []
        self.at: list[float] = []
        self._acknowledge = acknowledge
        self._more = asyncio.Condition()

    async def __call__(self, message: KafkaMessage) -> None:
        async with self._more:
            self.records += (
                list(message.raw_message) if isinstance(message.raw_message, tuple) else [message.raw_message]
            )
            self.at.append(time.monotonic())
            self._more.notify_all()
        if self._acknowledge:
            await message.ack()

    async def wait_for(self, count: int) -> list[Any]:
        async with asyncio.timeout(60), self._more:
            await self._more.wait_for(lambda: len(self.records) >= count)
        return self.records


class TestEnsureTopics:
    async def test_creates_what_is_missing_and_then_nothing(self, kafka_bootstrap: str) -> None:
        wanted = [Topic(f"test.{uuid.uuid4().hex}.v1", partitions, 3_600_000) for partitions in (1, 3)]
        assert await ensure_topics(kafka_bootstrap, wanted) == [topic.name for topic in wanted]
        assert await ensure_topics(kafka_bootstrap, wanted) == []
        assert await partitions_of(kafka_bootstrap, wanted) == [1, 3]

    async def test_several_at_once_all_succeed(self, kafka_bootstrap: str) -> None:
        wanted = [Topic(f"test.{uuid.uuid4().hex}.v1", 2, 3_600_000)]
        await asyncio.gather(*(ensure_topics(kafka_bootstrap, wanted) for _ in range(3)))
        assert await partitions_of(kafka_bootstrap, wanted) == [2]

    async def test_a_topic_with_too_few_partitions_is_for_a_person_to_decide(self, kafka_bootstrap: str) -> None:
        name, other = (f"test.{uuid.uuid4().hex}.v1" for _ in range(2))
        await ensure_topics(kafka_bootstrap, [Topic(name, 2, 3_600_000)])
        with pytest.raises(RuntimeError, match=name):
            await ensure_topics(kafka_bootstrap, [Topic(other, 1, 3_600_000), Topic(name, 4, 3_600_000)])
        assert await partitions_of(kafka_bootstrap, [Topic(name, 2, 0)]) == [2]

    async def test_more_partitions_than_declared_are_left_alone(self, kafka_bootstrap: str) -> None:
        name = f"test.{uuid.uuid4().hex}.v1"
        await ensure_topics(kafka_bootstrap, [Topic(name, 4, 3_600_000)])
        assert await ensure_topics(kafka_bootstrap, [Topic(name, 2, 3_600_000)]) == []

    async def test_the_declared_topics_are_there(self, kafka_bootstrap: str) -> None:
        assert await partitions_of(kafka_bootstrap, TOPICS) == [topic.partitions for topic in TOPICS]


async def partitions_of(bootstrap: str, topics: Any) -> list[int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        found = {entry["topic"]: len(entry["partitions"]) for entry in await admin.describe_topics()}
    finally:
        await admin.close()
    return [found[topic.name] for topic in topics]


class TestPromptBatchSubscriber:
    """Pins what it relies on in FastStream: `get_msg` is asked in a loop, and an empty answer costs no sleep."""

    async def test_bytes_arrive_as_they_were_sent_with_key_and_headers(
        self, kafka_bootstrap: str, topic: str, producer: Producer
    ) -> None:
        collected = Collected()
        async with consuming(kafka_bootstrap, topic, collected) as subscriber:
            assert type(subscriber) is PromptBatchSubscriber
            sent = [
                (NOT_JSON, ()),
                (b"", ()),
                (NOT_JSON, (("content-type", b"application/json"),)),
                (NOT_JSON, (("content-type", b"text/plain"),)),
                (b'{"a": 1}', (("traceparent", b"\xfe00"), ("traceparent", b"twice"))),
            ]
            for value, headers in sent:
                await producer.publish(topic, value, key="k1", headers=headers)
            records = await collected.wait_for(len(sent))
        assert [(record.value, tuple(record.headers)) for record in records] == sent
        assert {record.key for record in records} == {b"k1"}
        assert [record.offset for record in records] == [0, 1, 2, 3, 4]

    async def test_a_topic_that_is_missing_is_not_made_with_one_partition(self, kafka_bootstrap: str) -> None:
        broker = KafkaBroker(kafka_bootstrap, logger=None)
        subscriber = batch_subscriber(broker, "test.missing.v1", group_id=f"test-{uuid.uuid4().hex}")
        subscriber(Collected())
        assert subscriber.topics_to_create == []

    async def test_what_is_there_comes_in_one_batch(self, kafka_bootstrap: str, topic: str, producer: Producer) -> None:
        await producer.publish_many([(topic, str(number).encode(), "k", ()) for number in range(200)])
        collected = Collected()
        async with consuming(kafka_bootstrap, topic, collected):
            records = await collected.wait_for(200)
        assert [int(record.value) for record in records] == list(range(200))
        assert len(collected.at) <= 5

    async def test_a_lone_record_wakes_an_idle_subscriber_as_soon_as_it_can_be_read(
        self, kafka_bootstrap: str, topic: str, producer: Producer
    ) -> None:
        """Against a bare consumer of the same records, so that a busy machine or broker does not count."""
        collected = Collected()
        later_s: list[float] = []
        async with consuming(kafka_bootstrap, topic, collected), bare_consumer(kafka_bootstrap, topic) as bare:
            for count in range(1, 22):
                await producer.publish(topic, b"x", key="k")
                async with asyncio.timeout(60):
                    await bare.getone()
                read_at = time.monotonic()
                await collected.wait_for(count)
                later_s.append(collected.at[-1] - read_at)
        assert statistics.median(later_s) <= PROMPT_S, sorted(later_s)

    async def test_an_idle_subscriber_asks_a_few_times_a_second_at_most(
        self, kafka_bootstrap: str, topic: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        polls: list[float] = []
        polled = asyncio.Event()
        get_msg = PromptBatchSubscriber.get_msg

        async def counted(self: PromptBatchSubscriber, consumer: Any) -> tuple[Any, ...]:
            batch = await get_msg(self, consumer)
            polls.append(time.monotonic())
            if len(polls) >= 4:
                polled.set()
            return batch

        monkeypatch.setattr(PromptBatchSubscriber, "get_msg", counted)
        async with consuming(kafka_bootstrap, topic, Collected()), asyncio.timeout(60):
            await polled.wait()
        per_second = (len(polls) - 1) / (polls[-1] - polls[0])
        assert per_second < 5

    async def test_what_was_not_acknowledged_comes_again(
        self, kafka_bootstrap: str, topic: str, producer: Producer
    ) -> None:
        group = f"test-{uuid.uuid4().hex}"
        await producer.publish(topic, b"1", key="k")
        for acknowledge in (False, True):
            collected = Collected(acknowledge=acknowledge)
            async with consuming(kafka_bootstrap, topic, collected, group):
                assert [record.value for record in await collected.wait_for(1)] == [b"1"]
        await producer.publish(topic, b"2", key="k")
        collected = Collected()
        async with consuming(kafka_bootstrap, topic, collected, group):
            assert [record.value for record in await collected.wait_for(1)] == [b"2"]

    async def test_a_start_that_is_cancelled_while_it_connects_leaves_no_connection_open(
        self, kafka_bootstrap: str, topic: str, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
    ) -> None:
        connected = asyncio.Event()
        send = AIOKafkaConnection.send

        async def slowly(connection: Any, request: Any, **how: Any) -> Any:
            answer = await send(connection, request, **how)
            if isinstance(request, MetadataRequest):
                connected.set()
                await asyncio.sleep(0.05)
            return answer

        monkeypatch.setattr(AIOKafkaConnection, "send", slowly)
        broker = KafkaBroker(kafka_bootstrap, logger=None, consumer_only=True)
        batch_subscriber(broker, topic, group_id=f"test-{uuid.uuid4().hex}")(Collected())
        starting = asyncio.create_task(broker.start())
        await connected.wait()
        starting.cancel()
        await asyncio.wait([starting])
        await broker.stop()
        warnings.simplefilter("always", ResourceWarning)
        del broker, starting
        gc.collect()
        assert [str(one.message) for one in recwarn if one.category is ResourceWarning] == []

    async def test_a_start_that_outlives_its_stop_reads_nothing(
        self, kafka_bootstrap: str, topic: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go_on, started = asyncio.Event(), asyncio.Event()

        async def deaf(_: Any) -> None:
            started.set()
            while not go_on.is_set():
                with contextlib.suppress(asyncio.CancelledError):  # as aiokafka may do
                    await go_on.wait()

        monkeypatch.setattr(broker_module, "_CONNECTED_WITHIN_S", 0.01)
        monkeypatch.setattr(AIOKafkaConsumer, "start", deaf)
        broker = KafkaBroker(kafka_bootstrap, logger=None, consumer_only=True)
        subscriber = batch_subscriber(broker, topic, group_id=f"test-{uuid.uuid4().hex}")
        subscriber(Collected())
        before = asyncio.all_tasks()
        starting = asyncio.create_task(broker.start())
        await started.wait()
        starting.cancel()
        await asyncio.wait([starting])
        await broker.stop()
        go_on.set()
        await asyncio.wait([task for task in asyncio.all_tasks() - before if task is not starting], timeout=30)
        assert (subscriber.tasks, subscriber.consumer) == ([], None)

    async def test_a_stop_that_is_given_up_leaves_no_consumer(
        self, kafka_bootstrap: str, topic: str, producer: Producer
    ) -> None:
        held = asyncio.Event()

        async def hold(_: KafkaMessage) -> None:
            held.set()
            await asyncio.Event().wait()

        broker = KafkaBroker(kafka_bootstrap, logger=None, consumer_only=True)
        subscriber = batch_subscriber(broker, topic, group_id=f"test-{uuid.uuid4().hex}")
        subscriber(hold)
        before = asyncio.all_tasks()
        await broker.start()
        await producer.publish(topic, b"1", key="a")
        await held.wait()
        consumer = subscriber.consumer
        with pytest.raises(TimeoutError):
            await kafka_clients.bounded(broker.stop(), 0.01)
        async with asyncio.timeout(60):
            while asyncio.all_tasks() - before:
                await asyncio.sleep(0.02)
        assert consumer is not None
        assert consumer._closed


class TestProducer:
    async def test_publishes_in_order_to_the_partition_asked_for(
        self, kafka_bootstrap: str, producer: Producer
    ) -> None:
        name = f"test.{uuid.uuid4().hex}.v1"
        await ensure_topics(kafka_bootstrap, [Topic(name, 3, 3_600_000)])
        for number in range(5):
            await producer.publish(name, str(number).encode(), key="any", partition=2)
        async with bare_consumer(kafka_bootstrap, name) as consumer, asyncio.timeout(60):
            records = [await consumer.getone() for _ in range(5)]
        assert [(record.partition, record.value) for record in records] == [(2, str(n).encode()) for n in range(5)]

    async def test_without_a_broker_a_publish_fails_at_once_and_a_hint_is_dropped(self) -> None:
        async with Producer(f"127.0.0.1:{free_port()}", client_id="test") as producer:
            for _ in range(100):  # each at once: none waits for a broker
                with pytest.raises(BrokerUnavailable) as refused:
                    await producer.publish("commands.payments.v1", b"x", key="k")
                await producer.send_hint("replies.v1", b"x", key="k", partition=0)
            with pytest.raises(BrokerUnavailable):
                await producer.wait_ready(0.2)
        assert (refused.value.http_status, refused.value.retry_after_s) == (503, 2)
        assert not producer.is_ready

    async def test_it_recovers_when_the_broker_returns(self) -> None:
        with testing.scratch_directory() as directory:
            engine = testing.new_broker(directory)
            await engine.start()
            try:
                wanted = Topic(f"test.{uuid.uuid4().hex}.v1", 1, 3_600_000)
                await ensure_topics(engine.bootstrap_servers, [wanted])
                async with Producer(engine.bootstrap_servers, client_id="test", ack_timeout_s=60) as producer:
                    await producer.wait_ready(60)
                    await producer.publish(wanted.name, b"before", key="k")
                    await engine.stop()
                    producer._ack_timeout_s = 1.0  # only now: what is acknowledged may be so late
                    with pytest.raises(BrokerUnavailable):
                        await within(3, producer.publish(wanted.name, b"while it is away", key="k"))
                    with pytest.raises(BrokerUnavailable):
                        await producer.publish(wanted.name, b"and again", key="k")
                    await engine.start()
                    await until_published(producer, wanted.name)
            finally:
                await engine.stop()


async def within(awake_s: float, work: Coroutine[Any, Any, None]) -> None:
    """Seconds in which this loop turned: while the machine stands still, nothing can end."""
    task, left_s = asyncio.ensure_future(work), awake_s
    while left_s > 0 and not task.done():
        await asyncio.wait([task], timeout=0.02)
        left_s -= 0.02
    assert task.done(), f"not over after {awake_s} s"
    task.result()


async def until_published(producer: Producer, topic: str) -> None:
    """The product's own answer to BrokerUnavailable: try again."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await producer.publish(topic, b"after", key="k")
            except BrokerUnavailable:
                await asyncio.sleep(0.1)
