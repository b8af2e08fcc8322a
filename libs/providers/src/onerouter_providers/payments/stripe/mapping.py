"""Stripe's objects → ours: tables and pure functions, never surprised.

A PaymentIntent is one payment, however often the payer tries; its latest charge tells the last try, the method and what
was returned. A Checkout Session is the page around a PaymentIntent, which exists once the payer has tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from onerouter_providers.capability import (
    PaymentRequest,
    PaymentSnapshot,
    PaymentStatus,
    RefundSnapshot,
    RefundStatus,
)
from onerouter_providers.payments.stripe.amounts import minor_of, money_of
from onerouter_providers.payments.stripe.errors import message_of, to_reason, word_of
from onerouter_providers.payments.stripe.metadata import META_PAYMENT, META_REFUND
from onerouter_providers.payments.stripe.things import id_of, number, part, text

INTENT_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "requires_payment_method": "created",
    "requires_confirmation": "created",
    "requires_action": "requires_action",
    "processing": "processing",
    "requires_capture": "authorized",
    "succeeded": "succeeded",
    "canceled": "canceled",
}
REFUND_STATUS: Final[Mapping[str, RefundStatus]] = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
_ENDED_BY_ITSELF: Final = frozenset({"expired", "automatic"})
"""Reasons of a cancellation that nobody asked for."""
RELEASED: Final = "expired_uncaptured_charge"
"""The reason of a refund that is none: an authorization that Stripe let go."""
_METHODS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("card", "upi"), ""),
    **dict.fromkeys(("klarna", "affirm", "afterpay_clearpay", "zip", "alma", "billie"), "paylater"),
    **dict.fromkeys(("fpx", "ideal", "eps", "p24", "bancontact", "blik"), "netbanking"),
    **dict.fromkeys(
        ("link", "paypal", "cashapp", "amazon_pay", "alipay", "wechat_pay", "grabpay", "revolut_pay", "mobilepay"),
        "wallet",
    ),
}
"""Stripe's payment method type → ours; "" and types that are not here stay as they are."""
_CARD: Final = {"brand": "card_network", "last4": "card_last4", "funding": "card_type", "country": "card_country"}


def intent_status(intent: Mapping[str, Any]) -> PaymentStatus:
    """Never raises: a word we have not met is `unknown`, not a failure."""
    word = text(intent, "status") or ""
    if word == "requires_payment_method" and isinstance(intent.get("last_payment_error"), dict):
        return "failed"  # there is no word for it: an intent whose try failed waits for the next one
    if word == "canceled" and intent.get("cancellation_reason") in _ENDED_BY_ITSELF:
        return "expired"
    status = INTENT_STATUS.get(word, "unknown")
    return with_refunds(status, part(intent, "latest_charge"))


def charge_status(charge: Mapping[str, Any]) -> PaymentStatus:
    """What a charge alone says of its payment."""
    match charge.get("status"):
        case "succeeded" if charge.get("captured") is True:
            return with_refunds("succeeded", charge)
        case "succeeded":
            # Refunded before it was captured is Stripe's way to show a hold that was released.
            return "canceled" if charge.get("refunded") is True else "authorized"
        case "pending":
            return "processing"
        case "failed":
            return "failed"
        case _:
            return "unknown"


def with_refunds(status: PaymentStatus, charge: Mapping[str, Any]) -> PaymentStatus:
    refunded = refunded_minor(charge)
    if status != "succeeded" or not refunded:
        return status
    return "refunded" if refunded >= minor_of(charge, "amount_captured") else "partially_refunded"


def refunded_minor(charge: Mapping[str, Any]) -> int:
    """What was returned of what was taken. Stripe counts the part of a hold that was not captured as refunded, too."""
    released = minor_of(charge, "amount") - minor_of(charge, "amount_captured")
    return max(0, minor_of(charge, "amount_refunded") - max(0, released))


def session_status(session: Mapping[str, Any], *, now: float) -> PaymentStatus:
    """A session without the PaymentIntent that would tell more. One that expired before its time was ended on purpose."""
    match session.get("status"), session.get("payment_status"):
        case "open", _:
            return "created"
        case "complete", "paid":
            return "succeeded"
        case "complete", _:
            return "processing"
        case "expired", _:
            return "canceled" if now < (number(session, "expires_at") or 0) else "expired"
        case _:
            return "unknown"


def intent_snapshot(intent: Mapping[str, Any], *, order_id: str | None, publishable_key: str | None) -> PaymentSnapshot:
    """`order_id`: what was made for the payer to pay; the intent itself unless a session was."""
    status, charge = intent_status(intent), part(intent, "latest_charge")
    intent_id = text(intent, "id")
    failure = part(intent, "last_payment_error") if status == "failed" else {}
    told = payment_of(charge or {"payment_method_details": failure.get("payment_method")})
    checkout: dict[str, str | int] = {"payment_intent": intent_id} if intent_id else {}
    if publishable_key:
        checkout["publishable_key"] = publishable_key
    return replace(
        told,
        status=status,
        provider_order_id=order_id,
        provider_payment_id=intent_id,
        amount=money_of(intent, "amount"),
        captured=money_of(intent, "amount_received") if intent.get("status") == "succeeded" else None,
        client_secret=text(intent, "client_secret") if order_id == intent_id else None,
        checkout=checkout if order_id == intent_id else {},
        error_reason=to_reason(failure) if failure else None,
        error_code=word_of(failure) if failure else None,
        error_message=message_of(failure) if failure else None,
    )


def session_snapshot(session: Mapping[str, Any], *, now: float, publishable_key: str | None) -> PaymentSnapshot:
    """A session with its intent in it where there is one (`expand[]=payment_intent`)."""
    session_id, intent = text(session, "id"), part(session, "payment_intent")
    checkout: dict[str, str | int] = {"session_id": session_id} if session_id else {}
    if publishable_key:
        checkout["publishable_key"] = publishable_key
    shown = PaymentSnapshot(
        status=session_status(session, now=now),
        provider_payment_id=text(session, "payment_intent"),
        amount=money_of(session, "amount_total"),
        captured=money_of(session, "amount_total") if session.get("payment_status") == "paid" else None,
    )
    if intent and session.get("status") != "expired":
        shown = intent_snapshot(intent, order_id=None, publishable_key=None)
    elif intent:
        shown = replace(shown, provider_payment_id=text(intent, "id"))
    return replace(shown, provider_order_id=session_id, checkout=checkout, checkout_url=text(session, "url"))


def payment_of(charge: Mapping[str, Any]) -> PaymentSnapshot:
    """What a charge says of its payment: method, what was taken and returned, and the fee in the account's currency."""
    instrument = part(charge, "payment_method_details")
    kind = text(instrument, "type")
    booked = part(charge, "balance_transaction")
    fee = money_of(booked, "fee")
    taken = charge.get("status") == "succeeded" and charge.get("captured") is True
    return PaymentSnapshot(
        status=charge_status(charge),
        provider_payment_id=text(charge, "payment_intent"),
        amount=money_of(charge, "amount"),
        captured=money_of(charge, "amount_captured") if taken else None,
        amount_refunded_minor=refunded_minor(charge),
        method=method_of(kind) if kind else None,
        method_details=method_details(instrument),
        fee_minor=None if fee is None else fee.amount_minor,
        fee_currency=None if fee is None else fee.currency,
    )


def method_details(instrument: Mapping[str, Any]) -> dict[str, str]:
    """What tells one payment's instrument from another's; no number, address or e-mail of the payer but the UPI id."""
    card = part(instrument, "card")
    details = {ours: value for theirs, ours in _CARD.items() if (value := text(card, theirs))}
    if code := text(card, "authorization_code"):
        details["auth_code"] = code
    kind = text(instrument, "type") or ""
    wallet = text(part(card, "wallet"), "type") or (kind if _METHODS.get(kind) == "wallet" else None)
    if wallet:
        details["wallet"] = wallet
    if vpa := text(part(instrument, "upi"), "vpa"):
        details["vpa"] = vpa
    return details


def refund_snapshot(refund: Mapping[str, Any]) -> RefundSnapshot:
    word = refund.get("status")
    status = REFUND_STATUS.get(word, "unknown") if isinstance(word, str) else "unknown"
    return RefundSnapshot(
        status=status,
        provider_refund_id=text(refund, "id") or "",
        amount=money_of(refund, "amount"),
        error_reason="refund_rejected" if status == "failed" else None,
    )


def fits(thing: Mapping[str, Any], request: PaymentRequest) -> bool:
    """Whether an intent or a session was made for this request."""
    named = text(part(thing, "metadata"), META_PAYMENT)
    amount = "amount_total" if thing.get("object") == "checkout.session" else "amount"
    return named == request.payment_id and money_of(thing, amount) == request.amount


def find_refund(refunds: Sequence[Mapping[str, Any]], refund_id: str) -> Mapping[str, Any] | None:
    """The refund whose metadata names ours."""
    return next((one for one in refunds if text(part(one, "metadata"), META_REFUND) == refund_id), None)


def intent_id_of(thing: Mapping[str, Any]) -> str | None:
    """Of an object that refers to its PaymentIntent, expanded or not."""
    return id_of(thing, "payment_intent")


def method_of(kind: str) -> str:
    """Our word for a type of payment method."""
    return _METHODS.get(kind) or kind
