"""Which events an endpoint asked for."""

import re
from collections.abc import Sequence
from typing import Final

_TYPE: Final = re.compile(r"^[a-z][a-z_]*(\.[a-z][a-z_]*)*(\.\*)?$")


def is_pattern(pattern: str) -> bool:
    """An exact type (`payment.succeeded`) or all below a name (`payment.*`)."""
    return len(pattern) <= 100 and _TYPE.match(pattern) is not None


def matches(patterns: Sequence[str] | None, event_type: str) -> bool:
    """Whether an endpoint with these patterns gets events of this type; without patterns it gets all."""
    if patterns is None:
        return True
    return any(
        pattern == event_type or (pattern.endswith(".*") and event_type.startswith(pattern[:-1]))
        for pattern in patterns
    )
