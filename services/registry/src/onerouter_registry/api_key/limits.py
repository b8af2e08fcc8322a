"""How much a key may do: requests a second, operations a month, how long it lives."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, get_args

from onerouter_common.contracts.base import Category
from onerouter_common.errors import InvalidRequest

MOST_PER_S: Final = 100_000
MOST_PER_MONTH: Final = 10**12
LONGEST_LIFE: Final = timedelta(days=3_653)
"""Ten years: further away a date is a typing error."""
LONGEST_OVERLAP_S: Final = 7 * 86_400
CATEGORIES: Final[tuple[str, ...]] = get_args(Category)


def quotas_of(values: Mapping[str, int]) -> dict[str, int]:
    """Category → most operations in a calendar month (UTC). Raises InvalidRequest."""
    for category, most in values.items():
        if category not in CATEGORIES:
            raise InvalidRequest.of("quotas", f"'{category[:40]}' is not one of {', '.join(CATEGORIES)}")
        if not 1 <= most <= MOST_PER_MONTH:
            raise InvalidRequest.of(f"quotas.{category}", f"must be between 1 and {MOST_PER_MONTH}")
    return {category: values[category] for category in CATEGORIES if category in values}


def expiry_of(value: datetime | None, now: datetime) -> datetime | None:
    """Raises InvalidRequest."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise InvalidRequest.of("expires_at", "must name its time zone")
    if value <= now:
        raise InvalidRequest.of("expires_at", "must be in the future")
    if value > now + LONGEST_LIFE:
        raise InvalidRequest.of("expires_at", "must be within ten years")
    return value


def overlap_of(value: int) -> timedelta:
    """How long a rotated key goes on working. Raises InvalidRequest."""
    if not 0 <= value <= LONGEST_OVERLAP_S:
        raise InvalidRequest.of("overlap_s", f"must be between 0 and {LONGEST_OVERLAP_S} (seven days)")
    return timedelta(seconds=value)
