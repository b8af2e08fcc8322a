"""When billing cycles begin and end. Times are seconds since 1970.

Razorpay puts the later boundaries at midnight in India; here they keep the time of day of the first one.
"""

import calendar
from datetime import UTC, datetime
from typing import Final

DAY_S: Final = 86_400
_DAYS: Final = {"daily": 1, "weekly": 7}
_MONTHS: Final = {"monthly": 1, "quarterly": 3, "yearly": 12}
PERIODS: Final = frozenset({*_DAYS, *_MONTHS})
_LONGEST_YEARS: Final = 100


def boundary(anchor: int, period: str, interval: int, turns: int) -> int:
    """When the cycle begins that follows `turns` whole ones after `anchor`; the 31st becomes a shorter month's last."""
    if period in _DAYS:
        return anchor + turns * interval * _DAYS[period] * DAY_S
    first = datetime.fromtimestamp(anchor, UTC)
    years, month = divmod(first.month - 1 + turns * interval * _MONTHS[period], 12)
    year = first.year + years
    day = min(first.day, calendar.monthrange(year, month + 1)[1])
    return int(first.replace(year=year, month=month + 1, day=day).timestamp())


def fits(period: str, interval: int, count: int) -> bool:
    """Whether so many cycles stay within the hundred years that Razorpay takes."""
    if period in _DAYS:
        return count * interval * _DAYS[period] <= _LONGEST_YEARS * 366
    return count * interval * _MONTHS[period] <= _LONGEST_YEARS * 12


def share_left(start: int, end: int, now: float) -> tuple[int, int]:
    """Days of the cycle that are still to come, and all of its days. The day that has begun is still to come."""
    days = max(1, round((end - start) / DAY_S))
    used = min(days, int((now - start) // DAY_S))
    return days - used, days
