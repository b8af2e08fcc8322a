"""A plan's billing cycles: which is next, what it costs, when it is due. Pure; times in seconds since 1970."""

import calendar
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_DAYS = {"DAY": 1, "WEEK": 7}
_MONTHS = {"MONTH": 1, "YEAR": 12}


@dataclass(frozen=True, slots=True)
class Cycle:
    """`total` is 0 for an endless one; `price` is in minor units, 0 for a free trial."""

    tenure: str
    sequence: int
    unit: str
    count: int
    total: int
    price: int
    version: int = 1

    def record(self) -> dict[str, Any]:
        return asdict(self)


def current(cycles: Sequence[Cycle], executed: Sequence[int]) -> int | None:
    """Which of the cycles is billed next; None when all are done. `executed` counts, cycle by cycle."""
    for place, (cycle, done) in enumerate(zip(cycles, executed, strict=True)):
        if cycle.total == 0 or done < cycle.total:
            return place
    return None


def nth(start: float, cycle: Cycle, n: int) -> float:
    """When the n-th interval after `start` ends; of the 31st of a month the last day of a shorter one is made."""
    begun = datetime.fromtimestamp(start, UTC)
    if cycle.unit in _DAYS:
        return (begun + timedelta(days=_DAYS[cycle.unit] * cycle.count * n)).timestamp()
    months = begun.month - 1 + _MONTHS[cycle.unit] * cycle.count * n
    year, month = begun.year + months // 12, months % 12 + 1
    day = min(begun.day, calendar.monthrange(year, month)[1])
    return begun.replace(year=year, month=month, day=day).timestamp()


def charge(cycle: Cycle, quantity: int, tax_percent: str | None) -> int:
    """What one cycle costs; `tax_percent` comes on top."""
    net = cycle.price * quantity
    if tax_percent is None:
        return net
    return net + int((Decimal(net) * Decimal(tax_percent) / 100).quantize(Decimal(1), ROUND_HALF_UP))
