"""A manifest is facts, and a wrong one says where."""

import re
from importlib.resources import files
from typing import Any

import pytest

from onerouter_common.errors import InvalidRequest
from onerouter_common.worker.handler import Idempotency
from onerouter_providers.loader import Providers
from onerouter_providers.manifest import Manifest, ManifestInvalid, parse_manifest

RAZORPAY = (files("onerouter_providers.payments.razorpay") / "manifest.toml").read_text("utf-8")


def razorpay() -> Manifest:
    return parse_manifest(RAZORPAY, source="razorpay/manifest.toml")


def test_razorpays_facts() -> None:
    manifest = razorpay()
    assert (manifest.id, manifest.category, manifest.amount_unit) == ("razorpay", "payments", "minor")
    refund = manifest.find_capability("refund.create")
    assert refund is not None
    assert (refund.idempotency, refund.header) == (Idempotency.NATIVE, "X-Refund-Idempotency")
    assert manifest.find_capability("payment.cancel") is None
    assert "void" in manifest.unsupported["payment.cancel"]
    sealed_for_callbacks = {field.key for field in manifest.credentials if field.used_by == "callback"}
    assert sealed_for_callbacks == {"webhook_secret", "webhook_secret_previous", "account_id"}


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('category = "payments"', 'category = "fax"', "category: "),
        ('amount_unit = "minor"', 'amount_unit = "paise"', "amount_unit: "),
        ('color = "#0C2451"', 'colour = "#0C2451"', "colour: Extra inputs"),
        ("timeout_s = 30", "timeout_s = 0", "timeout_s: "),
        ('live = "https://api.razorpay.com"', 'live = "api.razorpay.com"', "base_url.live: "),
        ('pattern = "^rzp_(test|live)_', 'pattern = "^rzp_((test|live)_', "is not a regular expression"),
        ('key = "key_secret"', 'key = "key_id"', "credential key_id is listed twice"),
        ('header = "X-Refund-Idempotency"', "", "needs `header` and `retention`"),
        ('lookup = "reads only"\nabsence_settles_s = 0', "", "needs `lookup` and `absence_settles_s`"),
        ('name = "payment.capture"', 'name = "payment.create"', "capability payment.create is listed twice"),
        ('"payment.cancel" =', '"payment.get" =', "capability payment.get is both listed and unsupported"),
        ("[callback]\nevents = [", "[callback]\nevents = {", "is not TOML"),
        (
            "timeout_s = 30",
            'timeout_s = 30\ncredentials_any_of = [["key_id", "pin"]]',
            "names pin, which is no credential",
        ),
        ("sensitive = true", "sensitive = true\nfixed = true", "`fixed` is for what is not sensitive"),
        ('of = "payment.create"', 'of = "payment.cancel"', "there is a cost of payment.cancel, which is no capability"),
        ("when = { international = true }\n", "", "the cost of payment.create in INR is listed twice"),
        ("percent = 3", "percent = 101", "cost.0.percent: "),
        ("percent = 3", 'percent = "NaN"', "cost.0.percent: "),
        ("when = { international = true }", "when = { abroad = true }", "cost.0.when.abroad: Extra inputs"),
        ("when = { international = true }", 'when = { methods = ["cash"] }', "cost.0.when.methods.0: "),
        ('source = "https://razorpay.com/pricing/"', 'source = "a friend"', "cost.0.source: "),
    ],
)
def test_a_wrong_manifest_says_what_is_wrong(before: str, after: str, complaint: str) -> None:
    assert before in RAZORPAY
    with pytest.raises(ManifestInvalid, match=re.escape(complaint)) as caught:
        parse_manifest(RAZORPAY.replace(before, after), source="acme/manifest.toml")
    assert str(caught.value).startswith("acme/manifest.toml is not")


GOOD: dict[str, str] = {"key_id": "rzp_test_1DP5mmOlF5G5ag", "key_secret": "thisissupersecret0123456"}


def test_good_credentials_pass() -> None:
    razorpay().check_credentials(GOOD, "test")
    razorpay().check_credentials(GOOD | {"unique_receipt": "", "webhook_secret": "any string"}, "test")


@pytest.mark.parametrize(
    ("changes", "environment", "field"),
    [
        ({"key_id": ""}, "test", "credentials.key_id"),
        ({"key_id": "pk_test_x"}, "test", "credentials.key_id"),
        ({"key_id": "rzp_live_1DP5mmOlF5G5ag"}, "test", "credentials.key_id"),
        ({}, "live", "credentials.key_id"),
        ({"key_secret": "with a space"}, "test", "credentials.key_secret"),
        ({"key_secret": "thisissupersecret0123456\n"}, "test", "credentials.key_secret"),
        ({"webhook_secret": "x" * 5_000}, "test", "credentials.webhook_secret"),
        ({"unique_receipt": "yes"}, "test", "credentials.unique_receipt"),
        ({"nonsense": "1"}, "test", "credentials.nonsense"),
    ],
)
def test_wrong_credentials_are_named_and_not_quoted(changes: dict[str, str], environment: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        razorpay().check_credentials(GOOD | changes, environment)
    assert field in [error.field for error in caught.value.errors]
    for value in (GOOD | changes).values():
        assert not value or len(value) < 3 or value not in str(caught.value)


def test_every_shipped_manifest_loads() -> None:
    for package in Providers.load():
        assert package.manifest.source
        assert all(re.compile(field.pattern or "") for field in package.manifest.credentials)
