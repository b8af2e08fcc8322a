import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from onerouter_sandbox.razorpay import shapes

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver, Sandbox


class TestVectors:
    @pytest.fixture
    def vectors(self, specs: Path) -> dict[str, Any]:
        return dict(json.loads((specs / "webhook-samples" / "signature-vectors.json").read_text())["razorpay"])

    def test_webhook(self, vectors: dict[str, Any]) -> None:
        webhook = vectors["webhook"]
        signed = shapes.signature(webhook["secret"], webhook["body"].encode())
        assert signed == webhook["headers"]["X-Razorpay-Signature"]
        # Our own encoder must not re-serialize into something that signs differently.
        assert shapes.encode(json.loads(webhook["body"])) == webhook["body"].encode()

    def test_checkout(self, vectors: dict[str, Any]) -> None:
        vector = vectors["checkout_order"]
        order_id, payment_id = vector["message"].split("|")
        assert shapes.checkout_signature(vector["key_secret"], order_id, payment_id) == vector["signature"]


async def test_callbacks_look_like_the_samples(sandbox: "Sandbox", receiver: "Receiver", specs: Path) -> None:
    samples = json.loads((specs / "webhook-samples" / "razorpay.json").read_text())["events"]
    await sandbox.register(webhook_url=receiver.url, account_id="acc_ORTEST00000001")
    await sandbox.pay((await sandbox.order())["id"], outcome="failure")
    payment_id = await sandbox.paid()
    await sandbox.api.post(f"/payments/{payment_id}/refund", json={"amount": 50_000})
    await sandbox.fault("refund_failed", delay_s=0, times=1)
    await sandbox.api.post(f"/payments/{payment_id}/refund", json={"amount": 50_000})
    await receiver.wait(8)
    assert set(receiver.events) == {
        "payment.authorized",
        "payment.captured",
        "payment.failed",
        "order.paid",
        "refund.created",
        "refund.processed",
        "refund.failed",
    }
    for delivery in receiver.deliveries:
        body, sample = json.loads(delivery.body), samples[delivery.event]
        assert list(body) == list(sample)
        assert (body["account_id"], body["contains"]) == ("acc_ORTEST00000001", sample["contains"])
        for name, part in sample["payload"].items():
            assert list(body["payload"][name]["entity"]) == list(part["entity"]), (delivery.event, name)
        assert delivery.headers["X-Razorpay-Signature"] == shapes.signature("sandbox_webhook_secret_01", delivery.body)
