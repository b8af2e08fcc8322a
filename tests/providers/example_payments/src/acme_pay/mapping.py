"""Acme's words to ours: tables and pure functions."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import InvalidRequest
from onerouter_common.money import Money
from onerouter_providers.capability import PaymentRequest, PaymentSnapshot, PaymentStatus, RefundSnapshot, RefundStatus
from onerouter_providers.resources import PaymentLinkRequest, PaymentLinkStatus, ResourceSnapshot

Thing = Mapping[str, Any]
"""A charge, a refund or a link as Acme shows it."""

STATUS: Final[Mapping[str, PaymentStatus]] = {
    "open": "created",
    "held": "authorized",
    "paid": "succeeded",
    "partly_refunded": "partially_refunded",
    "refunded": "refunded",
    "failed": "failed",
}
REFUND_STATUS: Final[Mapping[str, RefundStatus]] = {"waiting": "pending", "done": "succeeded", "failed": "failed"}
LINK_STATUS: Final[Mapping[str, PaymentLinkStatus]] = {"open": "created", "paid": "paid", "canceled": "canceled"}
REASON: Final[Mapping[str, str]] = {"no_funds": "insufficient_funds", "do_not_honor": "card_declined"}
NOTES: Final = 20
LARGEST: Final = 99_999_999


def charge_body(request: PaymentRequest) -> dict[str, Any]:
    """Raises InvalidRequest for what Acme cannot be told."""
    if len(request.notes) > NOTES:
        raise InvalidRequest.of("notes", f"has more than the {NOTES} pairs that Acme keeps")
    how = {"capture": request.capture, "notes": dict(request.notes), "return_url": request.return_url}
    return {"reference": request.payment_id, **_amount(request.amount), **how}


def link_body(request: PaymentLinkRequest) -> dict[str, Any]:
    """Raises InvalidRequest for what Acme cannot be told."""
    if request.expires_at is not None:
        raise InvalidRequest.of("expires_at", "cannot be chosen: Acme's links do not expire")
    return {"reference": request.link_id, **_amount(request.amount), "description": request.description}


def to_payment(charge: Thing) -> PaymentSnapshot:
    """A charge is order and payment in one: it has a payment's id once somebody has tried to pay."""
    status = STATUS.get(charge["state"], "unknown")
    return PaymentSnapshot(
        status,
        provider_order_id=charge["id"],
        provider_payment_id=None if status == "created" else charge["id"],
        amount=Money(charge["amount"], charge["currency"]),
        captured=Money(charge["captured"], charge["currency"]) if charge["captured"] else None,
        amount_refunded_minor=charge["refunded"],
        method="card" if charge["last4"] else None,
        method_details={"card_last4": charge["last4"]} if charge["last4"] else {},
        checkout_url=charge["pay_url"],
        fee_minor=charge["fee"],
        error_reason=REASON.get(charge["failure"], "unknown") if charge["failure"] else None,
    )


def to_refund(refund: Thing) -> RefundSnapshot:
    status = REFUND_STATUS.get(refund["state"], "unknown")
    return RefundSnapshot(status, refund["id"], Money(refund["amount"], refund["currency"]))


def to_link(link: Thing) -> ResourceSnapshot:
    paid = {"provider_payment_id": link["charge"], "amount_paid_minor": link["amount"]} if link["charge"] else {}
    return ResourceSnapshot(
        LINK_STATUS.get(link["state"], "unchanged"), link["id"], facts={"short_url": link["url"], **paid}
    )


def _amount(money: Money) -> dict[str, Any]:
    if money.amount_minor > LARGEST:
        raise InvalidRequest.of("amount", "is more than Acme takes at once")
    return {"amount": money.amount_minor, "currency": money.currency}
