"""Results: payment methods.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object

from .shared import PaymentFailure

__all__ = ["PaymentMethod"]


class PaymentMethod(Object):
    """Payment method."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    brand: str | None
    created: int
    """Unix seconds."""
    created_at: str
    customer_id: str | None
    effect_guarantee: Literal["exactly_once", "at_most_once"] | str
    email: str | None
    environment: Literal["test", "live"] | str
    exp_month: int | None
    exp_year: int | None
    failure: PaymentFailure | None
    id: str
    is_reusable: bool | None
    last4: str | None
    metadata: dict[str, str]
    nickname: str | None
    notes: dict[str, str]
    object: Literal["payment_method"]
    payment_method_id: str | None
    """The provider's own id of it."""
    provider: str
    status: Literal["pending", "failed", "active", "removed"] | str
    type: str | None
    updated_at: str
    version: int
    """Grows with each change."""
    wallet: str | None


PaymentMethod._nested = {"failure": PaymentFailure}
