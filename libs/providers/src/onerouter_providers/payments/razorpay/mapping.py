"""Razorpay's objects ↔ ours: tables and pure functions.

An order knows amount, currency, receipt and notes. Method, description and the payer's details are parameters of
Checkout on the tenant's page, not of an order: they stay with us, and the payment that we return shows them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from onerouter_common.errors import CapabilityUnsupported, InvalidRequest
from onerouter_common.money import Money, exponent_of
from onerouter_providers.capability import (
    PaymentRequest,
    PaymentSnapshot,
    PaymentStatus,
    RefundRequest,
    RefundSnapshot,
    RefundStatus,
)
from onerouter_providers.payments.razorpay.errors import to_reason
from onerouter_providers.payments.razorpay.fields import NOTES_CHARS, NOTES_PAIRS, text
from onerouter_providers.payments.razorpay.fields import money as money_of
from onerouter_providers.payments.razorpay.fields import notes as merge_notes

NOTE_PAYMENT: Final = "onerouter_payment_id"
NOTE_REFUND: Final = "onerouter_refund_id"
NOTE_RECEIPT: Final = "receipt"
RECEIPT_CHARS: Final = 40
LEAST_MINOR: Final = 100
_CAPTURE_WITHIN_MIN: Final = 4_320
"""Three days: the longest that both of Razorpay's documents allow."""

NO_DECIMALS: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
THREE_DECIMALS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "OMR", "TND"})

PAYMENT_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "created": "requires_action",
    "pending": "processing",
    "authorized": "authorized",
    "captured": "succeeded",
    "refunded": "refunded",
    "failed": "failed",
}
ORDER_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "created": "created",
    "attempted": "requires_action",
    "paid": "succeeded",
}
REFUND_STATUS: Final[Mapping[str, RefundStatus]] = {
    "created": "pending",
    "pending": "pending",
    "processed": "succeeded",
    "failed": "failed",
}
_RELEVANCE: Final = {"refunded": 5, "captured": 5, "authorized": 4, "pending": 3, "created": 2, "failed": 1}
_UNKNOWN_RELEVANCE: Final = 3
"""A word we have not met outweighs a failure: it may be a success."""

_DETAILS: Final = ("vpa", "bank", "wallet", "token_id")  # the token: the method as it was saved while paying
_ACQUIRER: Final = ("rrn", "auth_code", "bank_transaction_id", "upi_transaction_id", "transaction_id")
_CARD: Final = ("network", "last4", "type", "issuer")


def exponent(currency: str) -> int:
    """Decimals that Razorpay counts with."""
    if currency in NO_DECIMALS:
        return 0
    return 3 if currency in THREE_DECIMALS else 2


def check_amount(money: Money) -> None:
    """Raises InvalidRequest or CapabilityUnsupported for what Razorpay's integer cannot say; nothing is rounded."""
    decimals = exponent(money.currency)
    if decimals != exponent_of(money.currency):
        raise CapabilityUnsupported(
            f"Razorpay does not count {money.currency} with the decimals that ISO 4217 gives it."
        )
    if decimals == 3 and money.amount_minor % 10:
        raise InvalidRequest.of("amount", f"must not use the third decimal of {money.currency} at Razorpay")
    if decimals > 0 and money.amount_minor < LEAST_MINOR:
        raise InvalidRequest.of("amount", f"is less than {LEAST_MINOR} minor units, the least Razorpay takes")


def order_body(request: PaymentRequest, *, unique_receipt: bool) -> dict[str, Any]:
    """The body of `POST /v1/orders`; the same request gives the same bytes."""
    check_amount(request.amount)
    if len(request.payment_id) > RECEIPT_CHARS:
        raise InvalidRequest.of("payment_id", f"is longer than the {RECEIPT_CHARS} characters of a receipt")
    options: dict[str, Any] = {"refund_speed": "normal"}
    options["manual_expiry_period" if request.capture == "manual" else "automatic_expiry_period"] = _CAPTURE_WITHIN_MIN
    ours = {NOTE_PAYMENT: request.payment_id}
    body: dict[str, Any] = {
        "amount": request.amount.amount_minor,
        "currency": request.amount.currency,
        "receipt": request.payment_id,
        "notes": _with_receipt(merge_notes(ours, request.notes), request.receipt),
        "partial_payment": False,
        "payment": {"capture": request.capture, "capture_options": options},
    }
    if unique_receipt:
        body["unique_receipt"] = True
    return body


def refund_body(request: RefundRequest) -> dict[str, Any]:
    """The body of `POST /v1/payments/:id/refund`."""
    check_amount(request.amount)
    if request.amount.currency != request.payment.amount.currency:
        raise InvalidRequest.of("currency", "must be the payment's")
    return {
        "amount": request.amount.amount_minor,
        "speed": request.speed,
        "receipt": request.refund_id,
        "notes": merge_notes({NOTE_REFUND: request.refund_id}, request.notes),
    }


def _with_receipt(notes: dict[str, str], receipt: str | None) -> dict[str, str]:
    """Razorpay's own receipt field carries our id; the tenant's goes beside it where there is room."""
    if receipt and NOTE_RECEIPT not in notes and len(notes) < NOTES_PAIRS and len(receipt) <= NOTES_CHARS:
        return {**notes, NOTE_RECEIPT: receipt}
    return notes


def choose_order(orders: Sequence[Mapping[str, Any]], request: PaymentRequest) -> Mapping[str, Any] | None:
    """The order that was made for this request: of several the newest that was paid, else the newest."""
    fitting = [
        order
        for order in orders
        if order.get("receipt") == request.payment_id
        and order.get("amount") == request.amount.amount_minor
        and order.get("currency") == request.amount.currency
    ]
    return max(fitting, key=lambda order: (_int(order, "amount_paid") > 0, _int(order, "created_at")), default=None)


def choose_payment(payments: Sequence[Mapping[str, Any]], preferred_id: str | None = None) -> Mapping[str, Any] | None:
    """The try that tells what became of an order: the one that got furthest; of equals the known one, then the newest."""
    return max(
        payments,
        key=lambda payment: (
            _RELEVANCE.get(text(payment, "status") or "", _UNKNOWN_RELEVANCE),
            payment.get("id") == preferred_id,
            _int(payment, "created_at"),
        ),
        default=None,
    )


def to_status(payment: Mapping[str, Any]) -> PaymentStatus:
    """Never raises: a word we have not met is `unknown`, not a failure."""
    status = PAYMENT_STATUS.get(text(payment, "status") or "", "unknown")
    if status == "succeeded":
        refunded = _int(payment, "amount_refunded")
        if payment.get("refund_status") == "full" or (refunded and refunded >= _int(payment, "amount")):
            return "refunded"
        if payment.get("refund_status") == "partial" or refunded:
            return "partially_refunded"
    return status


def to_refund_status(word: object) -> RefundStatus:
    """Never raises; `unknown` for a word we have not met."""
    return REFUND_STATUS.get(word, "unknown") if isinstance(word, str) else "unknown"


def to_captured(payment: Mapping[str, Any]) -> Money | None:
    """What was taken for the order. Where the payer bears the fee, it comes on top and is not the merchant's."""
    money = money_of(payment)
    if money is None or payment.get("status") not in ("captured", "refunded"):
        return None
    borne = _int(payment, "fee") if payment.get("fee_bearer") == "customer" else 0
    return Money(max(0, money.amount_minor - borne), money.currency)


def order_snapshot(order: Mapping[str, Any], *, key_id: str) -> PaymentSnapshot:
    """An order nobody has tried to pay, or whose payments were not asked for."""
    return PaymentSnapshot(
        status=ORDER_STATUS.get(text(order, "status") or "", "unknown"),
        provider_order_id=text(order, "id"),
        amount=money_of(order),
        checkout=_checkout(order, key_id),
    )


def payment_snapshot(order: Mapping[str, Any] | None, payment: Mapping[str, Any], *, key_id: str) -> PaymentSnapshot:
    """An order as its relevant payment tells it."""
    failed = payment.get("status") == "failed"
    base_currency = text(payment, "base_currency")
    theirs = text(payment, "error_reason")
    message = text(payment, "error_description")
    return PaymentSnapshot(
        status=to_status(payment),
        provider_order_id=text(payment, "order_id") or (text(order, "id") if order else None),
        provider_payment_id=text(payment, "id"),
        amount=money_of(order or payment),
        captured=to_captured(payment),
        amount_refunded_minor=_int(payment, "amount_refunded"),
        method=text(payment, "method"),
        method_details=method_details(payment),
        checkout=_checkout(order, key_id) if order else {},
        # `fee` includes `tax`; of a foreign payment it is in the currency that it was converted to.
        fee_minor=_int(payment, "fee") if payment.get("fee") is not None else None,
        fee_currency=base_currency.upper() if base_currency else None,
        error_reason=to_reason(theirs, message) if failed else None,
        error_code=(theirs or text(payment, "error_code")) if failed else None,
        error_message=message if failed else None,
    )


def refund_snapshot(refund: Mapping[str, Any]) -> RefundSnapshot:
    status = to_refund_status(refund.get("status"))
    return RefundSnapshot(
        status=status,
        provider_refund_id=text(refund, "id") or "",
        amount=money_of(refund),
        error_reason="refund_rejected" if status == "failed" else None,
    )


def find_refund(refunds: Sequence[Mapping[str, Any]], refund_id: str) -> Mapping[str, Any] | None:
    """The refund whose receipt, or whose note of ours, is the refund id."""
    for refund in refunds:
        notes = refund.get("notes")
        noted = notes.get(NOTE_REFUND) if isinstance(notes, dict) else None
        if refund_id in (refund.get("receipt"), noted):
            return refund
    return None


def method_details(payment: Mapping[str, Any]) -> dict[str, str]:
    """What tells one payment's instrument from another's; no address, number or e-mail of the payer but the UPI id."""
    details = {name: value for name in _DETAILS if (value := text(payment, name))}
    if payment.get("international") is True:
        details["international"] = "true"
    card, acquirer = payment.get("card"), payment.get("acquirer_data")
    if isinstance(card, dict):
        details |= {f"card_{name}": value for name in _CARD if (value := text(card, name))}
    if isinstance(acquirer, dict):
        details |= {name: value for name in _ACQUIRER if (value := text(acquirer, name))}
    return details


def _checkout(order: Mapping[str, Any], key_id: str) -> dict[str, str | int]:
    return {
        "key_id": key_id,
        "order_id": text(order, "id") or "",
        "amount": _int(order, "amount"),
        "currency": text(order, "currency") or "",
    }


def _int(thing: Mapping[str, Any], name: str) -> int:
    value = thing.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
