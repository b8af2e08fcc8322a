"""The public shapes: a change here is a change of the API."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from onerouter_payments.payment.settlement import Views
from onerouter_payments.settings import Settings

from ..examples import NOW, VIEWS, a_payment, a_refund, captured


def test_a_payment() -> None:
    payment = captured(receipt="A-1", method="card", customer={"id": "cus_1"}, method_details={"upi_app": "x"}).payment
    assert VIEWS.of(payment) == {
        "id": payment.id,
        "transaction_id": payment.id,
        "object": "payment",
        "provider": "razorpay",
        "provider_order_id": "order_1",
        "provider_payment_id": "pay_1",
        "amount": 500.0,
        "amount_minor": 50_000,
        "amount_received": 500.0,
        "amount_received_minor": 50_000,
        "amount_mismatch": None,
        "amount_refunded": 0.0,
        "amount_refunded_minor": 0,
        "currency": "INR",
        "status": "succeeded",
        "checkout_url": "https://pay.example/checkout/order_1",
        "client_secret": None,
        "checkout": None,
        "payment_method": "upi",
        "method_details": {"upi_app": "x"},
        "capture": "automatic",
        "receipt": "A-1",
        "description": None,
        "notes": {},
        "metadata": {},
        "customer": {"id": "cus_1"},
        "failure": None,
        "subscription_id": None,
        "disputes": [],
        "cost": None,
        "created_at": "2026-03-01T09:30:00.000Z",
        "created": int(NOW.timestamp()),
        "updated_at": "2026-03-01T09:30:00.000Z",
        "environment": "test",
        "effect_guarantee": "exactly_once",
        "version": 2,
    }


def test_a_refund() -> None:
    refund = a_refund(
        a_payment(), reason="damaged", status="failed", failure_code="refund_rejected", failure_message="Old."
    )
    assert VIEWS.of(refund) == {
        "id": refund.id,
        "object": "refund",
        "payment_id": refund.payment_id,
        "provider": "razorpay",
        "provider_refund_id": None,
        "amount": 100.0,
        "amount_minor": 10_000,
        "currency": "INR",
        "status": "failed",
        "reason": "damaged",
        "speed": "normal",
        "notes": {},
        "failure": {"code": "refund_rejected", "message": "Old."},
        "created_at": "2026-03-01T09:30:00.000Z",
        "created": int(NOW.timestamp()),
        "updated_at": "2026-03-01T09:30:00.000Z",
        "environment": "test",
        "effect_guarantee": "exactly_once",
        "version": 0,
    }


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 12_345), ("INR", 123.45), ("KWD", 12.345)])
def test_amounts_have_the_decimals_of_their_currency(currency: str, amount: float) -> None:
    payment = a_payment(currency=currency, amount_minor=12_345)
    assert VIEWS.of(payment)["amount"] == amount
    assert VIEWS.of(replace(a_refund(payment), amount_minor=12_345))["amount"] == amount


def test_without_a_page_of_ours_there_is_no_address() -> None:
    assert Views({}).of(captured().payment)["checkout_url"] is None
    assert VIEWS.of(a_payment())["checkout_url"] is None


@pytest.mark.parametrize("template", ["https://pay.example/", "https://pay.example/{order_id}/{secret}"])
def test_an_address_that_cannot_be_filled_in_is_refused_at_the_start(template: str) -> None:
    with pytest.raises(ValidationError, match="checkout_urls"):
        Settings.model_validate({"checkout_urls": {"razorpay": template}})
