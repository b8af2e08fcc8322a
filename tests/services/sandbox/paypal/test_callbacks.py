"""Callbacks: which come when, that they look like the samples, and that anybody with the root can verify them."""

import asyncio
import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from onerouter_sandbox.paypal.signing import signed_message

from .billing import a_plan, active, cycle
from .conftest import link_of, shop_at
from .test_payouts import payout_body

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Delivery, Receiver

    from .conftest import Shop

ORDERS = "/v2/checkout/orders"
WEBHOOK_ID = "1JE4291016473214C"


def event_of(delivery: "Delivery") -> dict[str, Any]:
    return dict(json.loads(delivery.body))


async def live(shop: "Shop") -> None:
    """Something of everything that calls back."""
    capture = await shop.captured(custom_id="pay_1", invoice_id="pay_1")
    refund = f"/v2/payments/captures/{capture['id']}/refund"
    await shop.post(
        refund, {"amount": {"currency_code": "USD", "value": "5.00"}, "custom_id": "re_1", "invoice_id": "re_1"}
    )
    await shop.ask("/faults", kind="refund_failed", operation="captures.refund", delay_s=60, times=1)
    failing = (await shop.post(refund)).json()
    await shop.ask(f"/paypal/refunds/{failing['id']}/settle", status="FAILED")
    for how, act in (({"pending": "PENDING_REVIEW"}, "capture"), ({"decline": "5100"}, "capture"), ({}, "authorize")):
        order = await shop.order(intent=act.upper(), custom_id="pay_2")
        await shop.approve(order["id"], **how)
        done = (await shop.post(f"{ORDERS}/{order['id']}/{act}")).json()
        if act == "authorize":
            authorization = done["purchase_units"][0]["payments"]["authorizations"][0]["id"]
            await shop.post(f"/v2/payments/authorizations/{authorization}/void")
    order = await shop.order(custom_id="pay_3", invoice_id="pay_3")
    await shop.approve(order["id"])
    await shop.ask(f"/paypal/orders/{order['id']}/reverse")


async def test_they_look_like_the_samples(shop: "Shop", receiver: "Receiver", specs: Path) -> None:
    samples = json.loads((specs / "webhook-samples" / "paypal.json").read_text())["events"]
    await shop.register(webhook_url=receiver.url)
    await live(shop)
    await receiver.wait(14)
    seen = {event_of(one)["event_type"] for one in receiver.deliveries}
    assert seen == {
        "CHECKOUT.ORDER.APPROVED",
        "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
        "PAYMENT.AUTHORIZATION.CREATED",
        "PAYMENT.AUTHORIZATION.VOIDED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.PENDING",
        "PAYMENT.CAPTURE.DECLINED",
        "PAYMENT.CAPTURE.REFUNDED",
        "PAYMENT.REFUND.PENDING",
        "PAYMENT.REFUND.FAILED",
    }
    for delivery in receiver.deliveries:
        event = event_of(delivery)
        sample = samples[event["event_type"]]
        assert set(event) == set(sample)
        assert event["resource_type"] == sample["resource_type"]
        # Of a pending or declined capture there is no breakdown, and of what a test did not give there are no ids.
        missing = set(sample["resource"]) - set(event["resource"])
        assert missing <= {"seller_receivable_breakdown", "payment_source", "custom_id", "invoice_id"}, event


async def test_those_of_subscriptions_and_payouts_do_too(shop: "Shop", receiver: "Receiver", specs: Path) -> None:
    samples = json.loads((specs / "webhook-samples" / "paypal.json").read_text())["events"]
    await shop.register(webhook_url=receiver.url, payout_mode="unclaimed")
    plan = await a_plan(shop, cycle("10.00", 1, unit="DAY", total=4), quantity_supported=True)
    path = await active(shop, plan["id"], quantity="1")
    control = f"/paypal/subscriptions/{path.rpartition('/')[2]}"
    await shop.ask(f"{control}/fail-next")
    await shop.advance(1)
    revised = await shop.asked(f"{path}/revise", {"quantity": "2"}, status=200)
    await shop.decide(link_of(revised, "approve"), "approve")
    await shop.post(f"{path}/suspend", {"reason": "Holiday"})
    await shop.post(f"{path}/activate", {"reason": "Back"})
    await shop.advance(9)
    other = await active(shop, (await a_plan(shop))["id"])
    await shop.post(f"{other}/cancel", {"reason": "Enough"})
    await shop.asked("/v1/payments/payouts", payout_body("tr_1", sender_item_id="tr_1"))
    await shop.register(webhook_url=receiver.url)
    await shop.asked("/v1/payments/payouts", payout_body("tr_2", sender_item_id="tr_2"))
    await shop.advance(0.01)
    await receiver.wait(19)
    events = {event["event_type"]: event for event in map(event_of, receiver.deliveries)}
    kinds = ("BILLING.SUBSCRIPTION.", "PAYMENT.SALE.COMPLETED", "PAYMENT.PAYOUTS")
    expected = {name for name in samples if name.startswith(kinds)}
    assert expected <= set(events)
    for name in expected:
        event, sample = events[name], samples[name]
        assert set(event) == set(sample)
        assert (event["resource_type"], event["resource_version"]) == tuple(
            sample[part] for part in ("resource_type", "resource_version")
        )
        # Nothing is billed before the payer has agreed, and not everything has been paid, or is to be.
        assert set(sample["resource"]) - set(event["resource"]) <= {"billing_info"}, event
        for part in {"billing_info", "batch_header", "payout_item"} & set(event["resource"]):
            missing = set(sample["resource"][part]) - set(event["resource"][part])
            assert missing <= {"last_payment", "next_billing_time", "last_failed_payment"}, event


async def test_anybody_with_the_root_can_verify_them(shop: "Shop", receiver: "Receiver") -> None:
    """With nothing but the standard and cryptography: the certificate is fetched from where the headers say."""
    await shop.register(webhook_url=receiver.url, webhook_id=WEBHOOK_ID)
    await shop.approve((await shop.order())["id"])
    (delivery,) = await receiver.wait(1)
    headers = {name.upper(): value for name, value in delivery.headers.items()}
    async with httpx.AsyncClient(trust_env=False) as http:
        served = (await http.get(headers["PAYPAL-CERT-URL"])).text
        assert (await http.get(headers["PAYPAL-CERT-URL"] + "x")).status_code == 404
    leaf, intermediate = x509.load_pem_x509_certificates(served.encode())
    root = x509.load_pem_x509_certificate((await shop.control.get("/paypal/roots")).text.encode())
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["messageverificationcerts.paypal.com"]
    message = "|".join(
        (
            headers["PAYPAL-TRANSMISSION-ID"],
            headers["PAYPAL-TRANSMISSION-TIME"],
            WEBHOOK_ID,
            str(zlib.crc32(delivery.body)),
        )
    )
    key = leaf.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(
        base64.b64decode(headers["PAYPAL-TRANSMISSION-SIG"]), message.encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    assert headers["PAYPAL-AUTH-ALGO"] == "SHA256withRSA"


VERIFY = "/v1/notifications/verify-webhook-signature"


def question(delivery: "Delivery", event: bytes, **changes: str) -> bytes:
    """What PayPal is asked about a callback."""
    headers = {name.upper(): value for name, value in delivery.headers.items()}
    asked = {
        "auth_algo": headers["PAYPAL-AUTH-ALGO"],
        "cert_url": headers["PAYPAL-CERT-URL"],
        "transmission_id": headers["PAYPAL-TRANSMISSION-ID"],
        "transmission_sig": headers["PAYPAL-TRANSMISSION-SIG"],
        "transmission_time": headers["PAYPAL-TRANSMISSION-TIME"],
        "webhook_id": WEBHOOK_ID,
        **changes,
    }
    return json.dumps(asked).encode()[:-1] + b', "webhook_event": ' + event + b"}"


async def test_paypal_can_be_asked_about_them(shop: "Shop", receiver: "Receiver") -> None:
    await shop.register(webhook_url=receiver.url, webhook_id=WEBHOOK_ID)
    await shop.approve((await shop.order(description="Zwei \u00e4 \U0001f39f"))["id"])
    (delivery,) = await receiver.wait(1)

    async def verdict(body: bytes) -> str:
        answer = await shop.api.post(VERIFY, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["verification_status"])

    assert await verdict(question(delivery, delivery.body)) == "SUCCESS"
    rewritten = json.dumps(json.loads(delivery.body), indent=1).encode()
    assert await verdict(question(delivery, rewritten)) == "FAILURE"
    other = delivery.body.replace(b"12.99", b"12.98")
    assert await verdict(question(delivery, other)) == "FAILURE"
    for changes in (
        {"webhook_id": "OTHERS0000000000"},
        {"auth_algo": "SHA1withRSA"},
        {"transmission_sig": "AAAA"},
        {"transmission_sig": "no base64"},
        {"transmission_time": "2026-01-01T00:00:00Z"},
        {"cert_url": "https://api.paypal.com/v1/notifications/certs/CERT-1"},
    ):
        assert await verdict(question(delivery, delivery.body, **changes)) == "FAILURE"
    # The member that counts is the last, whatever stands before it.
    twice = question(delivery, delivery.body).replace(b"{", b'{ "webhook_event" : {"a": "}"} ,', 1)
    assert await verdict(twice) == "SUCCESS"
    assert (await shop.api.post(VERIFY, content=b"{}")).status_code == 400
    assert (await shop.api.post(VERIFY, content=b"[")).status_code == 400


def test_the_message_is_that_of_the_vector(specs: Path) -> None:
    vector = json.loads((specs / "webhook-samples" / "signature-vectors.json").read_text())["paypal"]
    headers = vector["headers"]
    told = (headers["PAYPAL-TRANSMISSION-ID"], headers["PAYPAL-TRANSMISSION-TIME"], vector["webhook_id"])
    assert signed_message(*told, vector["body"].encode()) == vector["signed_message"]


async def test_after_a_restart_everything_is_there(
    running: Callable[..., Any], receiver: "Receiver", tmp_path: Path
) -> None:
    settings = {"data_file": tmp_path / "sandbox.sqlite", "roots_file": tmp_path / "roots.pem"}
    async with running(**settings) as sandbox, shop_at(sandbox.url, "AXbeforeTheRestart0001") as shop:
        await shop.register(webhook_url=receiver.url, webhook_id=WEBHOOK_ID)
        order = (
            await shop.post(
                ORDERS,
                {"intent": "CAPTURE", "purchase_units": [{"amount": {"currency_code": "USD", "value": "1.00"}}]},
                key="k",
            )
        ).json()
        capture = await shop.captured()
        await receiver.wait(2)
        await asyncio.sleep(0.1)
    roots = (tmp_path / "roots.pem").read_text()
    async with running(**settings) as sandbox, shop_at(sandbox.url, "AXbeforeTheRestart0001") as shop:
        account = await shop.register(webhook_url=receiver.url)
        assert account["webhook_id"] == WEBHOOK_ID
        assert (tmp_path / "roots.pem").read_text() == roots == (await shop.control.get("/paypal/roots")).text
        assert (await shop.got(f"{ORDERS}/{order['id']}"))["id"] == order["id"]
        again = await shop.post(
            ORDERS,
            {"intent": "CAPTURE", "purchase_units": [{"amount": {"currency_code": "USD", "value": "1.00"}}]},
            key="k",
        )
        assert again.json()["id"] == order["id"]
        assert (await shop.post(f"/v2/payments/captures/{capture['id']}/refund")).status_code == 201
        assert len(await shop.effects(kind="payment.captured")) == 1


@pytest.mark.parametrize("fault", ["duplicate_callback", "late_callback"])
async def test_faults_of_callbacks(shop: "Shop", receiver: "Receiver", fault: str) -> None:
    await shop.register(webhook_url=receiver.url)
    await shop.ask("/faults", kind=fault, operation="CHECKOUT.*", key_id=shop.client_id, times=1, delay_s=0.05)
    await shop.approve((await shop.order())["id"])
    delivered = await receiver.wait(2 if fault == "duplicate_callback" else 1)
    assert len({event_of(one)["id"] for one in delivered}) == 1
