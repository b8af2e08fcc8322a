"""Twilio's error numbers → ours, as tables.

The same numbers stand in refusals (`code`) and on messages that failed later (`error_code`), with different meanings for
what may be done next. Twilio may change which number it gives for a cause, so what is not here goes by the HTTP status.
Source: https://www.twilio.com/docs/api/errors
"""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import ProviderError
from onerouter_providers import message_errors

PROVIDER: Final = "twilio"
DISPLAY_NAME: Final = "Twilio"
REQUEST_ID_HEADER: Final = "Twilio-Request-Id"
CANNOT_BE_CANCELED: Final = 30409

REFUSALS: Final[Mapping[str, tuple[int, ...]]] = {
    "authentication_failed": (20003, 20006, 20010),
    "insufficient_credit": (20005, 10001),
    "not_found": (20404, 21701, 21705, 21655),
    "rate_limited": (20429, 63017, 21611, 35125, 63038),
    "invalid_recipient": (21211, 21604, 21614, 21217, 63003, 63024),
    "unsubscribed": (21610,),
    "destination_not_permitted": (21408, 21608, 21219, 21612),
    "invalid_sender": (
        21212, 21401, 21601, 21603, 21606, 21607, 21616, 21659, 21660, 21703, 21704, 21709, 21910,
    ),
    "invalid_request": (
        21602, 21609, 21617, 21619, 21620, 21623, 21654, 21656, 21658, 35111, 35114, 35115, 35117, 35118,
    ),
    "conflict": (CANNOT_BE_CANCELED,),
    "content_rejected": (21618,),
    "indeterminate": (20500, 20503),
}  # fmt: skip
"""Ours → the numbers of a request that was refused."""

FAILURES: Final[Mapping[str, tuple[int, ...]]] = {
    "provider_unavailable": (30001, 30017, 30410, 30020, 30021, 30036),
    "rate_limited": (30022, 30023, 30027),
    "insufficient_credit": (30002,),
    "unknown": (30003, 30008),
    "invalid_recipient": (30005, 30006),
    "destination_not_permitted": (30004, 30610),
    "content_rejected": (30007, 30450),
    "invalid_sender": (30018, 30024, 30032, 30033, 30034, 30035),
    "unsubscribed": (21610,),
}
"""Ours → the numbers of a message that was taken and did not arrive."""

_BY_REFUSAL: Final = {number: ours for ours, numbers in REFUSALS.items() for number in numbers}
_BY_FAILURE: Final = {number: ours for ours, numbers in FAILURES.items() for number in numbers}
_BY_STATUS: Final = {401: "authentication_failed", 403: "authentication_failed", 404: "not_found", 409: "conflict"}
_HINTS: Final[Mapping[int, str]] = {
    21408: "Sending to that country is switched off in the account's geographic permissions.",
    21608: "A trial account sends to verified numbers only.",
    21612: "This sender cannot reach that number.",
    21659: "The sender is not a number of the account, nor a short code of that country.",
    21660: "The sender belongs to another account.",
}


def refusal(
    status: int,
    body: Mapping[str, Any],
    *,
    effect: bool,
    retry_after_s: float | None = None,
    request_id: str | None = None,
) -> ProviderError:
    """The error that a 4xx answer means. Both shapes of Twilio's error bodies have `code`; the newer has `detail`."""
    code = number_of(body.get("code"))
    message = body.get("message") or body.get("detail") or body.get("title")
    return message_errors.refusal(
        _reason_of(status, code),
        provider=PROVIDER,
        display_name=DISPLAY_NAME,
        effect=effect,
        hint=_HINTS.get(code or 0, ""),
        provider_code=None if code is None else str(code),
        provider_message=message if isinstance(message, str) else None,
        provider_request_id=request_id,
        http_status_seen=status,
        retry_after_s=retry_after_s,
    )


def failure_reason(code: object) -> str:
    """Of a message that failed or was not delivered."""
    return _BY_FAILURE.get(number_of(code) or 0, "unknown")


def number_of(code: object) -> int | None:
    """Twilio writes them as numbers in JSON and as text in callbacks."""
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) <= 9:
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _reason_of(status: int, code: int | None) -> str:
    known = _BY_REFUSAL.get(code or 0)
    if status == 429:
        return "rate_limited"
    return known or _BY_STATUS.get(status, "invalid_request")
