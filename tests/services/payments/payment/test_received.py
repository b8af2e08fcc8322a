"""What each provider's callbacks say it took and kept, as far as the event that a tenant gets."""

from typing import Any

import orjson
import pytest

from onerouter_payments.cost import cost_of
from onerouter_payments.payment.aggregate import PaymentAggregate, observe_payment
from onerouter_payments.payment.callbacks import PaymentCallbacks, payment_snapshot
from onerouter_providers.capability import PaymentSnapshot
from onerouter_providers.payments.paypal import webhook as paypal
from onerouter_providers.payments.razorpay import mapping as razorpay_mapping
from onerouter_providers.payments.razorpay import webhook as razorpay
from onerouter_providers.payments.stripe import webhook as stripe

from ..examples import NOW, VIEWS, a_callback, a_payment


def of_razorpay(amount_minor: int, **changes: Any) -> dict[str, Any]:
    payment = {
        "id": "pay_1", "order_id": "order_1", "status": "captured", "amount": amount_minor, "currency": "USD",
        "base_amount": amount_minor * 80, "base_currency": "INR", "fee": 9_440, "tax": 1_440, **changes,
    }  # fmt: skip
    return {"event": "payment.captured", "created_at": 1_772_357_400, "payload": {"payment": {"entity": payment}}}


def of_paypal(amount_minor: int) -> dict[str, Any]:
    value = {"currency_code": "USD", "value": f"{amount_minor / 100:.2f}"}
    resource = {
        "id": "CAPTURE1",
        "status": "COMPLETED",
        "amount": value,
        "seller_receivable_breakdown": {"paypal_fee": {"currency_code": "EUR", "value": "1.18"}},
        "supplementary_data": {"related_ids": {"order_id": "order_1"}},
    }
    return {
        "id": "WH-1",
        "event_type": "PAYMENT.CAPTURE.COMPLETED",
        "create_time": "2026-03-01T09:30:00Z",
        "resource": resource,
    }


def of_stripe(amount_minor: int) -> dict[str, Any]:
    charge = {
        "id": "ch_1", "object": "charge", "status": "succeeded", "captured": True, "amount": 50_000, "currency": "usd",
        "amount_captured": amount_minor, "amount_refunded": 50_000 - amount_minor, "payment_intent": "pi_1",
        "balance_transaction": {"fee": 118, "currency": "eur"},
    }  # fmt: skip
    return {"id": "evt_1", "type": "charge.captured", "created": 1_772_357_400, "data": {"object": charge}}


NOTHING_YET = PaymentSnapshot("created", provider_order_id="order_1")
PROVIDERS = [
    (razorpay, of_razorpay, (9_440, "INR")),
    (paypal, of_paypal, (118, "EUR")),
    (stripe, of_stripe, (118, "EUR")),
]


@pytest.mark.parametrize(("webhook", "told", "fee"), PROVIDERS, ids=["razorpay", "paypal", "stripe"])
@pytest.mark.parametrize("amount_minor", [50_000, 100])
def test_another_amount_is_told_as_such(webhook: Any, told: Any, fee: tuple[int, str], amount_minor: int) -> None:
    event = webhook.parse(orjson.dumps(told(amount_minor)), {})
    assert event is not None
    made = observe_payment(PaymentAggregate(a_payment(currency="USD")), NOTHING_YET, NOW).aggregate
    settled = PaymentCallbacks(VIEWS).apply(a_callback(event.object), made)
    differs = amount_minor != 50_000
    assert [draft.type for draft in settled.events] == ["payment.amount_mismatch" if differs else "payment.succeeded"]
    assert settled.resource is not None
    payment = settled.resource.payment
    assert payment.status == "succeeded"
    assert payment.refundable_minor == amount_minor
    view = VIEWS.of(payment)
    assert view["amount_received_minor"] == amount_minor
    assert (view["amount_mismatch"] is not None) == differs
    cost = cost_of(payment, {})
    assert cost is not None
    assert (cost.money.amount_minor, cost.money.currency, cost.estimated) == (*fee, False)


def test_a_fee_that_razorpays_payer_bears_is_not_received() -> None:
    payer_bears = of_razorpay(50_000 + 9_440, base_currency=None, currency="INR", fee_bearer="customer")
    event = razorpay.parse(orjson.dumps(payer_bears), {})
    assert event is not None
    told = payment_snapshot(event.object, "INR")
    paid = observe_payment(PaymentAggregate(a_payment()), told, NOW).aggregate.payment
    assert (paid.status, paid.amount_mismatch) == ("succeeded", None)


@pytest.mark.parametrize("status", ["created", "authorized", "failed"])
def test_razorpay_has_taken_nothing_before_it_captured(status: str) -> None:
    assert razorpay_mapping.to_captured({"status": status, "amount": 100, "currency": "INR"}) is None
