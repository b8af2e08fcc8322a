"""Calendar months in UTC. Pure."""

from datetime import UTC, datetime


def month_of(now: datetime) -> str:
    """`2026-11`."""
    return f"{now.astimezone(UTC):%Y-%m}"


def begin_of(month: str) -> datetime:
    return datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)


def end_of(month: str) -> datetime:
    """The first moment of the month after."""
    year, number = int(month[:4]), int(month[5:])
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
