"""Only what the holder of the secret sent, and only now: whatever else comes raises one exception."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any, Final

import pytest
import standardwebhooks
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from onerouter import OneRouter, OneRouterError, WebhookVerificationError, _ed25519, webhooks
from onerouter.testing import API_KEY, WEBHOOK_SECRET, signed_event

# Of the Standard Webhooks specification, reproduced with two other libraries.
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PUBLIC: Final = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
BODY: Final = b'{"test": 2432232314}'
SENT_AT: Final = 1614265330
V1: Final = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
V1A: Final = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
HEADERS: Final = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(SENT_AT),
    "webhook-signature": V1,
}
OTHER: Final = "whsec_" + base64.b64encode(b"another secret, of another endpoint").decode()


@pytest.fixture
def then(monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment the vectors were signed at."""
    monkeypatch.setattr("onerouter.webhooks.time.time", lambda: float(SENT_AT))


def headers(**changed: str) -> dict[str, str]:
    return {**HEADERS, **{name.replace("_", "-"): value for name, value in changed.items()}}


@pytest.mark.usefixtures("then")
class TestVectors:
    @pytest.mark.parametrize(
        ("signature", "secret"),
        [
            (V1, SECRET),
            (V1A, PUBLIC),
            (f"{V1} {V1A}", SECRET),
            (f"{V1} {V1A}", PUBLIC),
            (f"{V1} {V1A}", [OTHER, PUBLIC]),
            (f"v1,AAAA v2,xyz nonsense {V1}", SECRET),
            (V1, [OTHER, SECRET]),
            (V1, f"{OTHER} {SECRET}"),
            (V1, SECRET.removeprefix("whsec_")),
        ],
    )
    def test_what_is_signed_is_verified(self, signature: str, secret: Any) -> None:
        assert webhooks.verify(BODY, headers(webhook_signature=signature), secret) == BODY

    def test_signing_gives_the_vector(self) -> None:
        signed = webhooks.sign(BODY, SECRET, message_id=HEADERS["webhook-id"], timestamp=SENT_AT)
        assert signed == HEADERS

    @pytest.mark.parametrize(
        ("body", "given", "secret"),
        [
            (BODY + b" ", HEADERS, SECRET),
            (BODY, headers(webhook_id="msg_other"), SECRET),
            (BODY, headers(webhook_timestamp=str(SENT_AT + 1)), SECRET),
            (BODY, HEADERS, OTHER),
            (BODY, HEADERS, []),
            (BODY, HEADERS, ""),
            (BODY, HEADERS, "not base64 !"),
            (BODY, HEADERS, "whpk_AAAA"),
            (BODY, HEADERS, PUBLIC),
            (BODY, headers(webhook_signature=V1.replace("v1,", "v1a,")), PUBLIC),
            (BODY, headers(webhook_signature=V1.replace("v1,", "v2,")), SECRET),
            (BODY, headers(webhook_signature="v1"), SECRET),
            (BODY, headers(webhook_signature="v1,"), SECRET),
            (BODY, headers(webhook_timestamp="yesterday"), SECRET),
            (BODY, headers(webhook_timestamp="-1"), SECRET),
            (BODY, headers(webhook_timestamp="9" * 400), SECRET),
            (BODY, headers(webhook_signature=""), SECRET),
            (BODY, {}, SECRET),
            (BODY, None, SECRET),
            (BODY, 7, SECRET),
            (BODY, ["webhook-id"], SECRET),
            ({"test": 2432232314}, HEADERS, SECRET),
            (None, HEADERS, SECRET),
        ],
    )
    def test_anything_else_is_one_exception(self, body: Any, given: Any, secret: Any) -> None:
        with pytest.raises(WebhookVerificationError) as raised:
            webhooks.verify(body, given, secret)
        assert isinstance(raised.value, OneRouterError) and isinstance(raised.value, ValueError)
        assert "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" not in str(raised.value)

    @pytest.mark.parametrize("off_by", [-301, 301])
    def test_not_now_is_not_believed(self, monkeypatch: pytest.MonkeyPatch, off_by: int) -> None:
        monkeypatch.setattr("onerouter.webhooks.time.time", lambda: float(SENT_AT + off_by))
        with pytest.raises(WebhookVerificationError, match="replay"):
            webhooks.verify(BODY, HEADERS, SECRET)
        assert webhooks.verify(BODY, HEADERS, SECRET, tolerance=302) == BODY

    @pytest.mark.parametrize(
        "spelled",
        [
            {name.title(): value for name, value in HEADERS.items()},
            {"HTTP_" + name.upper().replace("-", "_"): value for name, value in HEADERS.items()},
            [(name.encode(), value.encode()) for name, value in HEADERS.items()],
            {name: [value] for name, value in HEADERS.items()},
            {**HEADERS, "content-length": "20", "x": "y"}.items(),
        ],
        ids=["titles", "WSGI", "ASGI", "lists", "pairs"],
    )
    def test_any_frameworks_headers(self, spelled: Any) -> None:
        assert webhooks.verify(bytearray(BODY), spelled, SECRET) == BODY
        assert webhooks.verify(BODY.decode(), spelled, SECRET) == BODY


class TestUnwrap:
    def test_the_event(self) -> None:
        body, sent = signed_event("payment.succeeded", {"id": "pay_1", "amount_minor": 49900}, sequence=3)
        event = webhooks.unwrap(body, sent, WEBHOOK_SECRET)
        assert (event.type, event.data.id, event["data"]["amount_minor"], event.sequence) == (
            "payment.succeeded",
            "pay_1",
            49900,
            3,
        )
        assert json.loads(json.dumps(event)) == json.loads(body)

    @pytest.mark.parametrize("body", [b"[]", b"7", b"{", b"\xff", b"[" * 100_000])
    def test_what_is_signed_and_no_event(self, body: bytes) -> None:
        with pytest.raises(WebhookVerificationError, match="signed, but"):
            webhooks.unwrap(body, webhooks.sign(body, SECRET), SECRET)

    def test_a_rotation_is_signed_with_both(self) -> None:
        body, sent = signed_event("refund.failed", secret=[OTHER, SECRET])
        for secret in (OTHER, SECRET):
            assert webhooks.unwrap(body, sent, secret).type == "refund.failed"

    def test_another_library_believes_what_is_signed_here(self) -> None:
        body, sent = signed_event("payment.failed")
        assert standardwebhooks.Webhook(WEBHOOK_SECRET).verify(body.decode(), sent)["type"] == "payment.failed"

    def test_the_secret_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        body, sent = signed_event("payment.failed")
        with pytest.raises(WebhookVerificationError, match="no secret"):
            webhooks.unwrap(body, sent)
        monkeypatch.setenv("ONEROUTER_WEBHOOK_SECRET", f"{OTHER} {WEBHOOK_SECRET}")
        assert webhooks.unwrap(body, sent).type == "payment.failed"

    def test_the_secret_of_a_client(self) -> None:
        client = OneRouter(API_KEY, webhook_secret=[WEBHOOK_SECRET])
        body, sent = signed_event("payment.failed")
        assert client.webhooks.unwrap(body, sent).type == "payment.failed"
        assert WEBHOOK_SECRET not in repr(vars(client.webhooks))


class TestEd25519:
    """Against another implementation."""

    @settings(max_examples=15, deadline=None)
    @given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=64), flipped=st.integers(0, 511))
    def test_a_signature_is_that_keys_and_no_other_bits_are(self, seed: bytes, message: bytes, flipped: int) -> None:
        key = Ed25519PrivateKey.from_private_bytes(seed)
        public, signature = key.public_key().public_bytes_raw(), key.sign(message)
        assert _ed25519.is_signed(public, message, signature)
        changed = bytearray(signature)
        changed[flipped // 8] ^= 1 << (flipped % 8)
        assert not _ed25519.is_signed(public, message, bytes(changed))
        assert not _ed25519.is_signed(public, message + b"!", signature)

    def test_a_signature_above_the_groups_order_is_none(self) -> None:
        key = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
        signature = key.sign(b"m")
        scalar = int.from_bytes(signature[32:], "little") + _ed25519._L
        malleable = signature[:32] + scalar.to_bytes(32, "little")
        assert not _ed25519.is_signed(key.public_key().public_bytes_raw(), b"m", malleable)


@settings(deadline=None)
@given(
    body=st.binary(max_size=64),
    sent=st.dictionaries(st.sampled_from([*HEADERS, "x"]), st.text(max_size=40) | st.none() | st.integers()),
    secret=st.text(max_size=40) | st.lists(st.text(max_size=20), max_size=3),
)
def test_nothing_a_stranger_sends_raises_anything_else(body: bytes, sent: Mapping[str, Any], secret: Any) -> None:
    with pytest.raises(WebhookVerificationError):
        webhooks.unwrap(body, sent, secret)


def test_an_age_is_counted_from_now() -> None:
    body, sent = signed_event("payment.failed", timestamp=time.time() - 3_600)
    with pytest.raises(WebhookVerificationError, match="too old"):
        webhooks.unwrap(body, sent, WEBHOOK_SECRET)
