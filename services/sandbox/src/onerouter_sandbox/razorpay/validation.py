"""Razorpay's rules for the bodies of orders, captures and refunds, as pure functions that raise `Refused`."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from onerouter_sandbox.razorpay import fields
from onerouter_sandbox.razorpay.errors import refused

_IDEMPOTENCY_KEY: Final = re.compile(r"^[A-Za-z0-9_-]{10,255}$")
_ORDER_FIELDS: Final = frozenset(
    [
        "amount",
        "currency",
        "receipt",
        "notes",
        "partial_payment",
        "payment",
        "payment_capture",
        "unique_receipt",
        "transfers",
    ]
)
_REFUND_FIELDS: Final = frozenset(["amount", "speed", "receipt", "notes", "reverse_all"])
_CAPTURE_FIELDS: Final = frozenset({"amount", "currency"})


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """`auto_capture` is None where the order leaves it to the account."""

    amount: int
    currency: str
    receipt: str | None
    notes: dict[str, Any]
    auto_capture: bool | None
    unique_receipt: bool
    transfers: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """`amount` is None for all that is left."""

    amount: int | None
    speed: str
    receipt: str | None
    notes: dict[str, Any]
    reverse_all: bool = False


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    amount: int
    currency: str | None


def order_request(body: dict[str, Any]) -> OrderRequest:
    fields.only(body, _ORDER_FIELDS)
    currency = fields.currency(body, required=True) or ""
    return OrderRequest(
        amount=fields.amount(body, currency, subject="Order"),
        currency=currency,
        receipt=fields.receipt(body),
        notes=fields.notes(body),
        auto_capture=_capture_setting(body),
        unique_receipt=fields.flag(body, "unique_receipt") or False,
        transfers=fields.listing(body, "transfers"),
    )


def capture_request(body: dict[str, Any]) -> CaptureRequest:
    fields.only(body, _CAPTURE_FIELDS)
    currency = fields.currency(body, required=False)
    return CaptureRequest(fields.amount(body, currency or "", subject="Capture"), currency)


def refund_request(body: dict[str, Any], currency: str) -> RefundRequest:
    """`currency` is the payment's."""
    fields.only(body, _REFUND_FIELDS)
    speed = body.get("speed", "normal")
    if speed not in ("normal", "optimum"):
        raise refused("The speed must be either normal or optimum.", field="speed")
    reverse_all = fields.flag(body, "reverse_all") or False
    amount = None if body.get("amount") is None else fields.amount(body, currency, subject="Refund")
    return RefundRequest(amount, speed, fields.receipt(body), fields.notes(body), reverse_all)


def idempotency_key(header: bytes | None) -> str | None:
    if header is None:
        return None
    key = header.decode("latin-1")
    if not _IDEMPOTENCY_KEY.match(key):
        raise refused(
            "The idempotency key must have at least 10 characters, only letters, digits, hyphens and underscores.",
            field="X-Refund-Idempotency",
        )
    return key


def _capture_setting(body: dict[str, Any]) -> bool | None:
    payment = body.get("payment")
    if payment is None:
        return fields.flag(body, "payment_capture")
    if not isinstance(payment, dict) or payment.get("capture") not in ("automatic", "manual"):
        raise refused("The capture must be automatic or manual.", field="payment.capture")
    automatic = payment["capture"] == "automatic"
    options = payment.get("capture_options")
    if options is not None:
        _capture_options(options, automatic=automatic)
    return bool(automatic)


def _capture_options(options: object, *, automatic: bool) -> None:
    if not isinstance(options, dict):
        raise refused("The capture options must be an object.", field="payment.capture_options")
    if options.get("refund_speed") not in ("normal", "optimum"):
        raise refused("The refund speed field is required.", field="payment.capture_options.refund_speed")
    soonest = _minutes(options, "automatic_expiry_period", required=automatic)
    latest = _minutes(options, "manual_expiry_period", required=False)
    if soonest is not None and latest is not None and latest < soonest:
        raise refused("The manual expiry period must not be less than the automatic expiry period.")


def _minutes(options: dict[str, Any], name: str, *, required: bool) -> int | None:
    minutes = options.get(name)
    where = f"payment.capture_options.{name}"
    if minutes is None:
        if required:
            raise refused(f"The {name} field is required.", field=where)
        return None
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 12 <= minutes <= 7_200:
        raise refused(f"The {name} must be between 12 and 7200.", field=where)
    return minutes
