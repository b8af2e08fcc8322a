"""What is known of quotas."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from onerouter_common.contracts.base import Environment


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """What a gateway asks for: operations of one key (with those it was rotated from), category and month."""

    family: str
    category: str
    month: str
    """`2026-11`, UTC."""
    holder: str
    """The process that asks."""
    number: int
    """Grows with each of its requests. The same one again is the same request, whose answer did not arrive."""
    needed: int = 0
    """Operations that wait to begin."""
    wanted: int = 0
    """Up to so many at once, ahead of need, while plenty is left."""
    returned: int = 0
    owed: int = 0
    """Begun while we could not be asked; charged whatever is left."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A key's month."""

    api_key_id: str
    environment: Environment
    month: str
    resets_at: datetime
    quotas: Mapping[str, int]
    used: Mapping[str, int]
    """Category → operations, of categories with a quota now or at some time of the month. Includes what gateways were lent
    and have not spent yet, at most a 64th of what was left."""
