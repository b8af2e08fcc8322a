"""What the providers' own libraries sign we believe, and each variant that they refuse we refuse, too.

PayPal's libraries for Python verify nothing without asking PayPal: its vectors are in `paypal/test_webhook.py`.
"""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import razorpay
import stripe
from pydantic import SecretStr

from onerouter_providers.payments.razorpay import webhook as razorpay_webhook
from onerouter_providers.payments.stripe import webhook as stripe_webhook
from onerouter_providers.webhook import SignatureInvalid

RAZORPAY_SECRET = "key_secret"
RAZORPAY_SIGNATURE = "d60e67fd884556c045e9be7dad57903e33efc7172c17c6e3ef77db42d2b366e9"
"""As razorpay-python's `tests/test_client_utility.py` expects it of its file `fake_payment_authorized_webhook.json`."""
STRIPE_SECRET = "whsec_test_secret"
STRIPE_BODY = '{\n  "id": "evt_test_webhook",\n  "object": "event"\n}'
"""What stripe-python's `tests/test_webhook.py` signs, and with what."""
STRIPE_VARIANTS = ("none", "body", "rewritten", "time", "old", "code", "scheme", "no_time", "secret", "nothing")


@pytest.fixture(scope="module")
def specs() -> Path:
    """The reference folder with the providers' own samples; it is not part of the repository."""
    repository = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))
    if not (folder / "webhook-samples").is_dir():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return folder


@pytest.fixture(scope="module")
def body(specs: Path) -> bytes:
    return (specs / "razorpay-fixtures" / "py-fake_payment_authorized_webhook.json").read_bytes()


@pytest.fixture(scope="module")
def vectors(specs: Path) -> dict[str, Any]:
    return dict(json.loads((specs / "webhook-samples" / "signature-vectors.json").read_text("utf-8")))


class TestRazorpay:
    @pytest.mark.parametrize("changed", ["none", "body", "white_space", "header", "case", "cut", "secret", "no_header"])
    def test_we_judge_as_their_client_does(self, body: bytes, changed: str) -> None:
        signature, secret = RAZORPAY_SIGNATURE, RAZORPAY_SECRET
        sent = {"body": body.replace(b"1000000", b"1000001"), "white_space": body + b" "}.get(changed, body)
        given = {
            "header": f"e{signature[1:]}",
            "case": signature.upper(),
            "cut": signature[:-1],
            "no_header": "",
        }.get(changed, signature)
        used = "key_secret_2" if changed == "secret" else secret
        theirs = razorpay_believes(sent, given, used)
        assert theirs == (changed == "none")
        assert razorpay_is_believed(sent, {"X-Razorpay-Signature": given} if given else {}, used) == theirs

    def test_the_published_vector(self, vectors: dict[str, Any]) -> None:
        vector = vectors["razorpay"]["webhook"]
        sent, signature, secret = vector["body"].encode(), vector["headers"]["X-Razorpay-Signature"], vector["secret"]
        rewritten = json.dumps(json.loads(sent)).encode()
        for believed, *case in (
            (True, sent, signature, secret),
            (False, rewritten, signature, secret),
            (False, sent, vector["reserialized_body_signature"], secret),
            (False, sent.replace(b"captured", b"refunded"), signature, secret),
            (False, sent, signature, f"{secret}2"),
        ):
            given, header, used = case
            assert razorpay_believes(given, header, used) is believed
            assert razorpay_is_believed(given, {"X-Razorpay-Signature": header}, used) is believed


class TestStripe:
    @pytest.mark.parametrize("changed", STRIPE_VARIANTS)
    def test_we_judge_as_their_client_does(self, changed: str) -> None:
        at = int(time.time()) - (400 if changed == "old" else 0)
        code = hmac.new(STRIPE_SECRET.encode(), f"{at}.{STRIPE_BODY}".encode(), hashlib.sha256).hexdigest()
        assert stripe.WebhookSignature._compute_signature(f"{at}.{STRIPE_BODY}", STRIPE_SECRET) == code
        header = {
            "time": f"t={at + 1},v1={code}",
            "code": f"t={at},v1={'0' * 64}",
            "scheme": f"t={at},v0={code}",
            "no_time": f"v1={code}",
            "nothing": "",
        }.get(changed, f"t={at},v1={code}")
        sent = {"body": STRIPE_BODY.replace("evt_", "evf_"), "rewritten": '{"id":"evt_test_webhook","object":"event"}'}
        text = sent.get(changed, STRIPE_BODY)
        secret = "whsec_test_secret_2" if changed == "secret" else STRIPE_SECRET
        theirs = stripe_believes(text, header, secret)
        assert theirs == (changed == "none")
        assert stripe_is_believed(text.encode(), header, secret) == theirs

    def test_one_of_several_signatures_is_enough(self) -> None:
        at = int(time.time())
        old, new = (
            stripe.WebhookSignature._compute_signature(f"{at}.{STRIPE_BODY}", one) for one in ("whsec_old", "whsec_new")
        )
        header = f"t={at},v1={old},v1={new}"
        for secret, believed in (("whsec_old", True), ("whsec_new", True), ("whsec_other", False)):
            assert stripe_believes(STRIPE_BODY, header, secret) is believed
            assert stripe_is_believed(STRIPE_BODY.encode(), header, secret) is believed

    def test_the_published_vectors(self, vectors: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        vector = vectors["stripe"]
        text = vector["body"]
        for case in vector["cases"]:
            monkeypatch.setattr(time, "time", lambda now=case["now"]: float(now))
            for given, secret, believed in (
                (text, vector["secret"], case["valid"]),
                (text.replace("1299", "9299"), vector["secret"], False),
                (text, "whsec_of_somebody_else", False),
                (text, vector["old_secret"], case["name"] == "valid_during_secret_roll"),
            ):
                assert stripe_believes(given, case["header"], secret) is believed, case["name"]
                assert stripe_is_believed(given.encode(), case["header"], secret) is believed, case["name"]


def razorpay_believes(body: bytes, signature: str, secret: str) -> bool:
    try:
        return bool(razorpay.Client(auth=("", "")).utility.verify_webhook_signature(body.decode(), signature, secret))
    except razorpay.errors.SignatureVerificationError:
        return False


def razorpay_is_believed(body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    try:
        razorpay_webhook.verify(body, headers, {"webhook_secret": SecretStr(secret)})
    except SignatureInvalid:
        return False
    return True


def stripe_believes(body: str, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, stripe.Webhook.DEFAULT_TOLERANCE))
    except stripe.SignatureVerificationError:
        return False


def stripe_is_believed(body: bytes, header: str, secret: str) -> bool:
    try:
        stripe_webhook.verify(body, {"Stripe-Signature": header}, {"webhook_secret": SecretStr(secret)})
    except SignatureInvalid:
        return False
    return True
