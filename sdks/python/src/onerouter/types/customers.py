"""Results: customers.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object

from .shared import PaymentFailure

__all__ = ["Customer"]


class Customer(Object):
    """Customer."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    created: int
    """Unix seconds."""
    created_at: str
    effect_guarantee: Literal["exactly_once", "at_most_once"] | str
    email: str | None
    environment: Literal["test", "live"] | str
    failure: PaymentFailure | None
    id: str
    metadata: dict[str, str]
    name: str | None
    notes: dict[str, str]
    object: Literal["customer"]
    phone: str | None
    provider: str
    provider_customer_id: str | None
    status: Literal["pending", "failed", "active", "deleted"] | str
    updated_at: str
    version: int
    """Grows with each change."""


Customer._nested = {"failure": PaymentFailure}
