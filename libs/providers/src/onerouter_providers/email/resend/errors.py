"""Resend's error names → ours. A refusal is `{"statusCode", "name", "message"}`; some clients have seen it inside `error`."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import ProviderError
from onerouter_providers.http import Answer, parse_retry_after
from onerouter_providers.message_errors import refusal

PROVIDER: Final = "resend"
DISPLAY_NAME: Final = "Resend"
SEND_ONLY: Final = "restricted_api_key"
"""A good key that may only send."""
KEY_USED: Final = "invalid_idempotent_request"
"""The key was sent before, with another body."""
KEY_BUSY: Final = "concurrent_idempotent_requests"
_BUSY_RETRY_S: Final = 2.0

_BY_NAME: Final[Mapping[str, str]] = {
    "validation_error": "invalid_request",
    "missing_required_field": "invalid_request",
    "invalid_parameter": "invalid_request",
    "invalid_attachment": "invalid_request",
    "invalid_idempotency_key": "invalid_request",
    "invalid_access": "invalid_request",
    "invalid_region": "invalid_request",
    "method_not_allowed": "invalid_request",
    "invalid_from_address": "invalid_sender",
    "missing_api_key": "authentication_failed",
    "invalid_api_key": "authentication_failed",
    SEND_ONLY: "authentication_failed",
    "not_found": "not_found",
    "rate_limit_exceeded": "rate_limited",
    "daily_quota_exceeded": "insufficient_credit",
    "monthly_quota_exceeded": "insufficient_credit",
    "security_error": "content_rejected",
    # Nobody knows yet what became of the first request under the key: it may be under way, or have been another of ours.
    KEY_BUSY: "indeterminate",
    KEY_USED: "indeterminate",
    "application_error": "indeterminate",
    "internal_server_error": "indeterminate",
}
_BY_STATUS: Final[Mapping[int, str]] = {
    400: "invalid_request",
    401: "authentication_failed",
    403: "authentication_failed",
    404: "not_found",
    405: "invalid_request",
    409: "indeterminate",
    413: "payload_too_large",
    422: "invalid_request",
    429: "rate_limited",
    451: "content_rejected",
}
_OF_A_FIELD: Final = (
    ("`to`", "invalid_recipient"),
    ("`cc`", "invalid_recipient"),
    ("`bcc`", "invalid_recipient"),
    ("`from`", "invalid_sender"),
)
"""A `validation_error` names the field only in its message."""


def refused(answer: Answer, *, effect: bool) -> ProviderError:
    """The error that a 4xx answer means."""
    given = answer.body.get("error")
    error: Mapping[str, Any] = given if isinstance(given, dict) else answer.body
    name, message = _text(error, "name"), _text(error, "message") or answer.text or None
    reason = _reason_of(answer.status, name, message or "")
    told_s = parse_retry_after(answer.headers.get("retry-after"))
    return refusal(
        reason,
        provider=PROVIDER,
        display_name=DISPLAY_NAME,
        effect=effect,
        provider_code=name,
        provider_message=message,
        http_status_seen=answer.status,
        retry_after_s=_BUSY_RETRY_S if name == KEY_BUSY and told_s is None else told_s,
    )


def _reason_of(status: int, name: str | None, message: str) -> str:
    if name == "validation_error" and status == 403:
        return "invalid_sender"  # a domain that is not verified, or a test account that writes to others
    reason = _BY_NAME.get(name or "") or _BY_STATUS.get(status, "unknown")
    if reason != "invalid_request":
        return reason
    return next((ours for words, ours in _OF_A_FIELD if words in message.lower()), reason)


def _text(error: Mapping[str, Any], name: str) -> str | None:
    value = error.get(name)
    return value if isinstance(value, str) and value else None
