"""SendGrid's refusals → ours. A refusal is `{"errors": [{"message", "field", "help"}], "id"}`; a 413 is a proxy's HTML."""

import re
import time
from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import ProviderError
from onerouter_providers.http import MAX_RETRY_AFTER_S, Answer, parse_retry_after
from onerouter_providers.message_errors import refusal

PROVIDER: Final = "sendgrid"
DISPLAY_NAME: Final = "SendGrid"
REQUEST_ID_HEADER: Final = "X-Message-Id"

_BY_STATUS: Final[Mapping[int, str]] = {
    400: "invalid_request",
    401: "authentication_failed",
    403: "authentication_failed",
    404: "not_found",
    405: "invalid_request",
    413: "payload_too_large",
    429: "rate_limited",
}
_OF_A_FIELD: Final = (
    (re.compile(r"personalizations(\.\d+)?\.(to|cc|bcc)(\.|$)"), "invalid_recipient"),
    (re.compile(r"from(\.|$)"), "invalid_sender"),
)
"""What a 400 means, by the field that it names."""
_OUT_OF_CREDITS: Final = "maximum credits exceeded"
"""A 401 that is not about the key."""
_SENDER: Final = ("from address", "sender identity")


def refused(answer: Answer, *, effect: bool, now: float | None = None) -> ProviderError:
    """The error that a 4xx answer means."""
    errors = answer.body.get("errors")
    first: Mapping[str, Any] = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    message, field = _text(first, "message"), _text(first, "field")
    return refusal(
        _reason_of(answer.status, field or "", (message or "").lower()),
        provider=PROVIDER,
        display_name=DISPLAY_NAME,
        effect=effect,
        provider_code=field if field != "null" else None,
        provider_message=message,
        http_status_seen=answer.status,
        retry_after_s=_retry_after_s(answer.headers, time.time() if now is None else now),
    )


def _reason_of(status: int, field: str, message: str) -> str:
    if status == 400:
        return next((reason for pattern, reason in _OF_A_FIELD if pattern.match(field)), "invalid_request")
    if status == 401 and _OUT_OF_CREDITS in message:
        return "insufficient_credit"
    if status == 403 and any(words in message for words in _SENDER):
        return "invalid_sender"
    return _BY_STATUS.get(status, "unknown")


def _retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """`Retry-After`, else what is left until `X-RateLimit-Reset` (seconds since 1970)."""
    told_s = parse_retry_after(headers.get("retry-after"))
    if told_s is not None:
        return told_s
    reset = headers.get("x-ratelimit-reset", "")
    if not (reset.isascii() and reset.isdigit() and len(reset) <= 12):
        return None
    return min(max(int(reset) - now, 0.0), MAX_RETRY_AFTER_S)


def _text(error: Mapping[str, Any], name: str) -> str | None:
    value = error.get(name)
    return value if isinstance(value, str) and value else None
