"""A link's life at each provider: made, paid once, canceled, run out."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.e2e.payers import PAYERS, Payer, key, make
from tests.e2e.world import World, check_problem


async def link(world: World, payer: Payer, **more: Any) -> dict[str, Any]:
    body = {
        "amount": "12.50",
        "currency": payer.currency,
        "provider": payer.provider,
        "description": "Order 1042",
        "customer_email": f"{uuid4().hex[:8]}@example.com",
        **more,
    }
    return await make(world, "/v1/payment-links", **body)


async def test_a_link_is_made_once_and_paid(world: World, payer: Payer) -> None:
    made = await link(world, payer, metadata={"order": "1042"})
    assert (made["status"], made["provider"], made["amount_minor"]) == ("created", payer.provider, 1_250)
    assert made["short_url"].startswith("http")
    assert (made["amount_paid"], made["metadata"]) == (0.0, {"order": "1042"})
    assert (await world.sandbox.get(made["short_url"], follow_redirects=True)).status_code == 200
    await payer.pay_link(world, made)
    paid = await world.reached(f"/v1/payment-links/{made['id']}", "paid")
    assert paid["amount_paid"] == 12.5
    payment = await world.reached(f"/v1/payments/{paid['payment_id']}", "succeeded")
    assert (payment["receipt"], payment["amount_minor"]) == (made["id"], 1_250)
    assert payment["provider_payment_id"] == paid["provider_payment_id"]
    if payer.provider != "paypal":  # whose sandbox pays invoices without a capture that could be refunded
        part = await world.refund({"id": paid["provider_payment_id"]}, amount="2.50")
        assert (part["payment_id"], part["amount_minor"]) == (payment["id"], 250)
    events = await world.events_of(made["id"], "payment_link.paid")
    assert [event.body["sequence"] for event in events] == list(range(1, len(events) + 1))
    found = await world.api.get(f"/v1/payment-links/{made['provider_payment_link_id']}")
    assert found.json()["id"] == made["id"]
    refused = await world.api.post(f"/v1/payment-links/{made['id']}/cancel", headers=key())
    check_problem(refused, 409, "CONFLICT")
    kinds = [effect["kind"] for effect in await world.effects(made["id"])]
    assert len([kind for kind in kinds if kind in ("payment_link.created", "invoice.created")]) == 1, kinds


async def test_a_link_that_is_canceled_cannot_be_paid(world: World, payer: Payer) -> None:
    made = await link(world, payer)
    canceled = await make(world, f"/v1/payment-links/{made['id']}/cancel", 200)
    assert canceled["status"] == "canceled"
    again = await world.api.post(f"/v1/payment-links/{made['id']}/cancel", headers=key())
    check_problem(again, 409, "CONFLICT")
    paid = await world.sandbox.post(f"/control/{payer.provider}/{payer.link_path(made)}", json={})
    assert paid.status_code == 409, paid.text
    listed = (await world.api.get(f"/v1/payment-links?status=canceled&provider={payer.provider}&limit=100")).json()
    assert made["id"] in [one["id"] for one in listed["data"]]


@pytest.mark.parametrize("provider", ["razorpay", "stripe"])  # PayPal's search may be behind: it takes its time
async def test_an_answer_that_is_lost_leaves_one_link(world: World, provider: str) -> None:
    payer = PAYERS[provider]
    await world.fault("timeout_after_effect", provider=provider, operation="payment_links.create", hold_s=3)
    made = await link(world, payer)
    kinds = [effect["kind"] for effect in await world.effects(made["id"])]
    assert len([kind for kind in kinds if kind in ("payment_link.created", "invoice.created")]) == 1, kinds


async def test_a_link_that_nobody_paid_in_time_is_expired(world: World) -> None:
    """Razorpay tells of it; elsewhere it is asked for."""
    payer = PAYERS["razorpay"]
    clock = (
        await world.sandbox.get(f"/control/razorpay/accounts/{payer.account_of(world.stack.secrets)}/clock")
    ).json()
    ends = datetime.fromtimestamp(clock["now"], UTC) + timedelta(hours=1)
    made = await link(world, payer, expires_at=ends.isoformat())
    await payer.days_pass(world, 1 / 12)
    expired = await world.reached(f"/v1/payment-links/{made['id']}", "expired")
    assert expired["amount_paid"] == 0.0
    await world.events_of(made["id"], "payment_link.expired")


async def test_two_addresses_of_one_customer_are_refused(world: World, payer: Payer) -> None:
    body = {"amount": "1.00", "customer_email": "a@example.com", "customer": {"email": "b@example.com"}}
    answer = await world.api.post("/v1/payment-links", json={**body, "provider": payer.provider}, headers=key())
    problem = check_problem(answer, 422, "VALIDATION_ERROR")
    assert problem["errors"][0]["field"] == "customer_email"
