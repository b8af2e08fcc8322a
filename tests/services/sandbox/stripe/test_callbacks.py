"""Callbacks: Stripe's events, signed anew at each delivery, judged by Stripe's own description."""

import asyncio
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.stripe_contract import Contract

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Delivery, Receiver
    from tests.services.sandbox.stripe.conftest import Shop

WEBHOOK_SECRET = "whsec_SandboxTest01"


def events(receiver: "Receiver") -> list[str]:
    return [json.loads(delivery.body)["type"] for delivery in receiver.deliveries]


def signatures(delivery: "Delivery") -> tuple[int, list[str]]:
    items = [item.partition("=") for item in delivery.headers["Stripe-Signature"].split(",")]
    return int(next(value for name, _, value in items if name == "t")), [v for n, _, v in items if n == "v1"]


def fits(delivery: "Delivery", secret: str) -> bool:
    at, given = signatures(delivery)
    code = hmac.new(secret.encode(), f"{at}.".encode() + delivery.body, hashlib.sha256).hexdigest()
    return code in given and abs(time.time() - at) < 60


@pytest.fixture
async def called(shop: "Shop", receiver: "Receiver") -> "Shop":
    await shop.register(webhook_url=receiver.url)
    return shop


async def test_a_life_is_told(called: "Shop", receiver: "Receiver") -> None:
    intent = await called.intent(capture_method="manual")
    await called.pay(intent["id"], outcome="failure", decline="insufficient_funds")
    await called.pay(intent["id"], outcome="requires_action")
    await called.pay(intent["id"])
    await called.made(f"/payment_intents/{intent['id']}/capture", {"amount_to_capture": "1000"})
    await called.made("/refunds", {"payment_intent": intent["id"], "amount": "400"})
    await receiver.wait(11)
    assert sorted(events(receiver)) == sorted(
        [
            "payment_intent.created",
            "charge.failed",
            "payment_intent.payment_failed",
            "payment_intent.requires_action",
            "charge.succeeded",
            "payment_intent.amount_capturable_updated",
            "charge.captured",
            "charge.refunded",  # of what was not captured
            "payment_intent.succeeded",
            "refund.created",
            "charge.refunded",
        ]
    )
    assert all(fits(delivery, WEBHOOK_SECRET) for delivery in receiver.deliveries)


async def test_sessions_and_cancellations_are_told(called: "Shop", receiver: "Receiver") -> None:
    paid, left = await called.session(), await called.session()
    await called.pay(paid["id"], outcome="processing")
    await called.pay(paid["id"])
    await called.pay(left["id"], outcome="failure")
    await called.ask(f"/stripe/checkout/sessions/{left['id']}/run-out")
    await receiver.wait(11)
    told = events(receiver)
    for expected in (
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.expired",
        "payment_intent.canceled",
    ):
        assert told.count(expected) == 1


async def test_each_delivery_is_signed_anew(called: "Shop", receiver: "Receiver") -> None:
    receiver.answers = [500, 302]
    await called.intent()
    first, _, third = await receiver.wait(3)
    assert first.body == third.body
    await asyncio.sleep(1.1)  # a signature's time is in seconds
    callbacks = (await called.control.get("/callbacks", params={"account": called.account_id})).json()["data"]
    await called.ask(f"/callbacks/{callbacks[0]['id']}/resend")
    resent = (await receiver.wait(4))[3]
    assert signatures(resent)[0] > signatures(first)[0]
    assert fits(resent, WEBHOOK_SECRET)


async def test_both_secrets_sign_while_one_is_rolled(shop: "Shop", receiver: "Receiver") -> None:
    await shop.register(webhook_url=receiver.url, webhook_secret_previous="whsec_OldOne01")
    await shop.intent()
    (delivery,) = await receiver.wait(1)
    assert fits(delivery, WEBHOOK_SECRET)
    assert fits(delivery, "whsec_OldOne01")


async def test_an_event_names_the_request_that_caused_it(called: "Shop", receiver: "Receiver") -> None:
    answer = await called.post("/payment_intents", {"amount": "1299", "currency": "usd"}, idempotency_key="k1")
    await called.pay(answer.json()["id"])
    await receiver.wait(3)
    causes = {json.loads(d.body)["type"]: json.loads(d.body)["request"] for d in receiver.deliveries}
    assert causes["payment_intent.created"] == {"id": answer.headers["request-id"], "idempotency_key": "k1"}
    assert causes["payment_intent.succeeded"] == {"id": None, "idempotency_key": None}


async def test_events_are_in_the_description(called: "Shop", receiver: "Receiver", specs: Path) -> None:
    contract = Contract(specs)
    intent_id = await called.paid()
    await called.register(webhook_url=receiver.url, refund_mode="failed", refund_delay_s=0)
    await called.made("/refunds", {"payment_intent": intent_id})
    session = await called.session()
    await called.pay(session["id"], method="upi")
    await receiver.wait(11)
    complaints = [
        complaint
        for delivery in receiver.deliveries
        for complaint in contract.object_complaints(json.loads(delivery.body))
    ]
    assert complaints == []


async def test_they_look_like_the_samples(called: "Shop", receiver: "Receiver", specs: Path) -> None:
    samples: dict[str, Any] = json.loads((specs / "webhook-samples" / "stripe.json").read_text("utf-8"))["events"]
    intent_id = await called.paid()
    await called.made("/refunds", {"payment_intent": intent_id, "amount": "500"})
    await receiver.wait(5)
    for delivery in receiver.deliveries:
        told = json.loads(delivery.body)
        sample = samples.get(told["type"])
        if sample is not None:
            assert sample.keys() <= told.keys()
            assert sample["data"]["object"].keys() <= told["data"]["object"].keys()
