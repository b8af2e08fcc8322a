"""Aggregates in a real PostgreSQL: stored whole, found by every name, never overwritten by an older writer."""

import asyncio
from dataclasses import replace

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.db.engine import Pool
from onerouter_payments.payment.aggregate import PaymentAggregate, add_refund, observe_payment, observe_refund
from onerouter_payments.payment.repository import PaymentStore, find_keys
from onerouter_providers.capability import PaymentSnapshot, RefundSnapshot

from ..examples import NOW, a_callback, a_payment, a_refund, captured

STORE = PaymentStore()
FULL = {
    "capture": "manual",
    "method": "upi",
    "method_details": {"upi_app": "x"},
    "receipt": "A-1",
    "description": "Tea",
    "notes": {"cart": "7"},
    "metadata": {"run": "1"},
    "customer": {"id": "cus_1", "email": "a@example.com"},
    "captured_minor": 40_000,
    "effect_guarantee": "at_most_once",
}


async def save(pool: Pool, *aggregates: PaymentAggregate) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await STORE.save(connection, aggregates)


async def load(pool: Pool, payment_id: str) -> PaymentAggregate:
    async with pool.acquire() as connection, connection.transaction():
        return (await STORE.load(connection, [payment_id], lock=True))[payment_id]


async def test_what_is_saved_is_what_is_loaded(pool: Pool) -> None:
    aggregate = captured(**FULL)
    aggregate = add_refund(aggregate, a_refund(aggregate.payment, notes={"why": "x"}, speed="optimum", reason="r"))
    other = captured()
    await save(pool, aggregate, other)
    assert await load(pool, aggregate.payment.id) == aggregate
    assert await load(pool, other.payment.id) == other


async def test_missing_ones_are_missing(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await STORE.load(connection, ["pay_none"], lock=False) == {}


async def test_an_older_writer_changes_nothing(pool: Pool) -> None:
    before = captured()
    await save(pool, before)
    stale = await load(pool, before.payment.id)
    newer = observe_payment(
        await load(pool, before.payment.id),
        PaymentSnapshot("succeeded", method="card", provider_payment_id="pay_2"),
        NOW,
    )
    await save(pool, newer.aggregate)
    # What a `begin` without a lock would write: a change of its own on what it had read before.
    await save(
        pool, replace(stale, payment=replace(stale.payment, connection_id="con_2", revision=stale.payment.revision + 1))
    )
    assert await load(pool, before.payment.id) == newer.aggregate


async def test_another_tenants_row_is_never_overwritten(pool: Pool) -> None:
    before = captured()
    await save(pool, before)
    await save(pool, PaymentAggregate(replace(before.payment, tenant_id="ten_2", status="failed", revision=99)))
    assert await load(pool, before.payment.id) == before


async def test_a_facts_growing_rank_is_kept_without_a_version(pool: Pool) -> None:
    aggregate = observe_payment(
        PaymentAggregate(a_payment()), PaymentSnapshot("succeeded", "order_1", "pay_1"), NOW
    ).aggregate
    aggregate = observe_payment(
        aggregate, PaymentSnapshot("authorized", "order_1", "pay_1", method="upi"), NOW
    ).aggregate
    await save(pool, aggregate)
    told = PaymentSnapshot("succeeded", "order_1", "pay_1", method="upi")
    change = observe_payment(await load(pool, aggregate.payment.id), told, NOW)
    assert change.happened == ()
    await save(pool, change.aggregate)
    loaded = await load(pool, aggregate.payment.id)
    assert loaded == change.aggregate
    assert loaded.payment.version == aggregate.payment.version


async def test_a_lock_holds_the_whole_aggregate(pool: Pool) -> None:
    aggregate = captured()
    await save(pool, aggregate)
    order: list[str] = []
    entered = asyncio.Event()

    async def second() -> None:
        await entered.wait()
        async with pool.acquire() as connection, connection.transaction():
            held = (await STORE.load(connection, [aggregate.payment.id], lock=True))[aggregate.payment.id]
            order.append("second")
            assert len(held.refunds) == 1

    task = asyncio.create_task(second())
    async with pool.acquire() as connection, connection.transaction():
        held = (await STORE.load(connection, [aggregate.payment.id], lock=True))[aggregate.payment.id]
        entered.set()
        await _until_somebody_waits(pool)
        await STORE.save(connection, [add_refund(held, a_refund(held.payment))])
        order.append("first")
    await task
    assert order == ["first", "second"]


async def test_callbacks_find_their_payment_by_every_name(pool: Pool) -> None:
    aggregate = captured()
    refund = a_refund(aggregate.payment)
    aggregate = add_refund(aggregate, refund)
    aggregate = observe_refund(aggregate, refund.id, RefundSnapshot("pending", "rfnd_1"), NOW).aggregate
    await save(pool, aggregate)
    names = [
        {"reference": aggregate.payment.id},
        {"reference": refund.id},
        {"refund_id": "rfnd_1"},
        {"payment_id": "pay_1"},
        {"order_id": "order_1"},
    ]
    callbacks = [
        a_callback(CallbackObject.model_validate({"kind": "payment", "status": "succeeded", **name})) for name in names
    ]
    strangers = [
        callback.model_copy(update={"connection_id": "con_2", "callback_id": f"{callback.callback_id}2"})
        for callback in callbacks
    ]
    unknown = a_callback(CallbackObject(kind="payment", status="succeeded", order_id="order_2"))
    async with pool.acquire() as connection:
        found = await find_keys(connection, [*callbacks, *strangers, unknown])
    assert found == {callback.callback_id: aggregate.payment.id for callback in callbacks}


async def test_a_refund_nobody_claims_waits_for_ours_under_way(pool: Pool) -> None:
    aggregate = captured()
    refund = a_refund(aggregate.payment)
    await save(pool, add_refund(aggregate, refund))
    told = a_callback(CallbackObject(kind="refund", status="succeeded", payment_id="pay_1", refund_id="rfnd_1"))
    async with pool.acquire() as connection:
        assert await find_keys(connection, [told]) == {}
    held = await load(pool, aggregate.payment.id)
    await save(pool, observe_refund(held, refund.id, RefundSnapshot("pending", "rfnd_9"), NOW).aggregate)
    async with pool.acquire() as connection:
        assert await find_keys(connection, [told]) == {told.callback_id: aggregate.payment.id}


async def _until_somebody_waits(pool: Pool) -> None:
    query = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
    async with asyncio.timeout(60), pool.acquire() as connection:
        while not await connection.fetchval(query):
            await asyncio.sleep(0)
