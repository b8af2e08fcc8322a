"""When a failed delivery is tried again: a fixed schedule, spread, and never sooner than the endpoint asked for."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_DAY_S: Final = 86_400.0
_OVERLOAD_STATUSES: Final = frozenset({429, 502, 504})


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """`waits_s[n]` is the wait after the (n+1)th failed attempt; when there is none the delivery is exhausted."""

    waits_s: Sequence[float]
    jitter: float = 0.2
    overload_floor_s: float = 60.0

    def with_waits(self, waits_s: Sequence[float] | None) -> "RetrySchedule":
        """The same with an endpoint's own waits; None: it has none."""
        return self if waits_s is None else replace(self, waits_s=waits_s)

    def wait_s(
        self,
        attempts: int,
        *,
        overloaded: bool = False,
        retry_after_s: float | None = None,
        rng: random.Random | None = None,
    ) -> float | None:
        """Seconds until the next attempt after `attempts` failed ones; None: there is no next one.

        An endpoint's `Retry-After` is a floor, up to twice the scheduled wait plus two hours and never over a day, so
        that an absurd one cannot park a delivery for ever. Above a floor jitter only adds.
        """
        if attempts > len(self.waits_s):
            return None
        base = self.waits_s[attempts - 1]
        spread = (rng or random).uniform(-self.jitter, self.jitter)
        wait = base * (1 + spread)
        floor = self.overload_floor_s if overloaded else 0.0
        if retry_after_s is not None:
            floor = max(floor, min(retry_after_s, 2 * base + 7_200, _DAY_S))
        return wait if wait >= floor else floor * (1 + abs(spread))


def is_overload(status: int | None) -> bool:
    """Answers that ask for less: too many requests, or a proxy that waits in vain."""
    return status in _OVERLOAD_STATUSES


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds from a `Retry-After` header (RFC 9110 §10.2.3): a number of seconds or a date; None when it is neither."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # a year or a zone of many digits overflows
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
