"""Razorpay's error words → ours, as tables. Nearly every refusal is a 400; the reason tells which.

The description decides only where Razorpay gives no reason at all (marked below).
"""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import (
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnavailable,
)

PROVIDER: Final = "razorpay"
_MESSAGE_CHARS: Final = 300

REASONS: Final[Mapping[str, tuple[str, ...]]] = {
    "card_declined": (
        "payment_failed",
        "card_declined",
        "debit_declined",
        "debit_instrument_blocked",
        "debit_instrument_inactive",
        "authorisation_declined_by_psp",
    ),
    "insufficient_funds": (
        "insufficient_funds",
        "credit_limit_exceeded",
        "transaction_limit_exceeded",
        "transaction_daily_limit_exceeded",
    ),
    "expired_card": ("card_expired",),
    "incorrect_details": (
        "incorrect_cvv",
        "incorrect_card_details",
        "card_number_invalid",
        "invalid_vpa",
        "incorrect_otp",
        "incorrect_pin",
    ),
    "authentication_required": ("authentication_failed", "payment_timed_out"),
    "canceled_by_customer": ("payment_cancelled",),
    "fraud_suspected": ("payment_risk_check_failed", "compliance_violation"),
    "payment_method_unavailable": (
        "bank_not_available",
        "bank_not_enabled",
        "payment_method_not_enabled",
        "card_network_not_enabled",
        "bank_technical_error",
        "issuer_technical_error",
    ),
    "currency_not_supported": ("invalid_currency",),
    "amount_invalid": ("invalid_amount", "amount_less_than_minimum_amount"),
    "invalid_request": ("extra_field_sent",),
    "refund_rejected": ("refund_limit_crossed",),
    "duplicate": ("duplicate_request", "duplicate_refund_id", "order_already_paid"),
    "permission_denied": ("merchant_not_activated", "live_mode_not_enabled", "recurring_payment_not_enabled"),
    "not_found": ("record_not_found", "linked_account_id_does_not_exist"),
}
"""Ours → Razorpay's `reason` (`error_reason` on a payment)."""

_BY_REASON: Final = {theirs: ours for ours, words in REASONS.items() for theirs in words}

_BY_DESCRIPTION: Final = (
    # Refusals without a reason of their own; lower case, searched for.
    ("order receipt should be unique", "duplicate"),
    ("with reference id already attempted", "duplicate"),
    ("email already exists for account", "duplicate"),
    ("is not cancellable in", "invalid_state"),
    ("cannot cancel or expire", "invalid_state"),
    ("cannot be paused in", "invalid_state"),
    ("cannot be resumed in", "invalid_state"),
    ("no billing cycle is going on", "invalid_state"),
    ("when subscription is not in", "invalid_state"),
    ("cannot be updated when payment mode", "unsupported_operation"),
    ("only the offer can be updated", "unsupported_operation"),
    ("prorated amount difference", "amount_invalid"),
    ("different request with the same idempotency key", "idempotency_conflict"),
    ("the id provided does not exist", "not_found"),
    ("the requested url was not found on the server", "permission_denied"),
    ("access denied", "permission_denied"),
    ("api key provided is invalid", "authentication_failed"),
    ("already been captured", "invalid_state"),
    ("payments which have been authorized", "invalid_state"),
    ("payment status should be", "invalid_state"),
    ("fully refunded already", "refund_rejected"),
    ("refund amount is greater", "refund_rejected"),
    ("refund amount provided is greater", "refund_rejected"),
    ("older than 6 months", "refund_rejected"),
)

_BY_FIELD: Final = {"amount": "amount_invalid", "currency": "currency_not_supported", "status": "invalid_state"}

_OF_THE_DEAL: Final = frozenset(
    {
        "card_declined",
        "insufficient_funds",
        "expired_card",
        "incorrect_details",
        "authentication_required",
        "canceled_by_customer",
        "fraud_suspected",
        "payment_method_unavailable",
        "currency_not_supported",
        "amount_invalid",
        "invalid_state",
        "refund_rejected",
        "unsupported_operation",
    }
)
"""A final "no" to this payment, refund or subscription. Every other refusal is about our request, the account or its keys."""

MAYBE_BECAUSE_OF_US: Final = frozenset({"refund_rejected", "duplicate", "idempotency_conflict", "invalid_state"})
"""Refusals of a refund that an earlier, unanswered try of the same refund may be the cause of."""

_INDETERMINATE_CODES: Final = frozenset(
    {"GATEWAY_ERROR", "SERVER_ERROR", "SERVICE_UNAVAILABLE", "INTERNAL_SERVER_ERROR"}
)

_SENTENCES: Final[Mapping[str, str]] = {
    "authentication_failed": "Razorpay does not accept the connection's API key.",
    "permission_denied": "Razorpay has not enabled this for the connected account.",
    "not_found": "Razorpay does not know this object in the connected account.",
    "refund_rejected": "Razorpay refused the refund: more than is left of the payment, or it is too old.",
    "invalid_state": "Razorpay refused: it is not in a state that allows this.",
    "unsupported_operation": "Razorpay cannot do this with the payer's method: cancel and make it anew.",
    "amount_invalid": "Razorpay refused the amount.",
    "currency_not_supported": "Razorpay does not take this currency on the connected account.",
    "duplicate": "Razorpay has seen this reference before.",
    "idempotency_conflict": "Razorpay has seen another request with the same idempotency key.",
    "in_progress": "Razorpay is still working on this request.",
    "insufficient_funds": "The payer's account does not cover the amount.",
    "expired_card": "The card has expired.",
    "incorrect_details": "The payer's details are not correct.",
    "authentication_required": "The payer was not authenticated.",
    "canceled_by_customer": "The payer canceled.",
    "fraud_suspected": "The payment was stopped by a risk check.",
    "payment_method_unavailable": "The payment method or the bank is not available.",
    "card_declined": "The payment was declined.",
}


def to_reason(theirs: str | None, description: str | None = None, field: str | None = None) -> str:
    """Our word for a refusal. Never raises; `unknown` for a word we have not met."""
    known = _BY_REASON.get(theirs or "")
    if known is not None:
        return known
    text = (description or "").lower()
    for words, ours in _BY_DESCRIPTION:
        if words in text:
            return ours
    return _BY_FIELD.get(field or "", "unknown")


def refusal(status: int, body: Mapping[str, Any], capability: str, *, effect: bool) -> ProviderError:
    """The error that a 4xx answer means."""
    given = body.get("error")
    error: Mapping[str, Any] = given if isinstance(given, dict) else {}
    code, theirs = _text(error, "code"), _text(error, "reason")
    description = _text(error, "description")
    reason = _reason_of(status, code, to_reason(theirs, description, _text(error, "field")))
    named = theirs if theirs not in (None, "NA") else code
    kind = _class_of(reason, code, effect=effect)
    return kind(
        _SENTENCES.get(reason, "Razorpay refused the request."),
        provider=PROVIDER,
        reason="indeterminate" if kind is ProviderOutcomeUnknown and reason != "in_progress" else reason,
        provider_code=named,
        provider_message=None if description is None else description[:_MESSAGE_CHARS],
        http_status_seen=status,
        code="REFUND_FAILED" if kind is ProviderDeclined and capability.startswith("refund.") else None,
    )


def _reason_of(status: int, code: str | None, told: str) -> str:
    if status == 409:
        return "in_progress"
    if status == 401:
        return "authentication_failed"
    if status == 403:
        return "permission_denied"
    if told == "unknown" and code == "BAD_REQUEST_ERROR":
        return "invalid_request"
    return told


def _class_of(reason: str, code: str | None, *, effect: bool) -> type[ProviderError]:
    # Of a request that is still running or broke inside Razorpay nobody knows yet what became of it. On a payment
    # object the same codes mean that the customer's try failed; here they are about our call.
    if reason == "in_progress" or code in _INDETERMINATE_CODES:
        return ProviderOutcomeUnknown if effect else ProviderUnavailable
    return ProviderDeclined if reason in _OF_THE_DEAL else ProviderRefusedUs


def _text(error: Mapping[str, Any], name: str) -> str | None:
    value = error.get(name)
    return value if isinstance(value, str) else None
