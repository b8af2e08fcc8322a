"""What a tenant may do by its plan."""

from collections.abc import Mapping
from typing import Final

from onerouter_common.errors import InvalidRequest
from onerouter_registry.validation import count_of

UNLIMITED: Final = "unlimited"

REQUESTS_PER_MINUTE: Final[Mapping[str, int | None]] = {
    "starter": 100,
    "growth": 500,
    "scale": 2_000,
    UNLIMITED: None,
}
"""All keys of a tenant together. `unlimited` is for installations of one's own."""

MOST_REQUESTS_PER_MINUTE: Final = 1_000_000


def requests_per_minute(plan: str, override: int | None) -> int | None:
    """An operator's own number for the tenant wins over its plan's; None: no limit."""
    return override if override is not None else REQUESTS_PER_MINUTE[plan]


def plan_of(field: str, value: str) -> str:
    """Raises InvalidRequest."""
    if value not in REQUESTS_PER_MINUTE:
        raise InvalidRequest.of(field, f"must be one of {', '.join(REQUESTS_PER_MINUTE)}")
    return value


def rate_of(field: str, value: int | None) -> int | None:
    """Requests a minute; None: as the plan says. Raises InvalidRequest."""
    return None if value is None else count_of(field, value, MOST_REQUESTS_PER_MINUTE)
