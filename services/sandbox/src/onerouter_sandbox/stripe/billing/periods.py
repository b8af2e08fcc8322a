"""The calendar of what renews: months and years as people count them, from the day of the anchor."""

from calendar import monthrange
from datetime import UTC, datetime
from typing import Final

_SECONDS: Final = {"day": 86_400, "week": 7 * 86_400}


def moved(at: int, interval: str, count: int) -> int:
    """`count` intervals after `at` (before, when negative); the 31st becomes the last day of a shorter month."""
    if interval in _SECONDS:
        return at + count * _SECONDS[interval]
    moment = datetime.fromtimestamp(at, UTC)
    months = moment.year * 12 + moment.month - 1 + count * (12 if interval == "year" else 1)
    year, month = months // 12, months % 12 + 1
    day = min(moment.day, monthrange(year, month)[1])
    return int(moment.replace(year=year, month=month, day=day).timestamp())


def next_after(anchor: int, interval: str, count: int, at: int) -> int:
    """The first boundary after `at`, counted from the anchor, so that a short month does not move later ones."""
    boundary, step = anchor, 0
    while boundary <= at:
        step += 1
        boundary = moved(anchor, interval, step * count)
    return boundary
