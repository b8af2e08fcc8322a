"""A payment as the public API shows it: in answers, events and reads alike. Pure."""

from collections.abc import Mapping

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.money import Money
from onerouter_payments.cost import NO_PRICES, Prices, cost_of, cost_view
from onerouter_payments.payment.state import Payment
from onerouter_payments.resource.change import view

View = dict[str, JsonValue]


def payment_view(payment: Payment, checkout_urls: Mapping[str, str], prices: Prices = NO_PRICES) -> View:
    """`checkout_urls`: provider → template with `{order_id}` and `{payment_id}`, for providers without a page of theirs."""
    received = _received(payment)
    return {
        "id": payment.id,
        "transaction_id": payment.id,
        "object": "payment",
        "provider": payment.provider,
        "provider_order_id": payment.text("provider_order_id"),
        "provider_payment_id": payment.text("provider_payment_id"),
        "amount": payment.amount.to_json_number(),
        "amount_minor": payment.amount_minor,
        "amount_received": None if received is None else received.to_json_number(),
        "amount_received_minor": None if received is None else received.amount_minor,
        "amount_mismatch": _mismatch_view(payment),
        "amount_refunded": Money(payment.amount_refunded_minor, payment.currency).to_json_number(),
        "amount_refunded_minor": payment.amount_refunded_minor,
        "currency": payment.currency,
        "status": payment.status,
        "checkout_url": payment.text("checkout_url") or _checkout_url(payment, checkout_urls.get(payment.provider)),
        "client_secret": payment.text("client_secret"),
        "checkout": payment.fact("checkout"),
        "payment_method": payment.used_method,
        "method_details": payment.used_method_details,
        "capture": payment.capture,
        "receipt": payment.receipt,
        "description": payment.description,
        "notes": dict(payment.notes),
        "metadata": dict(payment.metadata),
        "customer": None if payment.customer is None else dict(payment.customer),
        "failure": payment.failure,
        "subscription_id": payment.subscription_id,
        "disputes": [view(dispute) for dispute in payment.disputes],
        "cost": cost_view(cost_of(payment, prices)),
        "created_at": isoformat(payment.created_at),
        "created": int(payment.created_at.timestamp()),
        "updated_at": isoformat(payment.updated_at),
        "environment": payment.environment,
        "effect_guarantee": payment.effect_guarantee,
        "version": payment.version,
    }


def _received(payment: Payment) -> Money | None:
    """In the payment's currency: whoever compares the two amounts must not take 500 of another for enough."""
    received = payment.amount_received
    if received is None or received.currency == payment.currency:
        return received
    return Money(0, payment.currency)


def _mismatch_view(payment: Payment) -> dict[str, JsonValue] | None:
    mismatch = payment.amount_mismatch
    if mismatch is None:
        return None
    return {"expected": _money_view(mismatch.expected), "received": _money_view(mismatch.received)}


def _money_view(money: Money) -> dict[str, JsonValue]:
    return {"amount": money.to_json_number(), "amount_minor": money.amount_minor, "currency": money.currency}


def _checkout_url(payment: Payment, template: str | None) -> str | None:
    order_id = payment.text("provider_order_id")
    if template is None or order_id is None:
        return None
    return template.format(order_id=order_id, payment_id=payment.id)
