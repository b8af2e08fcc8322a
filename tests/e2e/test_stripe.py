"""Stripe through the whole stack: what the gateway, the worker and the webhooks service do for any provider."""

from typing import Any
from uuid import uuid4

from tests.e2e.world import World

_STRIPE: dict[str, Any] = {"provider": "stripe", "currency": "USD", "amount": "49.90"}


async def pay(world: World, payment: dict[str, Any], **how: Any) -> None:
    """At Stripe, as its customer."""
    answer = await world.sandbox.post(f"/control/stripe/payments/{payment['provider_order_id']}/pay", json=how)
    answer.raise_for_status()


async def test_an_intent_is_paid_called_back_and_refunded(world: World) -> None:
    payment = await world.create(**_STRIPE)
    assert payment["provider"] == "stripe"
    assert payment["effect_guarantee"] == "exactly_once"
    assert payment["client_secret"].startswith(f"{payment['provider_payment_id']}_secret_")
    assert payment["checkout_url"].endswith(f"/stripe/checkout/{payment['provider_order_id']}")
    assert payment["checkout"]["publishable_key"].startswith("pk_test_")
    await pay(world, payment)
    paid = await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
    assert paid["provider_payment_id"] == payment["provider_payment_id"]
    refund = await world.refund(payment, amount="19.90")
    assert (await world.reached(f"/v1/refunds/{refund['id']}", "succeeded"))["amount_minor"] == 1_990
    part = await world.reached(f"/v1/payments/{payment['id']}", "partially_refunded")
    assert (part["amount_refunded_minor"], part["payment_method"]) == (1_990, "card")
    await world.refund(payment)
    await world.reached(f"/v1/payments/{payment['id']}", "refunded")


async def test_a_page_of_stripes_is_paid_after_a_failed_try(world: World) -> None:
    payment = await world.create(**_STRIPE, return_url="https://shop.example/done")
    assert payment["provider_order_id"].startswith("cs_test_")
    assert payment["client_secret"] is None
    assert (await world.sandbox.get(payment["checkout_url"])).status_code == 200
    await pay(world, payment, outcome="failure", decline="insufficient_funds")
    failed = await world.reached(f"/v1/payments/{payment['id']}", "failed")
    assert failed["failure"]["code"] == "insufficient_funds"
    await pay(world, payment)
    paid = await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
    assert paid["provider_order_id"] == payment["provider_order_id"]
    assert paid["provider_payment_id"].startswith("pi_")
    found = await world.api.get(f"/v1/payments/{paid['provider_payment_id']}")
    assert found.json()["id"] == payment["id"]


async def test_a_part_of_a_hold_is_captured(world: World) -> None:
    payment = await world.create(**_STRIPE, capture="manual")
    await pay(world, payment)
    await world.reached(f"/v1/payments/{payment['id']}", "authorized")
    captured = await world.api.post(
        f"/v1/payments/{payment['id']}/capture", json={"amount": "20.00"}, headers={"Idempotency-Key": str(uuid4())}
    )
    assert (captured.status_code, captured.json()["status"]) == (200, "succeeded"), captured.text
    refund = await world.refund(payment)
    assert refund["amount_minor"] == 2_000
    assert (await world.reached(f"/v1/payments/{payment['id']}", "refunded"))["amount_refunded_minor"] == 2_000


async def test_holds_and_pages_are_canceled(world: World) -> None:
    held = await world.create(**_STRIPE, capture="manual")
    await pay(world, held)
    await world.reached(f"/v1/payments/{held['id']}", "authorized")
    page = await world.create(**_STRIPE, return_url="https://shop.example/done")
    for payment in (held, page):
        canceled = await world.api.post(
            f"/v1/payments/{payment['id']}/cancel", headers={"Idempotency-Key": str(uuid4())}
        )
        assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled"), canceled.text
        assert canceled.json()["amount_refunded_minor"] == 0


async def test_an_answer_that_is_lost_is_found_without_a_second_effect(world: World) -> None:
    await world.fault("timeout_after_effect", provider="stripe", operation="payment_intents.create", hold_s=5)
    payment = await world.create(**_STRIPE, expect=201)
    effects = await world.effects(payment["id"])
    assert [effect["kind"] for effect in effects] == ["payment_intent.created"]


async def test_what_names_no_provider_goes_to_the_first(world: World) -> None:
    assert (await world.create())["provider"] == "razorpay"
