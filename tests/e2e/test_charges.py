"""What a subscription charges is a payment like any other: it can be found, refunded and disputed."""

from typing import Any
from uuid import uuid4

from tests.e2e.payers import Payer, key, make
from tests.e2e.world import World, until


async def subscribed(world: World, payer: Payer) -> dict[str, Any]:
    """A subscription without a trial that its payer has agreed to, once it was charged."""
    plan = await make(
        world,
        "/v1/plans",
        name="Monthly",
        amount="30.00",
        currency=payer.currency,
        interval="month",
        provider=payer.provider,
    )
    email = f"{uuid4().hex[:8]}@example.com"
    customer = await make(world, "/v1/customers", name="Asha", email=email, provider=payer.provider)
    made = await make(world, "/v1/subscriptions", plan_id=plan["id"], customer_id=customer["id"], total_count=12)
    await payer.agree(world, made)
    return await charged(world, made, 1)


async def charged(world: World, subscription: dict[str, Any], times: int) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def so_often() -> bool:
        seen.update((await world.api.get(f"/v1/subscriptions/{subscription['id']}")).json())
        return len(seen["charges"]) >= times

    await until(so_often, f"{times} charges", lambda: seen)
    return seen


async def check_payments(world: World, subscription: dict[str, Any]) -> None:
    """Each charge is one payment, which succeeded once."""
    for charge in subscription["charges"]:
        events = await world.events_of(charge["payment_id"], "payment.succeeded")
        assert [event.type for event in events] == ["payment.created", "payment.succeeded"]
    rows = await world.fetch("payments", "SELECT id FROM payments WHERE subscription_id = $1", subscription["id"])
    assert sorted(row["id"] for row in rows) == sorted(charge["payment_id"] for charge in subscription["charges"])


async def test_a_charge_is_a_payment_and_can_be_refunded(world: World, payer: Payer) -> None:
    subscription = await subscribed(world, payer)
    (charge,) = subscription["charges"]
    payment = await world.reached(f"/v1/payments/{charge['payment_id']}", "succeeded")
    assert payment["subscription_id"] == subscription["id"]
    assert (payment["amount_minor"], payment["currency"]) == (3_000, payer.currency)
    assert payment["customer"] == {"id": subscription["customer_id"]}
    assert payment["payment_method"] is not None
    assert payment["cost"]["estimated"] is False
    assert payment["cost"]["amount_minor"] > 0
    at_provider = charge["provider_payment_id"]
    assert at_provider in (payment["provider_order_id"], payment["provider_payment_id"])
    assert (await world.api.get(f"/v1/payments/{at_provider}")).json()["id"] == payment["id"]
    await check_payments(world, subscription)
    part = await make(world, "/v1/refunds", payment_id=at_provider, amount="10.00")
    await world.reached(f"/v1/refunds/{part['id']}", "succeeded")
    rest = await make(world, "/v1/refunds", payment_id=at_provider)
    assert rest["amount_minor"] == 2_000
    await world.reached(f"/v1/refunds/{rest['id']}", "succeeded")
    refunded = await world.reached(f"/v1/payments/{payment['id']}", "refunded")
    assert refunded["amount_refunded_minor"] == 3_000
    refused = await world.api.post("/v1/refunds", json={"payment_id": at_provider}, headers=key())
    assert refused.status_code == 409, refused.text


async def test_however_often_it_is_told_it_is_one_payment(world: World, payer: Payer) -> None:
    async with world.faulty("duplicate_callback", provider=payer.provider, operation="*", delay_s=0.3, copies=2):
        subscription = await subscribed(world, payer)
        await check_payments(world, subscription)


async def test_a_charge_can_be_disputed(world: World, payer: Payer) -> None:
    charge = (await subscribed(world, payer))["charges"][0]
    payment = await world.reached(f"/v1/payments/{charge['payment_id']}", "succeeded")
    await payer.dispute(world, payment["provider_payment_id"])

    async def is_disputed() -> bool:
        return bool((await world.api.get(f"/v1/payments/{payment['id']}")).json()["disputes"])

    await until(is_disputed, "a dispute")
