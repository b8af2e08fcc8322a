"""Parameters: deliveries.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

__all__ = ["RecoveryStart"]


class _RecoveryStartRequired(TypedDict):
    since: str
    """What was made at this moment or later (RFC 3339)."""


class RecoveryStart(_RecoveryStartRequired, total=False):
    """Which of what an endpoint missed is to be sent again."""

    types: Sequence[str] | None
    """Only events of these types."""
    until: str | None
    """And before this moment; absent: up to now."""
    what: Literal["failed", "all"]
    """`failed`: deliveries whose every attempt failed. `all`: every event of the period that the endpoint wants,
    whether it was delivered or not.
    """
