"""Events go out each on its own, in the order of their key, and none of them delays a revoked key."""

import asyncio
import secrets
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client import REGISTRY as METRICS
from tests.services.registry.conftest import Registry
from tests.services.registry.hearing import Heard

from onerouter_common.broker import Producer
from onerouter_common.db.engine import Pool, worker_pool
from onerouter_common.retry import Backoff
from onerouter_registry.outbox import repository
from onerouter_registry.outbox.events import EventPublisher
from onerouter_registry.tenant.model import Tenant

TOO_LARGE = b"x" * (2 * 1024 * 1024)


def fresh_topic() -> str:
    return f"events.of-a-test.{secrets.token_hex(6)}"


def impossible_topic() -> str:
    """No broker has it or makes it: what is sent there waits for it until it fails."""
    return f"events.of a test/{secrets.token_hex(6)}"


async def create_topic(kafka_bootstrap: str, topic: str, **configuration: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        named = {name.replace("_", "."): value for name, value in configuration.items()}
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=named)])
    finally:
        await admin.close()
    return topic


@pytest.fixture
async def topic(kafka_bootstrap: str) -> str:
    return await create_topic(kafka_bootstrap, fresh_topic())


@dataclass
class Outbox:
    """The outbox, and one who publishes its events but does not wait for long."""

    pool: Pool
    publisher: EventPublisher
    tenant_id: str

    async def add(self, topic: str, key: str, value: bytes) -> None:
        await self.pool.execute(
            "INSERT INTO outbox (tenant_id, environment, topic, key, value, created_at) "
            "VALUES ($1, 'test', $2, $3, $4, clock_timestamp())",
            self.tenant_id,
            topic,
            key,
            value,
        )

    async def values(self, condition: str = "true") -> list[bytes]:
        rows = await self.pool.fetch(
            f"SELECT value FROM outbox WHERE topic LIKE 'events.%' AND {condition} ORDER BY id"
        )
        return [row["value"] for row in rows]

    async def publish_until_left(self, *left: bytes) -> None:
        async with asyncio.timeout(60):
            while await self.values() != list(left):
                await self.publish()

    async def publish(self) -> float:
        wait_s = await self.publisher.publish()
        await asyncio.sleep(min(wait_s, 0.02))
        return wait_s


@pytest.fixture
async def outbox(registry: Registry, tenant: Tenant, kafka_bootstrap: str) -> AsyncIterator[Outbox]:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(worker_pool(registry.database.dsn, "registry", size=4))
        producer = Producer(kafka_bootstrap, client_id="test", ack_timeout_s=1.0)
        await stack.enter_async_context(producer)
        backoff = Backoff(first_s=0.2, most_s=0.2)
        yield Outbox(pool, EventPublisher(pool, producer, poll_s=10.0, backoff=backoff), tenant.id)


async def read(kafka_bootstrap: str, topic: str, count: int) -> list[bytes]:
    """The topic's first records. One that is published while a producer is rebuilt may be there twice: it counts once."""
    told: dict[bytes, None] = {}
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest")
    try:
        await consumer.start()
        async with asyncio.timeout(60):
            while len(told) < count:
                told[(await anext(consumer)).value] = None
            return list(told)
    finally:
        await consumer.stop()


class TestPublish:
    async def test_keeps_the_order_of_a_key(self, outbox: Outbox, topic: str, kafka_bootstrap: str) -> None:
        for number in range(5):
            for key in ("a", "b"):
                await outbox.add(topic, key, f"{key}{number}".encode())
        await outbox.publish_until_left()
        told = await read(kafka_bootstrap, topic, 10)
        for start in (b"a", b"b"):
            assert [value for value in told if value.startswith(start)] == [
                start + b"%d" % number for number in range(5)
            ]

    async def test_waits_for_what_another_relay_has_taken_of_the_key(self, outbox: Outbox, topic: str) -> None:
        await outbox.add(topic, "a", b"a1")
        (taken,) = await repository.take_events(outbox.pool, 10, lease_s=60)
        await outbox.add(topic, "a", b"a2")
        await outbox.add(topic, "b", b"b1")
        await outbox.publish_until_left(b"a1", b"a2")
        await outbox.publish()
        assert await outbox.values() == [b"a1", b"a2"]
        await repository.delete(outbox.pool, [taken.id])  # the other one has told it
        await outbox.publish_until_left()

    async def test_takes_over_what_another_relay_has_left(self, outbox: Outbox, topic: str) -> None:
        await outbox.add(topic, "a", b"a1")
        assert await repository.take_events(outbox.pool, 10, lease_s=0.2)
        await outbox.publish_until_left()

    async def test_what_fails_holds_up_its_key_alone(self, outbox: Outbox, topic: str, kafka_bootstrap: str) -> None:
        missing = impossible_topic()
        for number in range(3):
            await outbox.add(missing, "c", b"late%d" % number)
        await outbox.add(topic, "a", b"a1")
        await outbox.add(topic, "b", b"b1")
        await outbox.publish()
        assert await outbox.values() == [b"late0", b"late1", b"late2"]
        assert await outbox.values("attempts > 0") == [b"late0"]
        await outbox.add(topic, "a", b"a2")
        await outbox.publish_until_left(b"late0", b"late1", b"late2")
        await outbox.pool.execute("UPDATE outbox SET topic = $1 WHERE topic = $2", topic, missing)  # mended
        await outbox.publish_until_left()
        told = await read(kafka_bootstrap, topic, 6)
        assert [value for value in told if value.startswith(b"late")] == [b"late0", b"late1", b"late2"]

    async def test_is_not_tried_again_before_its_time(self, outbox: Outbox) -> None:
        await outbox.add(impossible_topic(), "a", b"a1")
        await outbox.publish()
        await outbox.pool.execute("UPDATE outbox SET due_at = now() + interval '1 hour' WHERE attempts > 0")
        await outbox.publish()
        assert await outbox.values("attempts = 1") == [b"a1"]


class TestParking:
    async def test_a_too_large_event_is_parked_and_later_ones_go_out(
        self, outbox: Outbox, topic: str, kafka_bootstrap: str
    ) -> None:
        parked_before = METRICS.get_sample_value("onerouter_registry_events_parked_total") or 0
        await outbox.add(topic, "a", TOO_LARGE)
        await outbox.add(topic, "a", b"a2")
        await outbox.add(topic, "b", b"b1")
        await outbox.publish_until_left(TOO_LARGE)
        assert await outbox.values("parked_at IS NOT NULL") == [TOO_LARGE]
        assert set(await read(kafka_bootstrap, topic, 2)) == {b"a2", b"b1"}
        assert METRICS.get_sample_value("onerouter_registry_events_parked_total") == parked_before + 1

    async def test_one_that_the_broker_refuses_is_parked(self, outbox: Outbox, kafka_bootstrap: str) -> None:
        narrow = await create_topic(kafka_bootstrap, fresh_topic(), max_message_bytes="1000")
        refused = secrets.token_bytes(10_000)
        await outbox.add(narrow, "a", refused)
        await outbox.add(narrow, "a", b"a2")
        await outbox.publish_until_left(refused)
        assert await outbox.values("parked_at IS NOT NULL") == [refused]

    async def test_is_tried_again_when_an_operator_says_so(self, outbox: Outbox, topic: str) -> None:
        await outbox.add(topic, "a", b"a1")
        await outbox.pool.execute("UPDATE outbox SET parked_at = now() WHERE topic = $1", topic)
        await outbox.publish()
        assert await outbox.values() == [b"a1"]
        await outbox.pool.execute("UPDATE outbox SET parked_at = NULL WHERE topic = $1", topic)
        await outbox.publish_until_left()


async def test_revocations_are_heard_while_an_event_cannot_be_published(
    registry: Registry, outbox: Outbox, tenant: Tenant, running: None, heard: Heard
) -> None:
    await heard.heartbeats(1)
    await outbox.add(impossible_topic(), "a", b"for a topic that is not there")
    await outbox.add(impossible_topic(), "b", b"for another")
    took_s = []
    async with asyncio.timeout(90):
        while len(await outbox.values("attempts > 0")) < 2:  # so that a failure is lived through
            key = (await registry.admin.api_keys.create(tenant.id, "test", name="backend")).api_key
            await heard.until(lambda key=key: any(one.id == key.id for one in heard.changes))  # type: ignore[misc]
            before = len(heard.changes)
            started = time.monotonic()
            await registry.admin.api_keys.revoke(tenant.id, "test", key.id)
            await heard.until(lambda before=before: len(heard.changes) > before)  # type: ignore[misc]
            took_s.append(heard.heard_at[-1] - started)
            assert heard.changes[-1].key_hash == key.hash
            await heard.heartbeats(2)
    assert statistics.median(took_s) < 0.8, "one may meet a moment in which the machine does nothing"
