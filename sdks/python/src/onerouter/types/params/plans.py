"""Parameters: plans.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from ._values import Amount

__all__ = ["PlanCreate"]


class _PlanCreateRequired(TypedDict):
    amount: Amount
    """In major units: 499.00 is 499 rupees. At most as many decimals as the currency has."""
    interval: Literal["day", "week", "month", "year"]
    name: str


class PlanCreate(_PlanCreateRequired, total=False):
    """What to charge, and how often."""

    currency: str | None
    """Absent: the default of the key's connections."""
    description: str | None
    interval_count: int
    """Every so many intervals."""
    metadata: Mapping[str, str]
    """Yours; kept with it and in its events."""
    notes: Mapping[str, str]
    """Shown at the provider."""
    provider: str | None
    """Only this provider. Absent: your route decides."""
    trial_days: int
