"""Stripe's error words → ours, as tables. An error has a `type`, mostly a `code`, and for declines a `decline_code`."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import ProviderError
from onerouter_providers import payment_errors
from onerouter_providers.payment_errors import text_of

PROVIDER: Final = "stripe"
REQUEST_ID_HEADER: Final = "Request-Id"
_DISPLAY_NAME: Final = "Stripe"

DECLINE_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "card_declined": (
        "generic_decline",
        "do_not_honor",
        "transaction_not_allowed",
        "do_not_try_again",
        "call_issuer",
        "card_not_supported",
        "invalid_account",
        "invalid_amount",
        "new_account_information_available",
        "no_action_taken",
        "not_permitted",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "service_not_allowed",
        "stop_payment_order",
        "duplicate_transaction",
    ),
    "insufficient_funds": ("insufficient_funds", "withdrawal_count_limit_exceeded", "card_velocity_exceeded"),
    "expired_card": ("expired_card",),
    "incorrect_details": (
        "incorrect_cvc",
        "invalid_cvc",
        "incorrect_number",
        "invalid_number",
        "incorrect_pin",
        "invalid_pin",
        "incorrect_zip",
        "incorrect_address",
        "invalid_expiry_month",
        "invalid_expiry_year",
    ),
    "authentication_required": (
        "authentication_required",
        "authentication_not_handled",
        "approve_with_id",
        "offline_pin_required",
        "online_or_offline_pin_required",
        "mobile_device_authentication_required",
    ),
    "fraud_suspected": (
        "fraudulent",
        "stolen_card",
        "lost_card",
        "merchant_blacklist",
        "pickup_card",
        "restricted_card",
        "security_violation",
    ),
    "payment_method_unavailable": (
        "issuer_not_available",
        "try_again_later",
        "processing_error",
        "reenter_transaction",
    ),
    "currency_not_supported": ("currency_not_supported",),
}
"""Ours → Stripe's `decline_code`: why a card's bank, or Stripe's risk check, said no."""

CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "card_declined": ("card_declined", "payment_method_provider_decline", "card_decline_rate_limit_exceeded"),
    "insufficient_funds": ("insufficient_funds",),
    "expired_card": ("expired_card",),
    "incorrect_details": (
        "incorrect_cvc",
        "invalid_cvc",
        "incorrect_number",
        "invalid_number",
        "incorrect_zip",
        "incorrect_address",
        "invalid_expiry_month",
        "invalid_expiry_year",
    ),
    "authentication_required": (
        "authentication_required",
        "payment_intent_authentication_failure",
        "payment_intent_action_required",
    ),
    "canceled_by_customer": ("payment_method_customer_decline",),
    "payment_method_unavailable": (
        "payment_method_not_available",
        "payment_method_provider_timeout",
        "payment_intent_payment_attempt_expired",
        "processing_error",
    ),
    "currency_not_supported": ("currency_not_supported", "payment_method_currency_mismatch"),
    "amount_invalid": ("amount_too_small", "amount_too_large", "invalid_charge_amount"),
    "invalid_state": (
        "payment_intent_unexpected_state",
        "intent_invalid_state",
        "charge_already_captured",
        "charge_already_refunded",
        "charge_expired_for_capture",
        "setup_intent_unexpected_state",
        "insufficient_capabilities_for_transfer",
        "transfers_not_allowed",
    ),
    "refund_rejected": ("charge_disputed", "refund_disputed_payment", "balance_insufficient"),
    "duplicate": ("resource_already_exists",),
    "in_progress": ("idempotency_key_in_use", "lock_timeout"),
    "authentication_failed": ("api_key_expired", "platform_api_key_expired", "secret_key_required"),
    "permission_denied": (
        "account_invalid",
        "payment_method_unactivated",
        "livemode_mismatch",
        "testmode_charges_only",
        "country_unsupported",
    ),
    "not_found": ("resource_missing",),
}
"""Ours → Stripe's `code`."""

_BY_DECLINE_CODE: Final = {theirs: ours for ours, words in DECLINE_CODES.items() for theirs in words}
_BY_CODE: Final = {theirs: ours for ours, words in CODES.items() for theirs in words}
_BY_PARAM: Final = {
    "amount": "amount_invalid",
    "amount_to_capture": "amount_invalid",
    "currency": "currency_not_supported",
}
_BY_STATUS: Final = {401: "authentication_failed", 403: "permission_denied", 404: "not_found", 409: "in_progress"}
_BY_TYPE: Final = {
    "idempotency_error": "idempotency_conflict",
    "card_error": "card_declined",
    "invalid_request_error": "invalid_request",
}

_REFUND_WORDS: Final = frozenset({"invalid_state", "amount_invalid"})
"""Of a refund these say that the payment has not so much left: one word for callers, whichever way it was found out."""

_FAILED_DEPENDENCY: Final = 424
"""Something outside of Stripe broke while the request was carried out."""

_SENTENCES: Final[Mapping[str, str]] = {
    "permission_denied": "Stripe has not enabled this for the connected account or key.",
    "refund_rejected": "Stripe refused the refund: more than is left of the payment, disputed, or the balance is too low.",
    "insufficient_funds": "The account does not cover the amount.",
}
"""Where ours have more to say than others'."""


def to_reason(error: Mapping[str, Any]) -> str:
    """Our word for an error object, in an answer or on a payment. Never raises; `unknown` for what we have not met."""
    return (
        _BY_DECLINE_CODE.get(text_of(error, "decline_code") or "")
        or _BY_CODE.get(text_of(error, "code") or "")
        or _of_type(error)
    )


def word_of(error: Mapping[str, Any]) -> str | None:
    """Stripe's own word that says most."""
    return text_of(error, "decline_code") or text_of(error, "code") or text_of(error, "type")


def message_of(error: Mapping[str, Any]) -> str | None:
    return payment_errors.short(text_of(error, "message"))


def refusal(
    status: int, body: Mapping[str, Any], capability: str, *, effect: bool, request_id: str | None = None
) -> ProviderError:
    """The error that a 4xx answer means."""
    given = body.get("error")
    error: Mapping[str, Any] = given if isinstance(given, dict) else {}
    reason = _reason_of(status, error, capability)
    return payment_errors.refusal(
        reason,
        payment_errors.sentence_of(reason, _DISPLAY_NAME, _SENTENCES),
        provider=PROVIDER,
        capability=capability,
        effect=effect,
        status=status,
        in_doubt=status == _FAILED_DEPENDENCY or error.get("type") == "api_error",
        provider_code=word_of(error),
        provider_message=message_of(error),
        provider_request_id=request_id,
    )


def _of_type(error: Mapping[str, Any]) -> str:
    kind = text_of(error, "type") or ""
    if kind == "invalid_request_error" and (known := _BY_PARAM.get(text_of(error, "param") or "")):
        return known
    return _BY_TYPE.get(kind, "unknown")


def _reason_of(status: int, error: Mapping[str, Any], capability: str) -> str:
    told = to_reason(error)
    if told in ("unknown", "invalid_request"):
        told = _BY_STATUS.get(status, told)
    if told == "refund_rejected" and not capability.startswith("refund."):
        return "insufficient_funds"  # `balance_insufficient`: it is ours that does not cover a transfer
    return "refund_rejected" if capability.startswith("refund.") and told in _REFUND_WORDS else told
