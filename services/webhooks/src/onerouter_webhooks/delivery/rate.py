"""How many requests a second an endpoint gets, from all processes together. Pure.

The endpoint's row says up to which moment requests were given out: each takes `1 / rate` of time. Whoever claims moves the
moment on, one process after the other, so the sum is exact however many they are.
"""

from datetime import datetime, timedelta
from typing import Final

_SAVED_S: Final = 0.25
"""Time not used is kept for so long: a process that wakes late gives out what it missed, and no burst is larger."""
WAKE_S: Final = 0.02
"""Requests are given out together for at least so long: a high rate costs no claim for each."""


def room_of(rate_per_s: float, used_until: datetime | None, now: datetime) -> int:
    """How many requests may go out now."""
    return int((now - _from(rate_per_s, used_until, now)).total_seconds() * rate_per_s + 1e-6)


def used(rate_per_s: float, used_until: datetime | None, now: datetime, count: int) -> datetime:
    """Up to when requests are given out, after so many more."""
    return _from(rate_per_s, used_until, now) + timedelta(seconds=count / rate_per_s)


def _from(rate_per_s: float, used_until: datetime | None, now: datetime) -> datetime:
    saved = timedelta(seconds=max(_SAVED_S, 1 / rate_per_s))
    return now - saved if used_until is None else max(used_until, now - saved)
