"""A feed that may have missed something says so."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from onerouter_common import change_feed
from onerouter_common.broker import Producer, ensure_topics
from onerouter_common.change_feed import ChangeFeed
from onerouter_common.contracts.registry import HEARTBEAT_KEY, RegistryChange
from onerouter_common.contracts.topics import REGISTRY_CHANGES
from onerouter_local.testing import new_broker, scratch_directory

PATIENT_S = 60.0
"""A broker that answers later is away: none is, however long the machine does nothing."""


async def until(holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.02)


def change(number: int) -> RegistryChange:
    return RegistryChange(
        entity="tenant", id=f"ten_{number}", tenant_id="t", environment=None, change="updated", at=datetime.now(UTC)
    )


async def publish(servers: str, *values: bytes) -> None:
    async with Producer(servers, client_id="test", ack_timeout_s=PATIENT_S) as producer:
        await producer.wait_ready(60)
        for value in values:
            await producer.publish(REGISTRY_CHANGES, value, key="k")


async def test_only_what_comes_after_it_went_live_is_told(kafka_bootstrap: str) -> None:
    heard: list[str] = []
    gaps: list[bool] = []
    await publish(kafka_bootstrap, change(1).to_bytes())
    async with ChangeFeed(
        kafka_bootstrap, lambda one: heard.append(one.id), lambda: gaps.append(True), answer_s=PATIENT_S
    ) as feed:
        assert await feed.wait_reading(60)
        await publish(kafka_bootstrap, change(2).to_bytes(), b'{"entity": "planet"}', change(3).to_bytes())
        await until(lambda: len(heard) == 2)
    assert heard == ["ten_2", "ten_3"]
    assert len(gaps) == 3  # going live, what it could not read, the end


async def test_a_lost_broker_is_a_gap_and_reading_goes_on_when_it_is_back() -> None:
    with scratch_directory() as directory:
        broker = new_broker(Path(directory))
        await broker.start()
        try:
            servers = broker.bootstrap_servers
            await ensure_topics(servers)
            heard: list[str] = []
            gaps: list[bool] = []
            async with ChangeFeed(
                servers,
                lambda one: heard.append(one.id),
                lambda: gaps.append(True),
                check_s=0.2,
                answer_s=3.0,
            ) as feed:
                assert await feed.wait_reading(60)
                await broker.stop()
                await until(lambda: not feed.is_reading)
                # One where it began to read and one where it ended, and so each time the machine stood still for too long.
                assert len(gaps) % 2 == 0
                feed._answer_s = PATIENT_S
                await broker.start()
                await ensure_topics(servers)
                assert await feed.wait_reading(60)
                assert len(gaps) % 2 == 1
                await publish(servers, change(7).to_bytes())
                await until(lambda: heard == ["ten_7"])
        finally:
            await broker.stop()


async def test_without_a_broker_it_is_not_live_and_ends_at_once() -> None:
    async with ChangeFeed("127.0.0.1:1", lambda _: None, lambda: None) as feed:
        assert not await feed.wait_reading(0.2)
        assert not feed.is_live


async def test_it_is_live_while_a_registry_lets_hear_of_itself(
    kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps: list[bool] = []
    now = 1_000.0
    monkeypatch.setattr(change_feed, "time", SimpleNamespace(monotonic=lambda: now))
    async with (
        Producer(kafka_bootstrap, client_id="test", ack_timeout_s=PATIENT_S) as producer,
        ChangeFeed(kafka_bootstrap, lambda _: None, lambda: gaps.append(True), answer_s=PATIENT_S) as feed,
    ):
        await producer.wait_ready(60)
        assert await feed.wait_reading(60)
        assert not feed.is_live
        for _ in range(2):
            await producer.publish(REGISTRY_CHANGES, None, key=HEARTBEAT_KEY)
            await until(lambda: feed.is_live)
            now += 0.8
            assert feed.is_live
            now += 0.2
            assert not feed.is_live
        await producer.publish(REGISTRY_CHANGES, None, key="ten_1")
        await producer.publish(REGISTRY_CHANGES, change(1).to_bytes(), key="ten_1")
        assert not feed.is_live
    assert len(gaps) == 2  # where it began and ended: silence is none


async def test_a_feed_that_delivers_nothing_of_what_is_there_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck:
        """Answers every question, and never hands out a record."""

        ends = 0

        def __init__(self, **_: object) -> None: ...

        async def start(self) -> None: ...

        async def stop(self) -> None: ...

        def assign(self, _: object) -> None: ...

        def seek(self, partition: object, offset: int) -> None: ...

        async def position(self, _: object) -> int:
            return 0

        async def end_offsets(self, partitions: list[object]) -> dict[object, int]:
            return dict.fromkeys(partitions, Stuck.ends)

        async def getmany(self, *, timeout_ms: int) -> dict[object, object]:
            await asyncio.sleep(0.005)
            return {}

    monkeypatch.setattr(change_feed, "AIOKafkaConsumer", Stuck)
    gaps: list[bool] = []
    async with ChangeFeed("nowhere", lambda _: None, lambda: gaps.append(True), check_s=0.02) as feed:
        assert await feed.wait_reading(60)
        await asyncio.sleep(0.2)
        assert len(gaps) == 1  # nothing new and nothing delivered is how it should be
        Stuck.ends = 1
        await until(lambda: len(gaps) > 1)
