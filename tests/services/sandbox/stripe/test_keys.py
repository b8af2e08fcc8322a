"""Idempotency keys as Stripe keeps them."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.pausing import Pause
    from tests.services.sandbox.stripe.conftest import Shop

GOOD = {"amount": "1299", "currency": "usd", "metadata[onerouter_payment_id]": "order-7"}


async def test_a_repeat_is_answered_with_the_first_answer(shop: "Shop") -> None:
    first = await shop.post("/payment_intents", GOOD, idempotency_key="k1")
    await shop.pay(first.json()["id"])
    again = await shop.post("/payment_intents", dict(reversed(GOOD.items())), idempotency_key="k1")
    assert again.content == first.content  # as it was then, although it is paid now
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert first.headers["idempotency-key"] == "k1"
    assert first.headers["request-id"] != again.headers["request-id"]
    assert len(await shop.effects(kind="payment_intent.created", reference="order-7")) == 1


async def test_a_key_is_for_one_request(shop: "Shop") -> None:
    made = await shop.made("/payment_intents", GOOD, idempotency_key="k1")
    for path, form in (
        ("/payment_intents", {**GOOD, "amount": "1300"}),
        (f"/payment_intents/{made['id']}/cancel", {}),
    ):
        answer = await shop.post(path, form, idempotency_key="k1")
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")
    assert (await shop.post("/payment_intents", GOOD, idempotency_key="x" * 256)).status_code == 400


async def test_a_twin_is_told_that_the_first_is_at_work(shop: "Shop", pause: "Pause") -> None:
    await shop.ask("/faults", kind="slow", operation="payment_intents.create", key_id=shop.account_id, times=1)
    first = asyncio.create_task(shop.post("/payment_intents", GOOD, idempotency_key="k1"))
    await pause.reached()
    twin = await shop.post("/payment_intents", GOOD, idempotency_key="k1")
    assert (twin.status_code, twin.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    pause.end()
    assert (await first).status_code == 200
    after = await shop.post("/payment_intents", GOOD, idempotency_key="k1")
    assert after.json()["id"] == (await first).json()["id"]


async def test_what_did_not_pass_validation_is_not_kept(shop: "Shop") -> None:
    refused = await shop.post("/payment_intents", {**GOOD, "amount": "1"}, idempotency_key="k1")
    assert refused.status_code == 400
    assert (await shop.post("/payment_intents", GOOD, idempotency_key="k1")).status_code == 200


async def test_what_the_state_refused_is_kept(shop: "Shop") -> None:
    intent = await shop.intent(capture_method="manual")
    path = f"/payment_intents/{intent['id']}/capture"
    first = await shop.post(path, idempotency_key="k1")
    await shop.pay(intent["id"])
    again = await shop.post(path, idempotency_key="k1")
    assert (again.status_code, again.content) == (400, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert (await shop.post(path, idempotency_key="k2")).status_code == 200


@pytest.mark.parametrize(("effect", "made"), [(True, 1), (False, 0)])
async def test_a_500_from_inside_is_kept(shop: "Shop", effect: bool, made: int) -> None:
    await shop.ask(f"/stripe/accounts/{shop.account_id}/break", operation="payment_intents.create", effect=effect)
    for _ in range(3):
        answer = await shop.post("/payment_intents", GOOD, idempotency_key="k1")
        assert (answer.status_code, answer.json()["error"]["type"]) == (500, "api_error")
    assert len(await shop.effects(kind="payment_intent.created")) == made


async def test_a_500_from_in_front_is_not(shop: "Shop") -> None:
    await shop.ask("/faults", kind="error_5xx", operation="payment_intents.create", key_id=shop.account_id, times=1)
    assert (await shop.post("/payment_intents", GOOD, idempotency_key="k1")).status_code == 500
    assert (await shop.post("/payment_intents", GOOD, idempotency_key="k1")).status_code == 200


async def test_keys_are_forgotten(shop: "Shop") -> None:
    await shop.register(idempotency_retention_s=0.05)
    first = await shop.made("/payment_intents", GOOD, idempotency_key="k1")
    await asyncio.sleep(0.06)
    second = await shop.made("/payment_intents", GOOD, idempotency_key="k1")
    assert first["id"] != second["id"]


async def test_without_a_key_each_is_its_own(shop: "Shop") -> None:
    made: list[dict[str, Any]] = [await shop.intent() for _ in range(2)]
    assert made[0]["id"] != made[1]["id"]
