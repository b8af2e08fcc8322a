"""What a tenant may do by its plan."""

from collections.abc import Mapping
from typing import Final

UNLIMITED: Final = "unlimited"

REQUESTS_PER_MINUTE: Final[Mapping[str, int | None]] = {
    "starter": 100,
    "growth": 500,
    "scale": 2_000,
    UNLIMITED: None,
}
"""All keys of a tenant together. `unlimited` is for installations of one's own."""


def requests_per_minute(plan: str, override: int | None) -> int | None:
    """An operator's own number for the tenant wins over its plan's; None: no limit."""
    return override if override is not None else REQUESTS_PER_MINUTE[plan]
