"""PayPal through the whole stack: approved by the payer, called back by certificate, captured by us, refunded."""

from typing import Any
from uuid import uuid4

from tests.e2e.world import World

_PAYPAL: dict[str, Any] = {"provider": "paypal", "currency": "USD", "amount": "49.90"}


async def approve(world: World, payment: dict[str, Any], **how: Any) -> None:
    """At PayPal, as its payer."""
    answer = await world.sandbox.post(f"/control/paypal/orders/{payment['provider_order_id']}/approve", json=how)
    answer.raise_for_status()


async def captures(world: World, payment: dict[str, Any]) -> list[int]:
    """What PayPal took for it."""
    return [one["amount"] for one in await world.effects(payment["id"]) if one["kind"] == "payment.captured"]


async def test_what_the_payer_approved_is_taken_and_refunded(world: World) -> None:
    payment = await world.create(**_PAYPAL, return_url="https://shop.example/done")
    assert (payment["provider"], payment["status"]) == ("paypal", "requires_action")
    assert payment["effect_guarantee"] == "exactly_once"
    page = await world.sandbox.get(payment["checkout_url"])
    assert page.status_code == 200
    form = {"token": payment["provider_order_id"], "action": "approve"}
    approved = await world.sandbox.post(payment["checkout_url"].split("?")[0], data=form)
    assert "https://shop.example/done?token=" in approved.text
    paid = await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
    assert paid["payment_method"] == "wallet"
    assert await captures(world, payment) == [4_990]
    found = await world.api.get(f"/v1/payments/{paid['provider_payment_id']}")
    assert found.json()["id"] == payment["id"]
    refund = await world.refund(payment, amount="19.90")
    assert (await world.reached(f"/v1/refunds/{refund['id']}", "succeeded"))["amount_minor"] == 1_990
    part = await world.reached(f"/v1/payments/{payment['id']}", "partially_refunded")
    assert part["amount_refunded_minor"] == 1_990
    await world.refund(payment)
    await world.reached(f"/v1/payments/{payment['id']}", "refunded")


async def test_a_declined_payer_may_try_again(world: World) -> None:
    payment = await world.create(**_PAYPAL)
    await approve(world, payment, decline="INSTRUMENT_DECLINED")
    failed = await world.reached(f"/v1/payments/{payment['id']}", "failed")
    assert failed["failure"]["code"] == "card_declined"
    await approve(world, payment)
    await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
    assert await captures(world, payment) == [4_990]


async def test_so_may_one_whose_decline_was_never_heard(world: World) -> None:
    payment = await world.create(**_PAYPAL)
    await world.fault("timeout_after_effect", provider="paypal", operation="orders.capture", hold_s=2)
    await approve(world, payment, decline="INSTRUMENT_DECLINED")
    failed = await world.reached(f"/v1/payments/{payment['id']}", "failed")
    assert failed["failure"]["code"] == "authentication_required"
    await approve(world, payment)
    await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
    assert await captures(world, payment) == [4_990]


async def test_a_part_of_a_hold_is_captured_another_is_let_go(world: World) -> None:
    kept, let_go = [await world.create(**_PAYPAL, capture="manual") for _ in range(2)]
    for payment in (kept, let_go):
        await approve(world, payment)
        await world.reached(f"/v1/payments/{payment['id']}", "authorized")
    captured = await world.api.post(
        f"/v1/payments/{kept['id']}/capture", json={"amount": "20.00"}, headers={"Idempotency-Key": str(uuid4())}
    )
    assert (captured.status_code, captured.json()["status"]) == (200, "succeeded"), captured.text
    canceled = await world.api.post(f"/v1/payments/{let_go['id']}/cancel", headers={"Idempotency-Key": str(uuid4())})
    assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled"), canceled.text
    assert (await captures(world, kept), await captures(world, let_go)) == ([2_000], [])
    assert (await world.refund(kept))["amount_minor"] == 2_000


async def test_a_capture_whose_answer_is_lost_takes_the_money_once(world: World) -> None:
    payment = await world.create(**_PAYPAL)
    await world.fault("timeout_after_effect", provider="paypal", operation="orders.capture", hold_s=2)
    await approve(world, payment)
    await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
    assert await captures(world, payment) == [4_990]


async def test_callbacks_that_come_twice_late_or_in_another_order_change_nothing(world: World) -> None:
    for kind in ("duplicate_callback", "reordered_callbacks", "late_callback"):
        payment = await world.create(**_PAYPAL)
        async with world.faulty(kind, provider="paypal", operation="*", delay_s=0.5, copies=2):
            await approve(world, payment)
            await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
            assert await captures(world, payment) == [4_990], kind


async def test_a_create_whose_answer_is_lost_is_repeated_under_its_key(world: World) -> None:
    await world.fault("timeout_after_effect", provider="paypal", operation="orders.create", hold_s=2)
    payment = await world.create(**_PAYPAL, expect=201)
    assert [effect["kind"] for effect in await world.effects(payment["id"])] == ["order.created"]
