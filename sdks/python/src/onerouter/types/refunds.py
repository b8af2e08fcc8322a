"""Results: refunds.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object

from .shared import PaymentFailure

__all__ = ["Refund"]


class Refund(Object):
    """A refund as it stands."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    amount: float
    amount_minor: int
    created: int
    created_at: str
    currency: str
    effect_guarantee: Literal["exactly_once", "at_most_once"] | str
    environment: Literal["test", "live"] | str
    failure: PaymentFailure | None
    id: str
    notes: dict[str, str]
    object: Literal["refund"]
    payment_id: str
    provider: str | None
    provider_refund_id: str | None
    reason: str | None
    speed: Literal["normal", "optimum"] | str
    status: Literal["pending", "succeeded", "failed"] | str
    updated_at: str
    version: int


Refund._nested = {"failure": PaymentFailure}
