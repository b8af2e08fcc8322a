"""Kafka: one supervised producer a process, batch subscribers that wake at once, topics from one declaration."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAlreadyExistsError, for_code
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka import Topic as DeclaredTopic
from faststream.kafka.message import KafkaAckableMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber, LogicSubscriber

from onerouter_common import kafka_clients
from onerouter_common.contracts.topics import TOPICS, Topic
from onerouter_common.errors import Overloaded

log = structlog.get_logger()

Headers = Sequence[tuple[str, bytes]]

_ACK_TIMEOUT_S = 5.0
_LISTED_WITHIN_S = 10.0
_CONNECTED_WITHIN_S = 2.0


class BrokerUnavailable(Overloaded):
    """The log did not acknowledge in time. The record may still arrive: publish it again under the same id."""


class RecordTooLarge(Exception):
    """The broker will never take this record: a defect of who made it. The producer is fine."""


class Producer:
    """An idempotent producer (acks=all) that is rebuilt when it stops working.

    aiokafka's idempotent producer can stay broken after broker trouble (its sender task ends, or sequence numbers no
    longer match): every publish then fails until a new one is made. So a publish that fails hands the producer in, and
    a background task replaces it; until then publishes fail at once with BrokerUnavailable.
    """

    def __init__(self, bootstrap_servers: str, *, client_id: str, ack_timeout_s: float = _ACK_TIMEOUT_S) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self._ack_timeout_s = ack_timeout_s
        self._current: AIOKafkaProducer | None = None
        self._rebuild = asyncio.Event()
        self._rebuild.set()
        self._supervisor: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @property
    def is_ready(self) -> bool:
        return self._current is not None

    async def __aenter__(self) -> "Producer":
        self._supervisor = asyncio.create_task(self._supervise(), name="producer-supervisor")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        await self._discard()

    async def wait_ready(self, timeout_s: float) -> None:
        """Raises BrokerUnavailable when no broker answered in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            raise BrokerUnavailable("The message log cannot be reached.", retry_after_s=2) from None

    async def publish(
        self, topic: str, value: bytes | None, *, key: str, headers: Headers = (), partition: int | None = None
    ) -> None:
        """Returns once all in-sync replicas have the record. Raises BrokerUnavailable, RecordTooLarge."""
        await self._publish([(topic, value, key, headers)], partition)

    async def publish_many(self, records: Sequence[tuple[str, bytes, str, Headers]]) -> None:
        """Publish `(topic, value, key, headers)` in order; returns when all are acknowledged.

        Raises BrokerUnavailable, or RecordTooLarge, which says nothing of the others.
        Some may have arrived when it raises: records carry ids, consumers drop what they have seen.
        """
        await self._publish(records)

    async def send_hint(self, topic: str, value: bytes, *, key: str, partition: int) -> None:
        """Send something that may be lost: not waited for, not repeated, dropped when there is no broker."""
        try:
            ack = await self._working().send(topic, value, key=key.encode(), partition=partition)
        except BrokerUnavailable:
            return
        except KafkaError as error:
            self._broken(error)
            return
        except (AssertionError, ValueError) as error:  # a partition that the topic does not have
            log.warning("broker.hint.dropped", topic=topic, partition=partition, error=type(error).__name__)
            return
        ack.add_done_callback(_retrieve)

    async def _publish(
        self, records: Sequence[tuple[str, bytes | None, str, Headers]], partition: int | None = None
    ) -> None:
        producer = self._working()
        acks: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(self._ack_timeout_s):
                for topic, value, key, headers in records:
                    ack = await producer.send(
                        topic, value, key=key.encode(), headers=list(headers), partition=partition
                    )
                    acks.append(ack)
                if acks:
                    await asyncio.wait(acks)  # unlike gather it leaves them alone when we are cancelled
            for ack in acks:
                ack.result()
        except MessageSizeTooLargeError as error:
            for ack in acks:
                ack.add_done_callback(_retrieve)
            raise RecordTooLarge(str(error)) from error
        except (KafkaError, TimeoutError) as error:
            for ack in acks:
                ack.add_done_callback(_retrieve)
            raise self._broken(error) from error

    def _working(self) -> AIOKafkaProducer:
        if self._current is None:
            raise BrokerUnavailable("The message log cannot be reached.", retry_after_s=2)
        return self._current

    def _broken(self, error: BaseException) -> BrokerUnavailable:
        log.warning("broker.publish.failed", error=type(error).__name__)
        self._rebuild.set()
        return BrokerUnavailable("The message log did not acknowledge in time.", retry_after_s=2)

    async def _supervise(self) -> None:
        while True:
            await self._rebuild.wait()
            self._rebuild.clear()
            self._ready.clear()
            await self._discard()
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap_servers,
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                max_batch_size=512 * 1024,
                request_timeout_ms=int(self._ack_timeout_s * 1000),
                retry_backoff_ms=50,
            )
            try:
                await kafka_clients.start(producer, timeout_s=10)
            except asyncio.CancelledError:
                await kafka_clients.stop(producer)  # the process ends while the broker is still being reached
                raise
            except (KafkaError, TimeoutError, OSError) as error:
                log.warning("broker.unreachable", error=type(error).__name__)
                await kafka_clients.stop(producer)
                self._rebuild.set()
                await asyncio.sleep(0.5)
                continue
            self._current = producer
            self._ready.set()
            log.info("broker.producer.ready")

    async def _discard(self) -> None:
        producer, self._current = self._current, None
        if producer is not None:
            await kafka_clients.stop(producer)


def _retrieve(ack: "asyncio.Future[Any]") -> None:
    if not ack.cancelled():
        ack.exception()  # nobody waits any more; without this asyncio reports it as never retrieved


class PromptBatchSubscriber(BatchSubscriber):
    """FastStream's batch subscriber, waiting in the broker instead of in a timer, and leaving no connection behind.

    The original sleeps for `batch_timeout_ms` after each empty poll and reads nothing meanwhile: a short timeout spins,
    a long one delays a lone record. A fetch already waits in the broker until a record comes, so no sleep is needed.
    """

    async def start(self) -> None:
        """A start that is cancelled gets the time to connect; what it waits for then, its partitions, ends at once."""
        await kafka_clients.bounded(super().start(), None, grace_s=_CONNECTED_WITHIN_S)

    def add_task(self, *args: Any, **how: Any) -> None:
        """Nothing is read any more when a start ends after its stop, which took the consumer.

        The original's loop would fail for want of one, be started again at once, and so for ever.
        """
        if self.consumer is not None:
            super().add_task(*args, **how)

    async def stop(self) -> None:
        """The original's `consumer.stop()` may end half-way, silently (see kafka_clients).

        Who waits no longer for the batch that is being handled leaves neither its loop nor its consumer behind.
        """
        try:
            await super(LogicSubscriber, self).stop()
        finally:
            for task in self.tasks:
                task.cancel()
            self.tasks.clear()
            consumer, self.consumer = self.consumer, None
            if consumer is not None:
                await kafka_clients.stop(consumer)

    async def get_msg(self, consumer: Any) -> tuple[Any, ...]:
        batches = await consumer.getmany(timeout_ms=1_000, max_records=self.max_records)
        return tuple(record for batch in batches.values() for record in batch)

    async def as_received(self, batch: tuple[Any, ...]) -> KafkaMessage:
        """The batch unread. FastStream's own parser decodes headers and JSON, and skips a whole batch it cannot decode."""
        return KafkaAckableMessage(
            raw_message=batch,
            body=b"",
            message_id=f"{batch[0].offset}-{batch[-1].offset}-{batch[0].timestamp}",
            consumer=self.consumer,
        )


def batch_subscriber(
    broker: KafkaBroker, topic: str, *, group_id: str, max_records: int = 256, session_timeout_s: float = 10.0
) -> PromptBatchSubscriber:
    """Subscribe to raw batches of a topic; the handler acknowledges (AckPolicy.MANUAL) when its inbox has them.

    Each record reaches the handler as bytes with its headers: it is decoded, and parked when it cannot be, by us.
    """

    async def parse(batch: tuple[Any, ...]) -> KafkaMessage:
        return await cast("PromptBatchSubscriber", subscriber).as_received(batch)

    subscriber = broker.subscriber(
        DeclaredTopic(topic, declare=False),  # else FastStream makes a missing topic, with one partition
        group_id=group_id,
        parser=parse,
        decoder=_undecoded,
        batch=True,
        max_records=max_records,
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="earliest",
        session_timeout_ms=int(session_timeout_s * 1000),
        heartbeat_interval_ms=int(session_timeout_s * 300),
        max_poll_interval_ms=120_000,
        fetch_max_wait_ms=1_000,
    )
    # FastStream has no hook for the class it builds; both have the same slots, so the assignment is safe, and
    # tests/libs/common/test_broker.py fails if a new version changes what it relies on.
    subscriber.__class__ = PromptBatchSubscriber
    return cast("PromptBatchSubscriber", subscriber)


async def _undecoded(message: KafkaMessage) -> KafkaMessage:
    return message


async def ensure_topics(bootstrap_servers: str, topics: Sequence[Topic] = TOPICS, *, replication: int = 1) -> list[str]:
    """Create what is missing of the declared topics; returns the names that were created.

    Raises RuntimeError when a topic exists with fewer partitions than declared: adding partitions would move keys and
    break per-resource order, so a person has to decide.
    """
    async with _admin(bootstrap_servers) as admin:
        existing = {entry["topic"]: entry for entry in await admin.describe_topics()}
        too_small = [
            t.name for t in topics if t.name in existing and len(existing[t.name]["partitions"]) < t.partitions
        ]
        if too_small:
            raise RuntimeError(f"topics with fewer partitions than declared: {', '.join(too_small)}")
        missing = [topic for topic in topics if topic.name not in existing]
        if not missing:
            return []
        answer = await admin.create_topics(
            [NewTopic(t.name, t.partitions, replication, topic_configs=t.configuration) for t in missing]
        )
        created: list[str] = []
        for name, code, *_ in answer.topic_errors:
            failure = for_code(code)
            if code == 0:
                created.append(name)
            elif failure is not TopicAlreadyExistsError:  # another process was first
                raise RuntimeError(f"topic {name} was not created: {failure.__name__}")
        async with asyncio.timeout(_LISTED_WITHIN_S):
            await _until_listed(admin, {topic.name for topic in missing})
        return created


async def _until_listed(admin: Any, names: set[str]) -> None:
    """Apache Kafka says that a topic is created before every broker knows it."""
    while True:
        if names <= {entry["topic"] for entry in await admin.describe_topics() if entry["partitions"]}:
            return
        await asyncio.sleep(0.05)


@asynccontextmanager
async def _admin(bootstrap_servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=10_000)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
