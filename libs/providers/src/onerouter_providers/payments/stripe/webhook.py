"""Stripe's callbacks: HMAC-SHA256 of `<t>.<raw body>`, in hex, in `Stripe-Signature: t=<unix>,v1=<hex>[,v1=<hex>…]`.

The key is the whole `whsec_…` string. Several `v1` come while a secret is being rolled. What is older than five minutes is
refused; each delivery is signed anew, so a redelivery is not. Bodies are snapshots at the time of the event and arrive
unordered.

`reference` is taken from metadata, which only the merchant's server can write (the payer can write a payment link's
`client_reference_id`).
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pydantic_core
from pydantic import SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.ids import PAYMENT, PAYMENT_LINK, REFUND
from onerouter_common.json_text import without_nul
from onerouter_providers.capability import PaymentSnapshot
from onerouter_providers.payments.stripe import mapping, telling
from onerouter_providers.payments.stripe.metadata import META_PAYMENT, META_REFUND, reference_of
from onerouter_providers.payments.stripe.things import LATEST
from onerouter_providers.webhook import CallbackUnreadable, ProviderEvent, SignatureInvalid, header

SIGNATURE_HEADER: Final = "Stripe-Signature"
TOLERANCE_S: Final = 300
_SECRETS: Final = ("webhook_secret", "webhook_secret_previous", "connect_webhook_secret")
_MOST_SIGNATURES: Final = 16
"""More are not compared: Stripe sends one for each live secret."""

Read = Callable[[Mapping[str, Any], datetime], CallbackObject | None]


def verify(
    body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr], *, now: float | None = None
) -> None:
    """Raises SignatureInvalid unless one signature fits the current or the previous secret and is not too old."""
    given = header(headers, SIGNATURE_HEADER)
    if given is None:
        raise SignatureInvalid("The callback is not signed.")
    at, signatures = _scheme(given)
    message = at.encode() + b"." + body
    expected = [
        hmac.new(secret.get_secret_value().encode(), message, hashlib.sha256).hexdigest().encode()
        for name in _SECRETS
        if (secret := secrets.get(name)) is not None and secret.get_secret_value()
    ]
    if not expected:
        raise SignatureInvalid("This connection has no callback secret, so no callback can be verified.")
    fits = [hmac.compare_digest(one, other) for one in signatures for other in expected]  # all: no early way out
    if not any(fits):
        raise SignatureInvalid("The callback's signature does not fit.")
    if int(at) < (time.time() if now is None else now) - TOLERANCE_S:
        raise SignatureInvalid("The callback's signature is too old.")


def identify(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:  # noqa: ARG001 - all is in the body
    event = _read(body)
    return _required(event, "id"), _required(event, "type")


def parse(body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:  # noqa: ARG001
    """None for a kind we do not follow, and for what Stripe calls a refund of a hold it let go."""
    event = _read(body)
    kind = _required(event, "type")
    read = FOLLOWED.get(kind)
    if read is None:
        return None
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    if not isinstance(thing, dict) or not thing.get("id"):
        raise CallbackUnreadable("The callback does not carry what it speaks of.")
    if event.get("account") is not None and kind not in CONNECTED:
        return None  # a connected account's own business
    at = _moment(event)
    made = read(thing, at)
    return None if made is None else ProviderEvent(_required(event, "id"), kind, at, made)


def _intent(intent: Mapping[str, Any], _at: datetime) -> CallbackObject | None:
    if _of_a_link(intent):
        return None
    # Whether a session was made around it the intent does not say, so the order's id is left to who knows it.
    return _payment(mapping.intent_snapshot(intent, order_id=None, publishable_key=None), intent)


def _charge(charge: Mapping[str, Any], _at: datetime) -> CallbackObject | None:
    return None if _of_a_link(charge) else _payment(mapping.payment_of(charge), charge)


def _expired_charge(charge: Mapping[str, Any], _at: datetime) -> CallbackObject:
    return _payment(mapping.payment_of(charge), charge, status="expired")


def _session(session: Mapping[str, Any], at: datetime) -> CallbackObject | None:
    if session.get("payment_link") is not None:
        return telling.visit(session)
    if session.get("mode") not in ("payment", None):
        return None  # to subscribe or to save a card: not made by us
    return _payment(mapping.session_snapshot(session, now=at.timestamp(), publishable_key=None), session)


def _of_a_link(thing: Mapping[str, Any]) -> bool:
    """Whether an intent or its charge is a payment link's: that it was paid is told by its session."""
    return reference_of(thing, PAYMENT_LINK) is not None


def _refund(refund: Mapping[str, Any], _at: datetime) -> CallbackObject | None:
    if refund.get("reason") == mapping.RELEASED:
        return None
    shown = mapping.refund_snapshot(refund)
    return CallbackObject(
        kind="refund",
        status=shown.status,
        reference=reference_of(refund, REFUND, META_REFUND),
        payment_id=mapping.intent_id_of(refund),
        refund_id=shown.provider_refund_id,
        amount_minor=shown.amount.amount_minor if shown.amount else None,
        currency=shown.amount.currency if shown.amount else None,
        error_reason=shown.error_reason,
    )


def _at_any_time(read: Callable[[Mapping[str, Any]], CallbackObject | None]) -> Read:
    return lambda thing, _at: read(thing)


FOLLOWED: Final[Mapping[str, Read]] = {
    "payment_intent.requires_action": _intent,
    "payment_intent.processing": _intent,
    "payment_intent.amount_capturable_updated": _intent,
    "payment_intent.succeeded": _intent,
    "payment_intent.payment_failed": _intent,
    "payment_intent.canceled": _intent,
    # The charge knows by what method it was paid and how much was returned.
    "charge.succeeded": _charge,
    "charge.captured": _charge,
    "charge.refunded": _charge,
    "charge.expired": _expired_charge,
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "checkout.session.async_payment_failed": _at_any_time(telling.bounced_visit),
    "checkout.session.expired": _session,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    **dict.fromkeys(
        (
            "customer.subscription.created",
            "customer.subscription.updated",
            "customer.subscription.deleted",
            "customer.subscription.paused",
            "customer.subscription.resumed",
        ),
        _at_any_time(telling.subscription),
    ),
    "invoice.paid": _at_any_time(telling.paid_invoice),
    "invoice.payment_failed": _at_any_time(telling.failed_invoice),
    "payment_link.updated": _at_any_time(telling.link),
    # That one was attached is our own doing, whose answer tells it, or that of payers, and then it is none of ours.
    **dict.fromkeys(("payment_method.detached", "payment_method.updated"), _at_any_time(telling.method)),
    "customer.updated": _at_any_time(telling.customer),
    "customer.deleted": _at_any_time(telling.customer),
    "price.updated": _at_any_time(telling.plan),
    "account.updated": _at_any_time(telling.vendor),
    **dict.fromkeys(("transfer.created", "transfer.updated", "transfer.reversed"), _at_any_time(telling.transfer)),
    **dict.fromkeys(
        (
            "charge.dispute.created",
            "charge.dispute.updated",
            "charge.dispute.closed",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.funds_reinstated",
        ),
        _at_any_time(telling.dispute),
    ),
}
"""Stripe's event → how its object is read."""
CONNECTED: Final = frozenset({"account.updated"})
"""What we follow of connected accounts."""


def _payment(shown: PaymentSnapshot, thing: Mapping[str, Any], *, status: str | None = None) -> CallbackObject:
    return CallbackObject(
        kind="payment",
        status=status or shown.status,
        reference=reference_of(thing, PAYMENT, META_PAYMENT),
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


def _scheme(given: str) -> tuple[str, list[bytes]]:
    """The time as it was signed, and every `v1`; other schemes (`v0`) prove nothing."""
    at, signatures = "", list[bytes]()
    for item in given.split(","):
        name, _, value = item.strip().partition("=")
        if name == "t":
            at = value
        elif name == "v1" and len(signatures) < _MOST_SIGNATURES:
            signatures.append(value.encode("utf-8", "surrogateescape"))
    if not (at.isascii() and at.isdigit() and len(at) <= len(str(LATEST))):
        raise SignatureInvalid("The callback's signature does not say when it was made.")
    return at, signatures


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        event = pydantic_core.from_json(without_nul(body), allow_inf_nan=False)
    except ValueError:
        raise CallbackUnreadable("The callback is not JSON.") from None
    if not isinstance(event, dict):
        raise CallbackUnreadable("The callback is not a JSON object.")
    return event


def _required(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise CallbackUnreadable(f"The callback does not say its {name}.")
    return value


def _moment(event: Mapping[str, Any]) -> datetime:
    at = event.get("created")
    if not isinstance(at, int) or isinstance(at, bool) or not 0 < at < LATEST:
        raise CallbackUnreadable("The callback does not say when it happened.")
    return datetime.fromtimestamp(at, UTC)
