"""One resource at a time, no neighbour starved, nothing refused because there was no room."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.libs.common.worker.rig import FAST, Rig, create_payment, create_refund, until

from onerouter_common.contracts import topics
from onerouter_common.contracts.commands import HEADER_REPLY_PARTITION, Command
from onerouter_common.worker import runtime
from onerouter_common.worker.runtime import WorkerOptions
from onerouter_common.worker.slots import Bounds, Slots


def options(**changes: Any) -> WorkerOptions:
    return WorkerOptions(
        lease_ttl_s=FAST.lease_ttl_s, retry=FAST.retry, ask=FAST.ask, drain_timeout_s=FAST.drain_timeout_s, **changes
    )


async def test_operations_of_one_resource_run_one_after_the_other(rig: Rig) -> None:
    async with rig.worker():
        payment = create_payment(amount_minor=10_000)
        await rig.ask(payment)
        refunds = [create_refund(payment, 1_000) for _ in range(5)]
        for refund in refunds:
            await rig.send(refund)
        for refund in refunds:
            await rig.until_state(refund.operation_id, "succeeded")
    assert rig.provider.most_at_once[payment.resource_id] == 1
    rows = await rig.pool.fetch(
        "SELECT id FROM operations WHERE operation = 'refund.create' ORDER BY finished_at, sequence"
    )
    assert [row["id"] for row in rows] == [refund.operation_id for refund in refunds]


async def test_concurrent_refunds_never_exceed_the_payment(rig: Rig) -> None:
    async with rig.worker():
        payment = create_payment(amount_minor=10_000)
        await rig.ask(payment)
        refunds = [create_refund(payment, 4_000) for _ in range(5)]
        await asyncio.gather(*(rig.send(refund) for refund in refunds))
        states = [(await rig.until_state(r.operation_id, "succeeded", "failed"))["state"] for r in refunds]
    assert sorted(states) == ["failed", "failed", "failed", "succeeded", "succeeded"]
    refunded = await rig.pool.fetchval("SELECT amount_refunded_minor FROM payments WHERE id = $1", payment.resource_id)
    assert refunded == 8_000


async def test_a_busy_tenant_leaves_room_for_the_others(rig: Rig) -> None:
    rig.provider.gate = asyncio.Event()
    async with rig.worker(options(bounds=Bounds(worker=6, tenant=4))):
        for _ in range(20):
            await rig.send(create_payment(tenant="ten_loud"))
        await until(lambda: len(rig.provider.calls) == 4)
        quiet = create_payment(tenant="ten_quiet")
        await rig.send(quiet)
        await until(lambda: f"create:{quiet.resource_id}" in rig.provider.calls)
        rig.provider.gate.set()
        await until(lambda: len(rig.provider.calls) == 21)
        async with asyncio.timeout(60):
            while await rig.pool.fetchval("SELECT count(*) FROM operations WHERE state <> 'succeeded'"):
                await asyncio.sleep(0.02)
    assert set(rig.provider.effects.values()) == {1}


async def test_a_tenant_at_its_bound_goes_on_as_soon_as_something_ends(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "_IDLE_CLAIM_S", 20.0)  # or each pair waits for the next look
    rig.provider.gate = asyncio.Event()
    async with rig.worker(options(bounds=Bounds(worker=100, tenant=2))) as worker:
        for _ in range(20):
            await rig.send(create_payment())
        async with asyncio.timeout(60):
            while await rig.pool.fetchval("SELECT count(*) FROM operations") < 20:
                await asyncio.sleep(0.02)
        rig.provider.gate.set()
        await until(lambda: len(rig.provider.calls) == 20)
        await until(lambda: not worker._slots.in_flight)
        assert not worker._claims.due._held_keys


async def test_a_connection_is_never_given_more_than_its_bound(rig: Rig) -> None:
    rig.connections.connections[0].max_in_flight = 2
    rig.provider.gate = asyncio.Event()
    async with rig.worker():
        for _ in range(6):
            await rig.send(create_payment())
        await until(lambda: len(rig.provider.calls) == 2)
        async with asyncio.timeout(60):
            while await rig.pool.fetchval("SELECT count(*) FROM operations") < 6:
                await asyncio.sleep(0.02)
        assert len(rig.provider.calls) == 2
        rig.provider.gate.set()
        await until(lambda: len(rig.provider.calls) == 6)


async def test_a_scheduled_operation_waits_for_its_time(rig: Rig) -> None:
    async with rig.worker():
        at = datetime.now(UTC) + timedelta(seconds=1.5)
        command = create_payment(not_before=at)
        await rig.send(command)
        await rig.until_state(command.operation_id, "scheduled", "succeeded")
        early = bool(rig.provider.calls)
        assert not early or datetime.now(UTC) >= at
        row = await rig.until_state(command.operation_id, "succeeded")
    assert at <= row["finished_at"]


async def test_an_undecodable_record_is_parked_and_holds_up_nobody(rig: Rig) -> None:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    async with rig.worker():
        await rig.producer.publish(topics.commands("payments"), b"\xffnot json", key="x")
        assert (await rig.ask(create_payment())).state == "succeeded"
    parked = TopicPartition(topics.dead_commands("payments"), 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=rig.bootstrap, enable_auto_commit=False)
    try:
        await consumer.start()
        consumer.assign([parked])
        await consumer.seek_to_beginning(parked)
        found = await consumer.getone(parked)
    finally:
        await consumer.stop()
    assert found.value == b"\xffnot json"
    assert dict(found.headers)["dead-reason"].startswith(b"not a command")


async def test_what_cannot_be_stored_keeps_nothing_else_from_being_stored(rig: Rig) -> None:
    def described(text: str) -> Command:
        return create_payment(payload={"amount_minor": 100, "currency": "INR", "description": text})

    bad, good, other = described("a\x00b"), described("a\\u0000b"), create_payment()
    odd = [(HEADER_REPLY_PARTITION, b"9" * 12), ("traceparent", b"00-\x00")]
    async with rig.worker():
        await rig.send(bad)
        await rig.producer.publish(topics.commands("payments"), other.to_bytes(), key="x", headers=odd)
        assert (await rig.ask(good)).state == "succeeded"
        await rig.until_state(other.operation_id, "succeeded")
    assert await rig.pool.fetchval("SELECT count(*) FROM operations WHERE id = $1", bad.operation_id) == 0


def test_bulk_fills_three_quarters_of_every_bound() -> None:
    slots = Slots(Bounds(worker=8, tenant=4))
    assert [slots.take("a", "c1", 10, 1) for _ in range(4)] == [True, True, True, False], "of the tenant's"
    assert (slots.full_tenants(), slots.full_tenants(1)) == ([], ["a"])
    assert slots.take("a", "c1", 10)
    assert [slots.take("b", "c2", 2, 1) for _ in range(2)] == [True, False], "of the connection's"
    assert slots.take("b", "c2", 2)
    assert [slots.take(tenant, None, 0, 1) for tenant in "cde"] == [True, True, False], "of the worker's"
    assert (slots.room, slots.room_for(1)) == (0, 0)
    slots.give("c", None, 1)
    assert (slots.room, slots.room_for(1)) == (1, 1)


def test_slots_are_given_back_at_every_level() -> None:
    slots = Slots(Bounds(worker=3, tenant=2))
    assert slots.take("a", "c1", 5)
    assert slots.take("a", "c1", 5)
    assert not slots.take("a", "c1", 5), "the tenant is full"
    assert slots.full_tenants() == ["a"]
    assert not slots.take("b", "c2", 0), "the connection takes none"
    assert slots.take("b", None, 0)
    assert not slots.take("c", None, 0), "the worker is full"
    for tenant, connection in (("a", "c1"), ("a", "c1"), ("b", None)):
        slots.give(tenant, connection)
    assert (slots.in_flight, slots.room) == (0, 3)
