"""Results: payment links.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object, OpenObject

from .shared import PaymentFailure

__all__ = ["PaymentLink"]


class PaymentLink(Object):
    """Payment link."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    amount: float
    """Major units."""
    amount_minor: int
    amount_paid: float
    callback_url: str | None
    created: int
    """Unix seconds."""
    created_at: str
    currency: str
    customer: OpenObject | None
    description: str | None
    effect_guarantee: Literal["exactly_once", "at_most_once"] | str
    environment: Literal["test", "live"] | str
    expires_at: str | None
    failure: PaymentFailure | None
    id: str
    metadata: dict[str, str]
    notes: dict[str, str]
    object: Literal["payment_link"]
    payment_id: str | None
    """Ours, of the payment it was paid by: refund that."""
    provider: str
    provider_order_id: str | None
    provider_payment_id: str | None
    provider_payment_link_id: str | None
    short_url: str | None
    """What to send to the payer."""
    status: Literal["pending", "failed", "created", "partially_paid", "paid", "canceled", "expired"] | str
    updated_at: str
    version: int
    """Grows with each change."""


PaymentLink._nested = {"failure": PaymentFailure}
