"""Stripe's own Python client, pointed at the sandbox and nothing else changed."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver
    from tests.services.sandbox.stripe.conftest import Shop

stripe = pytest.importorskip("stripe", reason="the official client is not installed here")
WEBHOOK_SECRET = "whsec_SandboxTest01"


@pytest.fixture
def client(shop: "Shop") -> Any:
    made = stripe.StripeClient(
        shop.secret_key,
        base_addresses={"api": f"{shop.url}/stripe"},
        max_network_retries=0,
        http_client=stripe.RequestsClient(),
    )
    return made.v1


async def test_intent_to_refund(shop: "Shop", receiver: "Receiver", client: Any) -> None:
    do = asyncio.to_thread
    await shop.register(webhook_url=receiver.url)
    intent = await do(
        client.payment_intents.create,
        {
            "amount": 5_000,
            "currency": "usd",
            "capture_method": "manual",
            "automatic_payment_methods": {"enabled": True},
            "metadata": {"order": "7"},
        },
        {"idempotency_key": "k1"},
    )
    assert intent.status == "requires_payment_method"
    await shop.pay(intent.id)
    captured = await do(client.payment_intents.capture, intent.id, {"amount_to_capture": 4_000})
    assert (captured.status, captured.amount_received) == ("succeeded", 4_000)
    refund = await do(client.refunds.create, {"payment_intent": intent.id, "amount": 1_000})
    assert (await do(client.refunds.retrieve, refund.id)).status == "succeeded"
    shown = await do(client.payment_intents.retrieve, intent.id, {"expand": ["latest_charge.balance_transaction"]})
    assert shown.latest_charge.balance_transaction.fee == 146
    listed = await do(client.payment_intents.list, {"limit": 1, "created": {"gte": 1}})
    assert [each.id for each in listed.data] == [intent.id]
    for delivery in await receiver.wait(8):
        event = stripe.Webhook.construct_event(delivery.body, delivery.headers["Stripe-Signature"], WEBHOOK_SECRET)
        assert event.object == "event"


async def test_a_session_is_made_and_ended(shop: "Shop", client: Any) -> None:
    price = {"currency": "usd", "unit_amount": 1_299, "product_data": {"name": "Tea"}}
    session = await asyncio.to_thread(
        client.checkout.sessions.create,
        {
            "mode": "payment",
            "success_url": "https://shop.example/done",
            "line_items": [{"quantity": 1, "price_data": price}],
        },
    )
    assert (session.status, session.url) == ("open", f"{shop.url}/stripe/checkout/{session.id}")
    assert (await asyncio.to_thread(client.checkout.sessions.expire, session.id)).status == "expired"


async def test_errors_reach_the_clients_classes(shop: "Shop", client: Any) -> None:
    do = asyncio.to_thread
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await do(client.payment_intents.create, {"amount": 1, "currency": "usd"})
    assert (caught.value.code, caught.value.param) == ("amount_too_small", "amount")
    await do(client.payment_intents.create, {"amount": 100, "currency": "usd"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError):
        await do(client.payment_intents.create, {"amount": 200, "currency": "usd"}, {"idempotency_key": "k1"})
    await shop.ask("/faults", kind="throttle_429", key_id=shop.account_id, times=1)
    with pytest.raises(stripe.RateLimitError):
        await do(client.payment_intents.retrieve, "pi_x")


async def test_a_subscription_a_link_and_a_vendor(shop: "Shop", client: Any) -> None:
    do = asyncio.to_thread
    price = {"currency": "usd", "unit_amount": 1_000, "product_data": {"name": "Tea club"}}
    monthly = await do(client.prices.create, {**price, "recurring": {"interval": "month"}})
    customer = await do(client.customers.create, {"email": "asha@example.com"})
    made = await do(
        client.subscriptions.create,
        {
            "customer": customer.id,
            "items": [{"price": monthly.id}],
            "payment_behavior": "default_incomplete",
            "payment_settings": {"save_default_payment_method": "on_subscription"},
            "expand": ["latest_invoice.confirmation_secret"],
        },
        {"idempotency_key": "k1"},
    )
    assert made.latest_invoice.confirmation_secret.client_secret.startswith("pi_")
    await shop.ask(f"/stripe/subscriptions/{made.id}/approve")
    await do(client.subscriptions.update, made.id, {"pause_collection": {"behavior": "void"}})
    resumed = await do(client.subscriptions.update, made.id, {"pause_collection": ""})
    assert (resumed.status, resumed.pause_collection) == ("active", None)
    assert (await do(client.subscriptions.cancel, made.id)).status == "canceled"
    link = await do(
        client.payment_links.create,
        {"line_items": [{"price_data": price, "quantity": 1}], "restrictions": {"completed_sessions": {"limit": 1}}},
    )
    assert (await do(client.payment_links.update, link.id, {"active": False})).active is False
    vendor = await do(client.accounts.create, {"type": "express", "capabilities": {"transfers": {"requested": True}}})
    await shop.ask(f"/stripe/vendors/{vendor.id}/become", state="active")
    intent = await do(client.payment_intents.retrieve, await shop.paid())
    transfer = await do(
        client.transfers.create,
        {"amount": 900, "currency": "usd", "destination": vendor.id, "source_transaction": intent.latest_charge},
    )
    assert transfer.destination == vendor.id
    payout = await do(client.payouts.create, {"amount": 900, "currency": "usd"}, {"stripe_account": vendor.id})
    assert payout.status == "pending"


async def test_a_method_and_a_changed_plan(shop: "Shop", client: Any) -> None:
    do = asyncio.to_thread
    customer = await do(client.customers.create, {"email": "asha@example.com", "metadata": {"seat": "4"}})
    card = {"type": "card", "card": {"token": "tok_visa"}}
    method = await do(client.payment_methods.create, card)
    attached = await do(client.payment_methods.attach, method.id, {"customer": customer.id})
    assert (attached.customer, attached.card.last4) == (customer.id, "4242")
    assert [one.id for one in (await do(client.customers.payment_methods.list, customer.id)).data] == [method.id]

    wanted = {"currency": "usd", "recurring": {"interval": "month"}, "product_data": {"name": "Tea club"}}
    small, large = [await do(client.prices.create, {**wanted, "unit_amount": amount}) for amount in (1_000, 2_500)]
    made = await do(
        client.subscriptions.create,
        {
            "customer": customer.id,
            "items": [{"price": small.id}],
            "default_payment_method": method.id,
            "metadata": {"onerouter_id": "sub_ours"},
        },
    )
    assert made.status == "active"
    (item,) = made["items"].data
    change = {"items": [{"id": item.id, "price": large.id}], "proration_behavior": "none"}
    changed = await do(client.subscriptions.update, made.id, change)
    assert changed["items"].data[0].price.id == large.id
    ending = await do(client.subscriptions.update, made.id, {"cancel_at_period_end": True})
    assert (ending.status, ending.cancel_at_period_end) == ("active", True)
    (invoice,) = (await do(client.invoices.list, {"subscription": made.id})).data
    assert (invoice.status, invoice.amount_paid) == ("paid", 1_000)
    found = await do(client.subscriptions.list, {"customer": customer.id})
    assert [(one.id, one.metadata["onerouter_id"]) for one in found.data] == [(made.id, "sub_ours")]
    assert (await do(client.payment_methods.detach, method.id)).customer is None


async def test_a_link_is_paid_and_disputed(shop: "Shop", client: Any) -> None:
    do = asyncio.to_thread
    price = {"currency": "usd", "unit_amount": 1_299, "product_data": {"name": "Tea"}}
    link = await do(client.payment_links.create, {"line_items": [{"price_data": price, "quantity": 1}]})
    await shop.ask(f"/stripe/payment_links/{link.id}/pay")
    (session,) = (await do(client.checkout.sessions.list, {"payment_link": link.id})).data
    assert (session.status, session.payment_status, session.amount_total) == ("complete", "paid", 1_299)
    opened = await shop.ask(f"/stripe/payments/{session.payment_intent}/dispute")
    dispute = await do(client.disputes.retrieve, opened["id"])
    assert (dispute.payment_intent, dispute.status, dispute.amount) == (
        session.payment_intent,
        "needs_response",
        1_299,
    )
