"""Results: plans.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object

from .shared import PaymentFailure

__all__ = ["Plan"]


class Plan(Object):
    """Plan."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    amount: float
    """Major units."""
    amount_minor: int
    created: int
    """Unix seconds."""
    created_at: str
    currency: str
    description: str | None
    effect_guarantee: Literal["exactly_once", "at_most_once"] | str
    environment: Literal["test", "live"] | str
    failure: PaymentFailure | None
    id: str
    interval: Literal["day", "week", "month", "year"] | str
    interval_count: int
    metadata: dict[str, str]
    name: str
    notes: dict[str, str]
    object: Literal["plan"]
    provider: str
    provider_plan_id: str | None
    status: Literal["pending", "failed", "active", "inactive"] | str
    trial_days: int
    updated_at: str
    version: int
    """Grows with each change."""


Plan._nested = {"failure": PaymentFailure}
