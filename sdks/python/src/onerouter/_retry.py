"""Whether a call is tried again, and after how long. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from typing import Final

from onerouter._errors import APIConnectionError, APIError, ConflictError, OneRouterError

MAX_RETRIES: Final = 3
FIRST_S: Final = 0.5
LONGEST_S: Final = 8.0
MOST_RETRY_AFTER_S: Final = 60.0
"""The server may ask for so long a wait. When it asks for more, the caller gets the error, and decides."""

_STATUSES: Final = frozenset({408, 429, 502, 503, 504})
IN_FLIGHT: Final = "OPERATION_IN_FLIGHT"


def delay_s(
    failure: OneRouterError, *, retries: int, max_retries: int, left_s: float | None, chance: float
) -> float | None:
    """Seconds to wait before the next attempt; None: there is none.

    `retries` is how many there were. `left_s` is what is left of the call's deadline: where the wait would not fit, the
    failure is told at once. `chance` is between 0 and 1.
    """
    if retries >= max_retries or not may_repeat(failure):
        return None
    delay = backoff_s(retries, chance)
    asked_for = getattr(failure, "retry_after", None)
    if asked_for is not None:
        if asked_for > MOST_RETRY_AFTER_S:
            return None
        delay = max(delay, asked_for)
    return None if left_s is not None and delay >= left_s else delay


def backoff_s(retries: int, chance: float) -> float:
    """0.5 s doubled each time, 8 s at most, of which half to all is waited."""
    longest: float = min(LONGEST_S, FIRST_S * 2.0 ** min(retries, 16))
    return longest * (0.5 + 0.5 * chance)


def may_repeat(failure: OneRouterError) -> bool:
    """What has had its effect is never repeated. The server's own word on it counts more than the status."""
    if failure.effect == "committed":
        return False
    if isinstance(failure, APIConnectionError):
        return True
    if isinstance(failure, ConflictError) and failure.code == IN_FLIGHT:
        return True  # of the request before this one, whose answer got lost
    if not isinstance(failure, APIError):
        return False
    return failure.retryable


def by_status(status: int) -> bool:
    """Where the answer does not say whether to repeat."""
    return status in _STATUSES


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """From `Retry-After`, in seconds or as a date. None: there is none, or none that can be read."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        from email.utils import parsedate_to_datetime  # slow to load, and rarely needed

        try:
            seconds = parsedate_to_datetime(value).timestamp() - time()
        except (TypeError, ValueError):
            return None
    return max(0.0, seconds) if seconds == seconds else None  # noqa: PLR0124  (nan)
