"""Razorpay's own Python client, pointed at the sandbox and nothing else changed."""

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import razorpay
from tests.services.sandbox.razorpay.test_route import BANK, VENDOR

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver, Sandbox

KEY_SECRET, WEBHOOK_SECRET = "sandbox_key_secret_01", "sandbox_webhook_secret_01"


@pytest.fixture
def client(sandbox: "Sandbox") -> Iterator[razorpay.Client]:
    made = razorpay.Client(auth=(sandbox.key_id, KEY_SECRET), base_url=f"{sandbox.url}/razorpay")
    yield made
    made.session.close()


async def test_order_to_refund(sandbox: "Sandbox", receiver: "Receiver", client: razorpay.Client) -> None:
    do = asyncio.to_thread
    await sandbox.register(webhook_url=receiver.url, auto_capture=False)
    order = await do(client.order.create, {"amount": 50_000, "currency": "INR", "receipt": "rcpt-1"})
    assert order["status"] == "created"
    assert (await do(client.order.fetch, order["id"])) == order
    assert (await do(client.order.all, {"receipt": "rcpt-1"}))["items"] == [order]

    handed = await sandbox.pay(order["id"], method="card")
    assert await do(client.utility.verify_payment_signature, handed)
    payment = (await do(client.order.payments, order["id"]))["items"][0]
    assert payment["status"] == "authorized"

    captured = await do(client.payment.capture, payment["id"], 50_000, {"currency": "INR"})
    assert (captured["status"], captured["captured"]) == ("captured", True)
    refund = await do(client.payment.refund, payment["id"], {"amount": 20_000, "speed": "normal"})
    assert (refund["status"], refund["amount"]) == ("processed", 20_000)
    assert (await do(client.refund.fetch, refund["id"])) == refund
    assert (await do(client.payment.fetch, payment["id"]))["refund_status"] == "partial"

    for delivery in await receiver.wait(5):
        assert client.utility.verify_webhook_signature(
            delivery.body.decode(), delivery.headers["X-Razorpay-Signature"], WEBHOOK_SECRET
        )


async def test_customer_link_subscription_and_split(sandbox: "Sandbox", client: razorpay.Client) -> None:
    do = asyncio.to_thread
    customer = await do(client.customer.create, {"name": "Gaurav", "email": "g@example.com", "fail_existing": "0"})
    await sandbox.ask(f"/razorpay/customers/{customer['id']}/tokens")
    token = (await do(client.token.all, customer["id"]))["items"][0]
    assert await do(client.token.delete, customer["id"], token["id"]) == {"deleted": True}

    wanted = {"amount": 500, "currency": "INR", "reference_id": "TS1989", "expire_by": int(time.time()) + 3_600}
    link = await do(client.payment_link.create, wanted)
    handed = await sandbox.ask(f"/razorpay/payment_links/{link['id']}/pay")
    parts = {name.removeprefix("razorpay_"): value for name, value in handed.items()}
    signed = parts | {"payment_link_reference_id": "TS1989", "razorpay_signature": parts["signature"]}
    signed["razorpay_payment_id"] = parts["payment_id"]
    assert await do(client.utility.verify_payment_link_signature, signed)
    assert (await do(client.payment_link.all, {"reference_id": "TS1989"}))["payment_links"][0]["status"] == "paid"

    item = {"name": "Monthly", "amount": 100_000, "currency": "INR"}
    plan = await do(client.plan.create, {"period": "monthly", "interval": 1, "item": item})
    made = await do(client.subscription.create, {"plan_id": plan["id"], "total_count": 6})
    assert await do(
        client.utility.verify_subscription_payment_signature,
        await sandbox.ask(f"/razorpay/subscriptions/{made['id']}/authorize"),
    )
    assert (await do(client.subscription.pause, made["id"], {"pause_at": "now"}))["status"] == "paused"
    assert (await do(client.subscription.resume, made["id"], {"resume_at": "now"}))["status"] == "active"
    changed = await do(client.subscription.edit, made["id"], {"quantity": 2, "schedule_change_at": "cycle_end"})
    assert changed["has_scheduled_changes"]
    assert (await do(client.subscription.pending_update, made["id"]))["quantity"] == 2
    assert (await do(client.invoice.all, {"subscription_id": made["id"]}))["count"] == 1
    assert (await do(client.subscription.cancel, made["id"], {"cancel_at_cycle_end": 0}))["status"] == "cancelled"

    vendor = await do(client.account.create, VENDOR)
    await do(client.stakeholder.create, vendor["id"], {"name": "Gaurav Kumar", "email": "g@example.com"})
    wanted = {"product_name": "route", "tnc_accepted": True}
    product = await do(client.product.requestProductConfiguration, vendor["id"], wanted)
    await do(client.product.edit, vendor["id"], product["id"], {"settlements": BANK})
    part = {"account": vendor["id"], "amount": 500, "currency": "INR"}
    payment_id = await sandbox.paid()
    transfer = (await do(client.payment.transfer, payment_id, {"transfers": [part]}))["items"][0]
    assert (await do(client.transfer.all, {"payment_id": payment_id}))["items"][0]["status"] == "processed"
    assert (await do(client.transfer.reverse, transfer["id"], {"amount": 100}))["amount"] == 100
    dispute = await sandbox.ask(f"/razorpay/payments/{payment_id}/dispute")
    assert (await do(client.dispute.accept, dispute["id"]))["status"] == "lost"


async def test_errors_reach_the_clients_classes(sandbox: "Sandbox", client: razorpay.Client) -> None:
    with pytest.raises(razorpay.errors.BadRequestError, match="less than minimum"):
        await asyncio.to_thread(client.order.create, {"amount": 99, "currency": "INR"})
    await sandbox.fault("error_5xx", "orders.create", times=1)
    with pytest.raises(razorpay.errors.ServerError):
        await asyncio.to_thread(client.order.create, {"amount": 100, "currency": "INR"})
