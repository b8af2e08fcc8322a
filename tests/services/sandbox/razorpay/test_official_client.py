"""Razorpay's own Python client, pointed at the sandbox and nothing else changed."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import razorpay

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


async def test_errors_reach_the_clients_classes(sandbox: "Sandbox", client: razorpay.Client) -> None:
    with pytest.raises(razorpay.errors.BadRequestError, match="less than minimum"):
        await asyncio.to_thread(client.order.create, {"amount": 99, "currency": "INR"})
    await sandbox.fault("error_5xx", "orders.create", times=1)
    with pytest.raises(razorpay.errors.ServerError):
        await asyncio.to_thread(client.order.create, {"amount": 100, "currency": "INR"})
