"""Razorpay's words ↔ ours: tables, and functions that are pure and never surprised."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onerouter_common.errors import (
    CapabilityUnsupported,
    InvalidRequest,
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnavailable,
)
from onerouter_common.ids import PAYMENT, REFUND, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference, PaymentRequest, RefundRequest
from onerouter_providers.payments.razorpay import errors, fields, mapping

CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no defect."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "id", "status", "amount", "currency", "amount_refunded", "refund_status", "order_id", "method", "card", "fee", "notes",
    "acquirer_data", "error_reason", "error_code", "error_description", "created_at", "receipt", "attempts", "items",
)  # fmt: skip
STRANGE = st.dictionaries(st.sampled_from(FIELDS) | st.text(), JSON, max_size=12)


def request(**changes: Any) -> PaymentRequest:
    return PaymentRequest(**{"payment_id": new_id(PAYMENT), "amount": Money(129_900, "INR"), **changes})


def refund_request(**changes: Any) -> RefundRequest:
    reference = PaymentReference("pay_x", Money(129_900, "INR"), "order_1", "pay_1")
    return RefundRequest(
        **{"refund_id": new_id(REFUND), "payment": reference, "amount": Money(50_000, "INR"), **changes}
    )


@CALM
@given(STRANGE, STRANGE)
def test_whatever_razorpay_says_mapping_never_raises(order: dict[str, Any], payment: dict[str, Any]) -> None:
    before = json.dumps([order, payment], sort_keys=True)
    known = set(mapping.PAYMENT_STATUS.values()) | {"partially_refunded", "unknown"}
    assert mapping.to_status(payment) in known
    assert mapping.payment_snapshot(order, payment, key_id="k").status in known
    mapping.order_snapshot(order, key_id="k")
    mapping.refund_snapshot(payment)
    mapping.choose_payment([order, payment])
    mapping.choose_order([order, payment], request())
    mapping.find_refund([order, payment], "re_1")
    assert json.dumps([order, payment], sort_keys=True) == before  # and changes nothing


@CALM
@given(st.integers(400, 499), STRANGE, STRANGE, st.booleans())
def test_every_refusal_is_some_provider_error(
    status: int, body: dict[str, Any], error: dict[str, Any], effect: bool
) -> None:
    for answer in (body, {"error": error}):
        assert isinstance(errors.refusal(status, answer, "refund.create", effect=effect), ProviderError)


@pytest.mark.parametrize(
    ("payment", "status"),
    [
        ({"status": "created"}, "requires_action"),
        ({"status": "authorized"}, "authorized"),
        ({"status": "captured", "amount": 100, "amount_refunded": 0, "refund_status": None}, "succeeded"),
        (
            {"status": "captured", "amount": 100, "amount_refunded": 40, "refund_status": "partial"},
            "partially_refunded",
        ),
        ({"status": "captured", "amount": 100, "amount_refunded": 100, "refund_status": "full"}, "refunded"),
        ({"status": "captured", "amount": 100, "amount_refunded": 40}, "partially_refunded"),
        ({"status": "refunded", "amount": 100, "amount_refunded": 100}, "refunded"),
        ({"status": "failed"}, "failed"),
        ({"status": "in_orbit"}, "unknown"),
        ({"status": None}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_payment_statuses(payment: dict[str, Any], status: str) -> None:
    assert mapping.to_status(payment) == status


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", "pending"),
        ("created", "pending"),
        ("processed", "succeeded"),
        ("failed", "failed"),
        ("x", "unknown"),
    ],
)
def test_refund_statuses(word: str, status: str) -> None:
    assert mapping.to_refund_status(word) == status


def test_the_payment_that_got_furthest_tells_what_became_of_the_order() -> None:
    tries = [
        {"id": "late", "status": "failed", "created_at": 9},
        {"id": "held", "status": "authorized", "created_at": 2},
        {"id": "open", "status": "created", "created_at": 3},
    ]
    assert (mapping.choose_payment(tries) or {})["id"] == "held"
    taken = [*tries, {"id": "taken", "status": "captured", "created_at": 1}]
    assert (mapping.choose_payment(taken, preferred_id="held") or {})["id"] == "taken"
    odd = [{"id": "odd", "status": "in_orbit", "created_at": 1}, {"id": "no", "status": "failed", "created_at": 2}]
    assert (mapping.choose_payment(odd) or {})["id"] == "odd"
    assert mapping.choose_payment([]) is None


def test_of_several_orders_the_newest_paid_one_is_adopted() -> None:
    wanted = request()
    order = {"receipt": wanted.payment_id, "amount": 129_900, "currency": "INR", "amount_paid": 0}
    orders = [
        {**order, "id": "old", "created_at": 1},
        {**order, "id": "paid", "created_at": 2, "amount_paid": 129_900},
        {**order, "id": "new", "created_at": 3},
        {**order, "id": "dearer", "created_at": 4, "amount": 200_000, "amount_paid": 200_000},
        {**order, "id": "dollars", "created_at": 5, "currency": "USD"},
        {**order, "id": "someone's", "created_at": 6, "receipt": "other"},
    ]
    assert (mapping.choose_order(orders, wanted) or {})["id"] == "paid"
    assert (mapping.choose_order([orders[0], orders[2]], wanted) or {})["id"] == "new"
    assert mapping.choose_order(orders[3:], wanted) is None


def test_an_orders_body() -> None:
    wanted = request(notes={"cart": "17"}, receipt="INV-7", capture="manual")
    body = mapping.order_body(wanted, unique_receipt=True)
    assert body == {
        "amount": 129_900,
        "currency": "INR",
        "receipt": wanted.payment_id,
        "notes": {"onerouter_payment_id": wanted.payment_id, "cart": "17", "receipt": "INV-7"},
        "partial_payment": False,
        "payment": {"capture": "manual", "capture_options": {"refund_speed": "normal", "manual_expiry_period": 4_320}},
        "unique_receipt": True,
    }
    assert json.dumps(body) == json.dumps(mapping.order_body(wanted, unique_receipt=True))
    automatic = mapping.order_body(request(), unique_receipt=False)
    assert automatic["payment"]["capture_options"]["automatic_expiry_period"] == 4_320
    assert "unique_receipt" not in automatic


@pytest.mark.parametrize(
    "notes",
    [
        {str(number): "x" for number in range(15)},
        {"long": "x" * 257},
        {"x" * 257: "long"},
        {"": "nameless"},
        {"onerouter_payment_id": "forged"},
    ],
)
def test_notes_that_do_not_fit(notes: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        mapping.order_body(request(notes=notes), unique_receipt=False)
    assert caught.value.errors[0].field == "notes"


def test_the_tenants_receipt_never_displaces_a_note() -> None:
    full = {str(number): "x" for number in range(14)}
    assert len(mapping.order_body(request(notes=full, receipt="INV-7"), unique_receipt=False)["notes"]) == 15
    kept = mapping.order_body(request(notes={"receipt": "mine"}, receipt="INV-7"), unique_receipt=False)["notes"]
    assert kept["receipt"] == "mine"


@pytest.mark.parametrize(
    ("amount", "refused"),
    [
        (Money(100, "INR"), None),
        (Money(99, "INR"), InvalidRequest),
        (Money(1, "JPY"), None),
        (Money(29_900, "HUF"), None),
        (Money(29_900, "MGA"), None),
        (Money(99_990, "KWD"), None),
        (Money(99_991, "KWD"), InvalidRequest),
        (Money(5_000, "LYD"), CapabilityUnsupported),
    ],
)
def test_amounts(amount: Money, refused: type[Exception] | None) -> None:
    if refused is None:
        mapping.check_amount(amount)
    else:
        with pytest.raises(refused):
            mapping.check_amount(amount)


@CALM
@given(st.integers(100, 10**12), st.sampled_from(sorted({"INR", "USD", *mapping.NO_DECIMALS, *mapping.THREE_DECIMALS})))
def test_what_goes_out_comes_back(minor: int, currency: str) -> None:
    amount = Money(minor - minor % 10, currency)
    body = mapping.order_body(request(amount=amount), unique_receipt=False)
    assert isinstance(body["amount"], int)
    assert fields.money(json.loads(json.dumps(body))) == amount


def test_a_refunds_body() -> None:
    wanted = refund_request(speed="optimum", notes={"why": "damaged"})
    assert mapping.refund_body(wanted) == {
        "amount": 50_000,
        "speed": "optimum",
        "receipt": wanted.refund_id,
        "notes": {"onerouter_refund_id": wanted.refund_id, "why": "damaged"},
    }
    with pytest.raises(InvalidRequest):
        mapping.refund_body(refund_request(amount=Money(50_000, "USD")))


def refusal(
    status: int = 400, *, effect: bool = True, capability: str = "payment.create", **error: str
) -> ProviderError:
    return errors.refusal(status, {"error": {"code": "BAD_REQUEST_ERROR", **error}}, capability, effect=effect)


@pytest.mark.parametrize(
    ("found", "kind", "reason"),
    [
        (refusal(reason="insufficient_funds"), ProviderDeclined, "insufficient_funds"),
        (refusal(reason="payment_risk_check_failed"), ProviderDeclined, "fraud_suspected"),
        (refusal(reason="input_validation_failed", field="amount"), ProviderDeclined, "amount_invalid"),
        (refusal(reason="invalid_currency", field="currency"), ProviderDeclined, "currency_not_supported"),
        (refusal(reason="input_validation_failed", field="notes"), ProviderRefusedUs, "invalid_request"),
        (refusal(reason="extra_field_sent", field="unique_receipt"), ProviderRefusedUs, "invalid_request"),
        (refusal(description="Order receipt should be unique."), ProviderRefusedUs, "duplicate"),
        (
            refusal(
                reason="input_validation_failed",
                description="Different request with the same idempotency key has already been processed.",
            ),
            ProviderRefusedUs,
            "idempotency_conflict",
        ),
        (refusal(reason="NA", description="The id provided does not exist"), ProviderRefusedUs, "not_found"),
        (
            refusal(reason="NA", description="The requested URL was not found on the server."),
            ProviderRefusedUs,
            "permission_denied",
        ),
        (refusal(401, description="Authentication failed"), ProviderRefusedUs, "authentication_failed"),
        (refusal(403), ProviderRefusedUs, "permission_denied"),
        (refusal(reason="refund_limit_crossed"), ProviderDeclined, "refund_rejected"),
        (refusal(description="This payment has already been captured"), ProviderDeclined, "invalid_state"),
        (refusal(reason="a_word_we_have_not_met"), ProviderRefusedUs, "invalid_request"),
        (refusal(409, reason="conflict"), ProviderOutcomeUnknown, "in_progress"),
        (refusal(code="GATEWAY_ERROR"), ProviderOutcomeUnknown, "indeterminate"),
        (refusal(code="SERVER_ERROR"), ProviderOutcomeUnknown, "indeterminate"),
        (refusal(code="SERVER_ERROR", effect=False), ProviderUnavailable, "unknown"),
        (errors.refusal(400, {}, "payment.create", effect=True), ProviderRefusedUs, "unknown"),
        (errors.refusal(404, {"error": "gone"}, "payment.get", effect=False), ProviderRefusedUs, "unknown"),
    ],
)
def test_refusals(found: ProviderError, kind: type[ProviderError], reason: str) -> None:
    assert (type(found), found.reason) == (kind, reason)
    assert found.provider == "razorpay"
    assert str(found).endswith(".")


def test_a_refusal_keeps_razorpays_words_beside_ours() -> None:
    found = refusal(reason="card_declined", description="x" * 1_000)
    assert found.provider_code == "card_declined"
    assert found.provider_message == "x" * 300
    assert "x" not in str(found).replace("exp", "")
    assert refusal(reason="NA").provider_code == "BAD_REQUEST_ERROR"
    assert refusal(reason="refund_limit_crossed", capability="refund.create").error_code == "REFUND_FAILED"
    assert refusal(reason="card_declined").error_code == "PAYMENT_FAILED"


def test_reasons_are_told_apart_once() -> None:
    theirs = [word for words in errors.REASONS.values() for word in words]
    assert len(theirs) == len(set(theirs))


@pytest.mark.parametrize("name", ["fake_order", "fake_payment", "fake_captured_payment", "fake_refund"])
def test_razorpays_own_samples(specs: Path, name: str) -> None:
    sample = json.loads((specs / "razorpay-fixtures" / f"py-{name}.json").read_text("utf-8"))
    match name:
        case "fake_order":
            assert mapping.order_snapshot(sample, key_id="k").status == "requires_action"
        case "fake_refund":
            assert mapping.refund_snapshot(sample).status == "succeeded"
        case _:
            shown = mapping.payment_snapshot(None, sample, key_id="k")
            assert shown.status == ("succeeded" if "captured" in name else "requires_action")
            assert shown.amount == Money(500, "INR")
