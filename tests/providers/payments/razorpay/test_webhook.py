"""Razorpay's callbacks: only what is signed is believed, and each kind we follow becomes one object."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.ids import PAYMENT, REFUND, new_id
from onerouter_providers.loader import Providers
from onerouter_providers.payments.razorpay import webhook
from onerouter_providers.payments.razorpay.events import FOLLOWED
from onerouter_providers.webhook import CallbackUnreadable, SignatureInvalid

SECRET = "rzp_whsec_EXAMPLE_01"
SECRETS = {"webhook_secret": SecretStr(SECRET)}
BODY = (
    '{"entity":"event","account_id":"acc_ORTEST00000001","event":"payment.captured","contains":["payment"],'
    '"payload":{"payment":{"entity":{"id":"pay_ORTEST00000001","amount":129900,"currency":"INR","status":"captured",'
    '"notes":{"name":"Zoë ₹"}}}},"created_at":1767225600}'
).encode()
SIGNATURE = "643660734f4e382d0f0a9aae67d40277b4431d17c67586c7ea049a4d8eaaccef"


def sign(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"x-razorpay-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def encode(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def event(kind: str, **entities: dict[str, Any]) -> dict[str, Any]:
    payload = {name: {"entity": entity} for name, entity in entities.items()}
    return {"entity": "event", "event": kind, "payload": payload, "created_at": 1_767_225_600}


def parsed(kind: str, **entities: dict[str, Any]) -> CallbackObject:
    found = webhook.parse(encode(event(kind, **entities)), {})
    assert found is not None
    return found.object


@pytest.fixture(scope="session")
def samples(specs: Path) -> dict[str, Any]:
    return dict(json.loads((specs / "webhook-samples" / "razorpay.json").read_text("utf-8"))["events"])


def test_the_published_vector_fits(specs: Path) -> None:
    vector = json.loads((specs / "webhook-samples" / "signature-vectors.json").read_text("utf-8"))["razorpay"][
        "webhook"
    ]
    body, headers = vector["body"].encode(), vector["headers"]
    secrets = {"webhook_secret": SecretStr(vector["secret"])}
    webhook.verify(body, headers, secrets)
    assert webhook.identify(body, headers) == ("ORTESTEVT00001", "payment.captured")
    with pytest.raises(SignatureInvalid):
        webhook.verify(body, {"X-Razorpay-Signature": vector["reserialized_body_signature"]}, secrets)
    with pytest.raises(SignatureInvalid):
        webhook.verify(json.dumps(json.loads(body)).encode(), headers, secrets)


@pytest.mark.parametrize("name", ["X-Razorpay-Signature", "x-razorpay-signature", "X-RAZORPAY-SIGNATURE"])
def test_header_names_have_any_case(name: str) -> None:
    webhook.verify(BODY, {name: SIGNATURE}, SECRETS)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_flipped_bit_passes(data: st.DataObject) -> None:
    where = data.draw(st.integers(0, len(BODY) * 8 - 1))
    changed = bytearray(BODY)
    changed[where // 8] ^= 1 << where % 8
    with pytest.raises(SignatureInvalid):
        webhook.verify(bytes(changed), {"X-Razorpay-Signature": SIGNATURE}, SECRETS)
    where = data.draw(st.integers(0, len(SIGNATURE) * 7 - 1))
    flipped = bytearray(SIGNATURE.encode())
    flipped[where // 7] ^= 1 << where % 7
    with pytest.raises(SignatureInvalid):
        webhook.verify(BODY, {"X-Razorpay-Signature": flipped.decode()}, SECRETS)


@pytest.mark.parametrize(
    "signature", [None, "", " ", SIGNATURE[:-1], SIGNATURE + "0", SIGNATURE.upper(), "é", "\udcff"]
)
def test_what_is_not_the_signature_does_not_pass(signature: str | None) -> None:
    with pytest.raises(SignatureInvalid):
        webhook.verify(BODY, {} if signature is None else {"X-Razorpay-Signature": signature}, SECRETS)


def test_both_live_secrets_are_accepted_and_none_is_not_a_pass() -> None:
    both = {"webhook_secret": SecretStr("new one"), "webhook_secret_previous": SecretStr(SECRET)}
    webhook.verify(BODY, sign(BODY), both)
    webhook.verify(BODY, sign(BODY, "new one"), both)
    for nothing in ({}, {"webhook_secret": SecretStr("")}, {"key_secret": SecretStr(SECRET)}):
        with pytest.raises(SignatureInvalid):
            webhook.verify(BODY, sign(BODY), nothing)
    with pytest.raises(SignatureInvalid):
        webhook.verify(BODY, sign(BODY, ""), {"webhook_secret": SecretStr("")})


def test_another_accounts_callback_is_refused_where_the_account_is_known() -> None:
    webhook.verify(BODY, sign(BODY), SECRETS | {"account_id": SecretStr("acc_ORTEST00000001")})
    webhook.verify(b"not json", sign(b"not json"), SECRETS | {"account_id": SecretStr("acc_ORTEST00000001")})
    with pytest.raises(SignatureInvalid, match="another"):
        webhook.verify(BODY, sign(BODY), SECRETS | {"account_id": SecretStr("acc_OTHER000000001")})


def test_a_callback_without_an_id_is_known_by_its_bytes() -> None:
    named, _ = webhook.identify(BODY, {"x-razorpay-event-id": "evt1"})
    assert named == "evt1"
    first, kind = webhook.identify(BODY, {})
    assert (first, kind) == (f"sha256:{hashlib.sha256(BODY).hexdigest()}", "payment.captured")
    assert webhook.identify(BODY + b" ", {})[0] != first


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("payment.authorized", {"kind": "payment", "status": "authorized", "error_reason": None, "fee_minor": None}),
        ("payment.captured", {"kind": "payment", "status": "succeeded", "fee_minor": 3_066, "method": "upi"}),
        ("payment.failed", {"kind": "payment", "status": "failed", "error_reason": "insufficient_funds"}),
        ("order.paid", {"kind": "payment", "status": "succeeded", "payment_id": "pay_ORTEST00000001"}),
        ("refund.created", {"kind": "refund", "status": "pending", "amount_minor": 50_000}),
        ("refund.processed", {"kind": "refund", "status": "succeeded", "amount_refunded_minor": 50_000}),
        ("refund.failed", {"kind": "refund", "status": "failed", "error_reason": "refund_rejected"}),
    ],
)
def test_each_sample_we_follow_becomes_its_object(samples: dict[str, Any], kind: str, expected: dict[str, Any]) -> None:
    found = webhook.parse(encode(samples[kind]), {"X-Razorpay-Event-Id": "e1"})
    assert found is not None
    assert (found.id, found.type, found.occurred_at.timestamp()) == ("e1", kind, 1_767_225_600)
    shown = found.object.model_dump()
    assert {name: shown[name] for name in expected} == expected
    assert (shown["order_id"], shown["payment_id"]) == ("order_ORTEST0000001", "pay_ORTEST00000001")
    assert shown["currency"] == "INR"
    assert "buyer@example.com" not in found.object.model_dump_json()


def test_every_other_sample_is_left_alone(samples: dict[str, Any]) -> None:
    others = {kind for kind in samples if webhook.parse(encode(samples[kind]), {}) is None}
    assert others == set(samples) - set(FOLLOWED)
    package = Providers.load().find("payments", "razorpay")
    assert package is not None
    assert package.manifest.callback is not None
    assert set(package.manifest.callback.events) == set(FOLLOWED)


def test_captured_and_paid_tell_the_same_payment(samples: dict[str, Any]) -> None:
    captured = webhook.parse(encode(samples["payment.captured"]), {})
    paid = webhook.parse(encode(samples["order.paid"]), {})
    assert captured is not None
    assert paid is not None
    assert captured.object == paid.object


def test_our_ids_are_taken_only_from_what_the_merchants_server_wrote() -> None:
    ours, refund_id = new_id(PAYMENT), new_id(REFUND)
    payment = {"id": "pay_1", "order_id": "order_1", "status": "captured", "notes": {"onerouter_payment_id": ours}}
    assert parsed("payment.captured", payment=payment).reference is None
    assert parsed("order.paid", payment=payment, order={"id": "order_1", "receipt": ours}).reference == ours
    assert parsed("order.paid", payment=payment, order={"id": "order_1", "receipt": "INV-7"}).reference is None
    refund = {"id": "rfnd_1", "payment_id": "pay_1", "status": "processed"}
    assert parsed("refund.processed", refund={**refund, "receipt": refund_id}).reference == refund_id
    noted = {**refund, "receipt": None, "notes": {"onerouter_refund_id": refund_id}}
    assert parsed("refund.processed", refund=noted).reference == refund_id
    assert parsed("refund.processed", refund={**refund, "notes": []}).reference is None


def test_a_status_we_have_not_met_is_unknown() -> None:
    assert parsed("payment.captured", payment={"id": "pay_1", "status": "in_orbit"}).status == "unknown"
    assert parsed("refund.processed", refund={"id": "rfnd_1", "status": "in_orbit"}).status == "unknown"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"[" * 100_000,
        encode({"payload": {}, "created_at": 1}),
        encode({"event": 7, "created_at": 1}),
        encode(event("payment.captured")),
        encode(event("refund.processed", payment={"id": "pay_1"})),
        encode({**event("payment.captured", payment={"id": "pay_1", "status": "captured"}), "created_at": None}),
        encode({**event("payment.captured", payment={"id": "pay_1", "status": "captured"}), "created_at": 10**20}),
        encode({"event": "payment.captured", "payload": "text", "created_at": 1}),
    ],
)
def test_what_cannot_be_read_says_so(body: bytes) -> None:
    with pytest.raises(CallbackUnreadable):
        webhook.parse(body, {})


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_parse_survives_anything(body: bytes) -> None:
    with pytest.raises(CallbackUnreadable):
        webhook.parse(body, {})
