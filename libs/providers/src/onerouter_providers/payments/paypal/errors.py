"""PayPal's error words → ours, as tables. `details[0].issue` tells, else `name`, else the HTTP status."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import ProviderError
from onerouter_providers import payment_errors
from onerouter_providers.payment_errors import text_of

PROVIDER: Final = "paypal"
_DISPLAY_NAME: Final = "PayPal"

ISSUES: Final[Mapping[str, tuple[str, ...]]] = {
    "card_declined": (
        "INSTRUMENT_DECLINED",
        "TRANSACTION_REFUSED",
        "PAYMENT_SOURCE_DECLINED_BY_PROCESSOR",
        "PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED",
        "DECLINED_DUE_TO_RELATED_TXN",
        "CARD_CLOSED",
        "PAYMENT_DENIED",
    ),
    "insufficient_funds": (
        "PAYER_CANNOT_PAY",
        "TRANSACTION_LIMIT_EXCEEDED",
        "TRANSACTION_RECEIVING_LIMIT_EXCEEDED",
        "INSUFFICIENT_FUNDS",
    ),
    "expired_card": ("CARD_EXPIRED", "REFERENCED_CARD_EXPIRED"),
    "incorrect_details": ("INVALID_SECURITY_CODE_LENGTH", "INVALID_EXPIRY_DATE"),
    "authentication_required": (
        "PAYER_ACTION_REQUIRED",
        "ORDER_NOT_APPROVED",
        "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
    ),
    "fraud_suspected": ("COMPLIANCE_VIOLATION", "PAYEE_BLOCKED_TRANSACTION", "TRANSACTION_BLOCKED_BY_PAYEE"),
    "payment_method_unavailable": ("NOT_ENABLED_FOR_CARD_PROCESSING", "PAYMENT_SOURCE_CANNOT_BE_USED"),
    "currency_not_supported": ("INVALID_CURRENCY_CODE", "CURRENCY_NOT_SUPPORTED_FOR_RECEIVER"),
    "amount_invalid": (
        "CANNOT_BE_ZERO_OR_NEGATIVE",
        "DECIMAL_PRECISION",
        "DECIMALS_NOT_SUPPORTED",
        "MAX_VALUE_EXCEEDED",
        "MAX_CAPTURE_AMOUNT_EXCEEDED",
        "AMOUNT_MISMATCH",
        "AUTH_CAPTURE_CURRENCY_MISMATCH",
    ),
    "invalid_state": (
        "ORDER_ALREADY_CAPTURED",
        "ORDER_ALREADY_AUTHORIZED",
        "ORDER_ALREADY_COMPLETED",
        "ORDER_EXPIRED",
        "AUTHORIZATION_VOIDED",
        "AUTHORIZATION_ALREADY_CAPTURED",
        "AUTHORIZATION_EXPIRED",
        "PREVIOUSLY_CAPTURED",
        "PREVIOUSLY_VOIDED",
        "CANNOT_BE_VOIDED",
        "MAX_NUMBER_OF_CAPTURES_EXCEEDED",
        "SUBSCRIPTION_STATUS_INVALID",
        "SUBSCRIPTION_CANNOT_BE_ACTIVATED",
        "PLAN_STATUS_INVALID",
        "PLAN_STATUS_INACTIVE",
        "INVOICE_CANCELED_ALREADY",
        "CANNOT_CANCEL_DRAFT_INVOICE",
        "CANNOT_CANCEL_PAID_INVOICE",
        "CANNOT_CANCEL_REFUNDED_INVOICE",
        "CANNOT_CANCEL_SCHEDULED_INVOICE",
    ),
    "refund_rejected": (
        "REFUND_NOT_ALLOWED",
        "REFUND_TIME_LIMIT_EXCEEDED",
        "REFUND_AMOUNT_EXCEEDED",
        "REFUND_AMOUNT_TOO_LOW",
        "REFUND_CAPTURE_CURRENCY_MISMATCH",
        "REFUND_FAILED_INSUFFICIENT_FUNDS",
        "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK",
        "REFUND_NOT_PERMITTED_BY_RISK",
        "PARTIAL_REFUND_NOT_ALLOWED",
        "TRANSACTION_DISPUTED",
        "PENDING_CAPTURE",
        # Only a refund is ever answered with it, and "nothing is left" is what a refund is refused for.
        "CAPTURE_FULLY_REFUNDED",
    ),
    "duplicate": (
        "DUPLICATE_INVOICE_ID",
        "DUPLICATE_REFERENCE_ID",
        "DUPLICATE_RESOURCE_IDENTIFIER",
        "DUPLICATE_INVOICE_NUMBER",
    ),
    "in_progress": ("PREVIOUS_REQUEST_IN_PROGRESS", "ORDER_COMPLETION_IN_PROGRESS", "RESOURCE_CONFLICT"),
    "authentication_failed": ("AUTHENTICATION_FAILURE", "INVALID_TOKEN", "invalid_client", "unauthorized_client"),
    "permission_denied": (
        "PERMISSION_DENIED",
        "PERMISSION_NOT_GRANTED",
        "CONSENT_NEEDED",
        "NOT_AUTHORIZED",
        "PAYEE_ACCOUNT_RESTRICTED",
        "PAYEE_ACCOUNT_LOCKED_OR_CLOSED",
        "PAYEE_ACCOUNT_INVALID",
        "AUTH_CAPTURE_NOT_ENABLED",
        "AUTHORIZATION_ERROR",
        "ACCOUNT_STATUS_ERROR",
        "USER_ACCOUNT_CLOSED",
        "CARD_SUBSCRIPTIONS_NOT_ENABLED",
        "PRODUCT_PPCP_UNAUTHORIZED",
    ),
    "not_found": ("INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND"),
    "invalid_request": ("INVALID_REQUEST",),
}
"""Ours → PayPal's `issue` or `name`."""

_BY_ISSUE: Final = {theirs: ours for ours, words in ISSUES.items() for theirs in words}
_BY_STATUS: Final = {
    401: "authentication_failed",
    403: "permission_denied",
    404: "not_found",
    409: "in_progress",
    400: "invalid_request",
    415: "invalid_request",
    422: "invalid_request",
}

_PROCESSOR: Final[Mapping[str, str]] = {
    "5120": "insufficient_funds",
    "5400": "expired_card",
    "00N7": "incorrect_details",
    "1330": "incorrect_details",
    "9500": "fraud_suspected",
    "9520": "fraud_suspected",
    "5100": "card_declined",
}
"""The bank's verdict on a capture or authorization that was declined."""
_STATUS_REASON: Final[Mapping[str, str]] = {
    "DECLINED_BY_RISK_FRAUD_FILTERS": "fraud_suspected",
    "DECLINED_BY_PROCESSOR": "card_declined",
    "BUYER_COMPLAINT": "fraud_suspected",
}

_SENTENCES: Final[Mapping[str, str]] = {
    "authentication_failed": "PayPal does not accept the connection's client id and secret.",
    "authentication_required": "The payer has to approve the payment first.",
    "payment_method_unavailable": "The payment method is not available on the connected account.",
}
"""Where ours have more to say than others'."""


def sentence_of(reason: str) -> str:
    return payment_errors.sentence_of(reason, _DISPLAY_NAME, _SENTENCES)


def to_reason(issue: str | None) -> str | None:
    """Our word for an issue or name; None for a word we have not met."""
    return _BY_ISSUE.get(issue or "")


def decline_reason(processor_code: str | None, status_reason: str | None) -> str:
    """Why a capture or authorization was declined; never raises."""
    return _PROCESSOR.get(processor_code or "") or _STATUS_REASON.get(status_reason or "") or "card_declined"


def refusal(status: int, body: Mapping[str, Any], capability: str, *, effect: bool) -> ProviderError:
    """The error that a 4xx answer means."""
    detail = _first_detail(body)
    issue = text_of(detail, "issue")
    name = text_of(body, "name") or text_of(body, "error")  # the token endpoint has errors of its own form
    reason = to_reason(issue) or to_reason(name) or _BY_STATUS.get(status, "unknown")
    return payment_errors.refusal(
        reason,
        sentence_of(reason),
        provider=PROVIDER,
        capability=capability,
        effect=effect,
        status=status,
        provider_code=issue or name,
        provider_message=(
            text_of(detail, "description") or text_of(body, "message") or text_of(body, "error_description")
        ),
        provider_request_id=text_of(body, "debug_id"),
    )


def _first_detail(body: Mapping[str, Any]) -> Mapping[str, Any]:
    details = body.get("details")
    first = details[0] if isinstance(details, list) and details else None
    return first if isinstance(first, dict) else {}
