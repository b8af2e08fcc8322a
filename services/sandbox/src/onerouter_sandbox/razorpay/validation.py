"""Razorpay's rules for request bodies, as pure functions that raise `Refused`."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from onerouter_sandbox.razorpay.currencies import SUPPORTED, THREE_DECIMALS
from onerouter_sandbox.razorpay.errors import refused

MINIMUM: Final = 100
MAXIMUM: Final = 10**13
_DIGITS: Final = re.compile(r"^[0-9]{1,15}$")
_IDEMPOTENCY_KEY: Final = re.compile(r"^[A-Za-z0-9_-]{10,255}$")
_ORDER_FIELDS: Final = frozenset(
    ["amount", "currency", "receipt", "notes", "partial_payment", "payment", "payment_capture", "unique_receipt"]
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


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """`amount` is None for all that is left."""

    amount: int | None
    speed: str
    receipt: str | None
    notes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    amount: int
    currency: str | None


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list: `count` after `skip`, made between the two times (inclusive)."""

    count: int
    skip: int
    first_at: int | None
    last_at: int | None


def parse_json(body: bytes) -> dict[str, Any]:
    """An empty body is an empty object."""
    if not body.strip():
        return {}
    try:
        parsed = json.loads(body)
    except ValueError as problem:
        raise refused("The request body is not valid JSON.") from problem
    if not isinstance(parsed, dict):
        raise refused("The request body must be a JSON object.")
    return parsed


def order_request(body: dict[str, Any]) -> OrderRequest:
    _only(body, _ORDER_FIELDS)
    currency = _currency(body, required=True) or ""
    return OrderRequest(
        amount=_amount(body, currency, subject="Order"),
        currency=currency,
        receipt=_receipt(body),
        notes=_notes(body),
        auto_capture=_capture_setting(body),
        unique_receipt=_flag(body, "unique_receipt") or False,
    )


def capture_request(body: dict[str, Any]) -> CaptureRequest:
    _only(body, _CAPTURE_FIELDS)
    currency = _currency(body, required=False)
    return CaptureRequest(_amount(body, currency or "", subject="Capture"), currency)


def refund_request(body: dict[str, Any], currency: str) -> RefundRequest:
    """`currency` is the payment's."""
    _only(body, _REFUND_FIELDS)
    speed = body.get("speed", "normal")
    if speed not in ("normal", "optimum"):
        raise refused("The speed must be either normal or optimum.", field="speed")
    _flag(body, "reverse_all")
    amount = None if body.get("amount") is None else _amount(body, currency, subject="Refund")
    return RefundRequest(amount, speed, _receipt(body), _notes(body))


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


def window(query: bytes) -> tuple[Window, dict[str, str]]:
    """The paging parameters, and the others for the endpoint to use or ignore."""
    given = {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()} if query else {}
    count = _whole(given, "count", least=1)
    if count is not None and count > 100:
        raise refused("The count may not be greater than 100.", field="count")
    paging = Window(
        count=10 if count is None else count,
        skip=_whole(given, "skip") or 0,
        first_at=_whole(given, "from"),
        last_at=_whole(given, "to"),
    )
    return paging, given


def _whole(given: dict[str, str], name: str, least: int = 0) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not _DIGITS.match(text) or int(text) < least:
        raise refused(f"The {name} must be an integer of at least {least}.", field=name)
    return int(text)


def _only(body: dict[str, Any], allowed: frozenset[str]) -> None:
    for name in body:
        if name not in allowed:
            raise refused(f"{name} is/are not required and should not be sent", field=name, reason="extra_field_sent")


def _amount(body: dict[str, Any], currency: str, *, subject: str) -> int:
    amount = body.get("amount")
    if amount is None:
        raise refused("The amount field is required.", field="amount")
    if isinstance(amount, str) and _DIGITS.match(amount):  # the official clients' own examples send strings
        amount = int(amount)
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise refused("The amount must be an integer.", field="amount")
    if amount < MINIMUM:
        raise refused(f"{subject} amount less than minimum amount allowed", field="amount")
    if amount > MAXIMUM:
        raise refused("Amount exceeds maximum amount allowed.", field="amount")
    if currency in THREE_DECIMALS and amount % 10:
        raise refused(f"The last digit of an amount in {currency} must be 0.", field="amount")
    return amount


def _currency(body: dict[str, Any], *, required: bool) -> str | None:
    currency = body.get("currency")
    if currency is None:
        if required:
            raise refused("The currency field is required.", field="currency")
        return None
    if not isinstance(currency, str) or currency not in SUPPORTED:
        raise refused("Currency is not supported", field="currency", reason="invalid_currency")
    return currency


def _receipt(body: dict[str, Any]) -> str | None:
    receipt = body.get("receipt")
    if receipt is None:
        return None
    if not isinstance(receipt, str):
        raise refused("The receipt must be a string.", field="receipt")
    if len(receipt) > 40:
        raise refused("The receipt may not be greater than 40 characters.", field="receipt")
    return receipt


def _notes(body: dict[str, Any]) -> dict[str, Any]:
    notes = body.get("notes")
    if not notes:  # absent, null, {} and []: an empty one comes back as []
        return {}
    if not isinstance(notes, dict):
        raise refused("The notes must be an object.", field="notes")
    if len(notes) > 15:
        raise refused("Number of fields in notes should be less than or equal to 15.", field="notes")
    for value in notes.values():
        if not isinstance(value, str | int | float) or len(str(value)) > 256:
            raise refused("Each value in notes must be a string of at most 256 characters.", field="notes")
    return notes


def _flag(body: dict[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if value is None:
        return None
    if value in (True, 1, "1", "true"):
        return True
    if value in (False, 0, "0", "false"):
        return False
    raise refused(f"The {name} field must be true or false.", field=name)


def _capture_setting(body: dict[str, Any]) -> bool | None:
    payment = body.get("payment")
    if payment is None:
        return _flag(body, "payment_capture")
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
