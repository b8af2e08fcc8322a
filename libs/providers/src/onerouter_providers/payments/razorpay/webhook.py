"""Razorpay's callbacks: HMAC-SHA256 of the raw body, keyed with the webhook secret (not the API secret), in hex.

There is no timestamp in the signature, so there is no replay window: redeliveries are told by the event id. Bodies are
snapshots at the time of the event and arrive unordered.

`reference` is only taken from what the merchant's server wrote (an order's or a refund's receipt). A payment's notes are
not: the payer's browser can set them in Checkout. Payments are found by their order id.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pydantic_core
from pydantic import SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.ids import PAYMENT, REFUND, is_id
from onerouter_common.json_text import without_nul
from onerouter_providers.payments.razorpay import mapping
from onerouter_providers.webhook import CallbackUnreadable, ProviderEvent, SignatureInvalid, header, require_signature

SIGNATURE_HEADER: Final = "X-Razorpay-Signature"
EVENT_ID_HEADER: Final = "X-Razorpay-Event-Id"
_SECRETS: Final = ("webhook_secret", "webhook_secret_previous")
_LATEST: Final = 32_503_680_000  # the year 3000: beyond it a number is no time in seconds

FOLLOWED: Final[Mapping[str, str]] = {
    "payment.authorized": "payment",
    "payment.captured": "payment",
    "payment.failed": "payment",
    # The same payment once more, with its order: told apart by nothing but the event, so it changes nothing twice.
    "order.paid": "payment",
    "refund.created": "refund",
    "refund.processed": "refund",
    "refund.failed": "refund",
}
"""Razorpay's event → the object it is about."""


def verify(body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr]) -> None:
    """Raises SignatureInvalid unless the current or the previous secret fits, and the account is the connected one."""
    expected = [
        hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
        for name in _SECRETS
        if (secret := secrets.get(name)) is not None and secret.get_secret_value()
    ]
    require_signature(header(headers, SIGNATURE_HEADER), expected)
    account = secrets.get("account_id")
    if (
        account is not None
        and account.get_secret_value()
        and _account_of(body) not in (None, account.get_secret_value())
    ):
        raise SignatureInvalid("The callback is signed, but of another Razorpay account.")


def identify(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
    """The id is a header, not in the body; without it the body's digest tells redeliveries, which are byte for byte."""
    return _event_id(body, headers), _event_type(_read(body))


def parse(body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
    """None for a kind we do not follow. Raises CallbackUnreadable."""
    event = _read(body)
    kind = _event_type(event)
    about = FOLLOWED.get(kind)
    if about is None:
        return None
    payment = _entity(event, "payment")
    made = (
        _payment(payment, _entity(event, "order")) if about == "payment" else _refund(_entity(event, "refund"), payment)
    )
    return ProviderEvent(id=_event_id(body, headers), type=kind, occurred_at=_moment(event), object=made)


def _payment(payment: Mapping[str, Any], order: Mapping[str, Any]) -> CallbackObject:
    if not payment.get("id"):
        raise CallbackUnreadable("The callback says that it is of a payment, and carries none.")
    shown = mapping.payment_snapshot(None, payment, key_id="")
    return CallbackObject(
        kind="payment",
        status=shown.status,
        reference=_ours(PAYMENT, order.get("receipt")),
        order_id=shown.provider_order_id,
        payment_id=shown.provider_payment_id,
        amount_minor=shown.amount.amount_minor if shown.amount else None,
        amount_captured_minor=shown.captured.amount_minor if shown.captured else None,
        amount_refunded_minor=shown.amount_refunded_minor,
        currency=shown.amount.currency if shown.amount else None,
        method=shown.method,
        method_details=dict(shown.method_details),
        error_reason=shown.error_reason,
        error_code=shown.error_code,
        error_message=shown.error_message,
        fee_minor=shown.fee_minor,
        fee_currency=shown.fee_currency,
    )


def _refund(refund: Mapping[str, Any], payment: Mapping[str, Any]) -> CallbackObject:
    if not refund.get("id"):
        raise CallbackUnreadable("The callback says that it is of a refund, and carries none.")
    shown = mapping.refund_snapshot(refund)
    notes = refund.get("notes")
    noted = notes.get(mapping.NOTE_REFUND) if isinstance(notes, dict) else None
    total = payment.get("amount_refunded")
    payment_id = refund.get("payment_id") or payment.get("id")
    order_id = payment.get("order_id")
    return CallbackObject(
        kind="refund",
        status=shown.status,
        reference=_ours(REFUND, refund.get("receipt")) or _ours(REFUND, noted),
        order_id=order_id if isinstance(order_id, str) else None,
        payment_id=payment_id if isinstance(payment_id, str) else None,
        refund_id=shown.provider_refund_id,
        amount_minor=shown.amount.amount_minor if shown.amount else None,
        amount_refunded_minor=total if isinstance(total, int) and not isinstance(total, bool) else None,
        currency=shown.amount.currency if shown.amount else None,
        error_reason=shown.error_reason,
    )


def _ours(prefix: str, value: object) -> str | None:
    return value if isinstance(value, str) and is_id(prefix, value) else None


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        event = pydantic_core.from_json(without_nul(body), allow_inf_nan=False)
    except ValueError:
        raise CallbackUnreadable("The callback is not JSON.") from None
    if not isinstance(event, dict):
        raise CallbackUnreadable("The callback is not a JSON object.")
    return event


def _account_of(body: bytes) -> object:
    """None for a body that names none or cannot be read: what it says is for `parse` to judge."""
    try:
        return _read(body).get("account_id")
    except CallbackUnreadable:
        return None


def _event_id(body: bytes, headers: Mapping[str, str]) -> str:
    return header(headers, EVENT_ID_HEADER) or f"sha256:{hashlib.sha256(body).hexdigest()}"


def _event_type(event: Mapping[str, Any]) -> str:
    kind = event.get("event")
    if not isinstance(kind, str) or not kind:
        raise CallbackUnreadable("The callback does not say of which event it is.")
    return kind


def _moment(event: Mapping[str, Any]) -> datetime:
    at = event.get("created_at")
    if not isinstance(at, int) or isinstance(at, bool) or not 0 < at < _LATEST:
        raise CallbackUnreadable("The callback does not say when it happened.")
    return datetime.fromtimestamp(at, UTC)


def _entity(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object `payload.<name>.entity`, empty where there is none."""
    thing: Any = event.get("payload")
    for step in (name, "entity"):
        thing = thing.get(step) if isinstance(thing, dict) else None
    return thing if isinstance(thing, dict) else {}
