"""Razorpay's rules for payment links.

Source: https://razorpay.com/docs/api/payments/payment-links/
"""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from onerouter_sandbox.razorpay import fields
from onerouter_sandbox.razorpay.errors import refused

_SOONEST_S: Final = 15 * 60
LATEST_S: Final = 183 * 86_400
"""Six months: the longest a link lives, and how long it lives unless told otherwise."""
_NOTE_CHARS: Final = 255
_CREATE: Final = frozenset(
    [
        "amount",
        "currency",
        "accept_partial",
        "first_min_partial_amount",
        "reference_id",
        "description",
        "customer",
        "notify",
        "reminder_enable",
        "notes",
        "expire_by",
        "callback_url",
        "callback_method",
        "options",
        "upi_link",
    ]
)
_UPDATE: Final = frozenset({"reference_id", "expire_by", "notes", "accept_partial", "reminder_enable"})


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """`expire_by` is 0 for as late as possible."""

    amount: int
    currency: str
    reference_id: str
    description: str | None
    customer: dict[str, Any]
    notes: dict[str, Any]
    notify: dict[str, bool]
    reminder_enable: bool
    accept_partial: bool
    first_min_partial_amount: int
    callback_url: str | None
    expire_by: int
    transfers: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class LinkChange:
    """None is no change."""

    reference_id: str | None
    expire_by: int | None
    notes: dict[str, Any] | None
    accept_partial: bool | None
    reminder_enable: bool | None


def link_request(body: dict[str, Any], now: float, *, live: bool) -> LinkRequest:
    fields.only(body, _CREATE)
    currency = fields.currency(body, required=False) or "INR"
    amount = fields.amount(body, currency, subject="Payment link")
    if fields.flag(body, "upi_link"):
        _upi(body, currency, live=live)
    notify = fields.mapping(body, "notify")
    return LinkRequest(
        amount=amount,
        currency=currency,
        reference_id=fields.text(body, "reference_id", most=40) or "",
        description=fields.text(body, "description", most=2_048),
        customer=_customer(body),
        notes=_notes(body),
        notify={name: fields.flag(notify, name) or False for name in ("email", "sms", "whatsapp")},
        reminder_enable=fields.flag(body, "reminder_enable") or False,
        accept_partial=fields.flag(body, "accept_partial") or False,
        first_min_partial_amount=fields.number(body, "first_min_partial_amount", least=0, most=amount) or 0,
        callback_url=_callback_url(body),
        expire_by=_expire_by(body, now) or 0,
        transfers=fields.listing(fields.mapping(fields.mapping(body, "options"), "order"), "transfers"),
    )


def link_change(body: dict[str, Any], now: float) -> LinkChange:
    fields.only(body, _UPDATE)
    return LinkChange(
        reference_id=fields.text(body, "reference_id", most=40),
        expire_by=_expire_by(body, now),
        notes=_notes(body) if "notes" in body else None,
        accept_partial=fields.flag(body, "accept_partial"),
        reminder_enable=fields.flag(body, "reminder_enable"),
    )


def _upi(body: dict[str, Any], currency: str, *, live: bool) -> None:
    if not live:
        raise refused(
            "UPI Payment Links is not supported in Test Mode. Please experience the product in Live Mode.",
            field="upi_link",
        )
    if currency != "INR":
        raise refused("upi is currently supported only in indian currency", field="currency")
    if fields.flag(body, "accept_partial"):
        raise refused("partial payment not supported in upi link", field="accept_partial")


def _customer(body: dict[str, Any]) -> dict[str, Any]:
    given = fields.mapping(body, "customer")
    known = {name: fields.text(given, name) for name in ("name", "email", "contact")}
    return {name: value for name, value in known.items() if value is not None}


def _notes(body: dict[str, Any]) -> dict[str, Any]:
    notes = fields.notes(body)
    if any(len(str(value)) > _NOTE_CHARS for value in notes.values()):
        raise refused("value: the length must not be greater than 255.", field="notes")
    return notes


def _callback_url(body: dict[str, Any]) -> str | None:
    url = fields.text(body, "callback_url", most=2_048)
    if url is None:
        return None
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise refused("callback_url: must be a valid URL.", field="callback_url")
    if body.get("callback_method") != "get":
        raise refused("callback_method: must be get.", field="callback_method")
    return url


def _expire_by(body: dict[str, Any], now: float) -> int | None:
    expire_by = fields.number(body, "expire_by", least=0)
    if not expire_by:
        return None
    if expire_by < now + _SOONEST_S:
        raise refused("timestamp must be atleast 15 minutes in future", field="expire_by")
    if expire_by > now + LATEST_S:
        raise refused("timestamp must not be more than 6 months in future", field="expire_by")
    return expire_by
