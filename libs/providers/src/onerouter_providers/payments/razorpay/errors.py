"""Razorpay's error words → ours, as tables. Nearly every refusal is a 400; the reason tells which.

The description decides only where Razorpay gives no reason at all (marked below).
"""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import ProviderError
from onerouter_providers import payment_errors
from onerouter_providers.payment_errors import text_of

PROVIDER: Final = "razorpay"
_DISPLAY_NAME: Final = "Razorpay"

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

MAYBE_BECAUSE_OF_US: Final = frozenset({"refund_rejected", "duplicate", "idempotency_conflict", "invalid_state"})
"""Refusals of a refund that an earlier, unanswered try of the same refund may be the cause of."""

_INDETERMINATE_CODES: Final = frozenset(
    {"GATEWAY_ERROR", "SERVER_ERROR", "SERVICE_UNAVAILABLE", "INTERNAL_SERVER_ERROR"}
)

_SENTENCES: Final[Mapping[str, str]] = {
    "refund_rejected": "Razorpay refused the refund: more than is left of the payment, or it is too old.",
    "unsupported_operation": "Razorpay cannot do this with the payer's method: cancel and make it anew.",
    "insufficient_funds": "The payer's account does not cover the amount.",
}
"""Where ours have more to say than others'."""


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
    code, theirs = text_of(error, "code"), text_of(error, "reason")
    description = text_of(error, "description")
    reason = _reason_of(status, code, to_reason(theirs, description, text_of(error, "field")))
    named = theirs if theirs not in (None, "NA") else code
    return payment_errors.refusal(
        reason,
        payment_errors.sentence_of(reason, _DISPLAY_NAME, _SENTENCES),
        provider=PROVIDER,
        capability=capability,
        effect=effect,
        status=status,
        # On a payment object the same codes mean that the customer's try failed; here they are about our call.
        in_doubt=code in _INDETERMINATE_CODES,
        provider_code=named,
        provider_message=description,
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
