"""Results: payments.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object, OpenObject

from .shared import AmountMismatch, Cost, Dispute, PaymentFailure

__all__ = ["Payment"]


class Payment(Object):
    """A payment as it stands."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    amount: float
    """Major units."""
    amount_minor: int
    amount_mismatch: AmountMismatch | None
    """Set where something else was received than was asked for. Then the event is `payment.amount_mismatch`, in
    place of `payment.succeeded`.
    """
    amount_received: float | None
    """What was really taken, in `currency`: 0 where it came in another. Null: nothing was taken yet."""
    amount_received_minor: int | None
    amount_refunded: float
    amount_refunded_minor: int
    capture: Literal["automatic", "manual"] | str
    checkout: OpenObject | None
    """What the provider's own checkout script needs."""
    checkout_url: str | None
    client_secret: str | None
    cost: Cost | None
    """Null: nothing was taken yet, or it is not known."""
    created: int
    """Unix seconds."""
    created_at: str
    currency: str
    customer: OpenObject | None
    description: str | None
    disputes: list[Dispute]
    """Answer them at the provider; each change is an event of its own."""
    effect_guarantee: Literal["exactly_once", "at_most_once"] | str
    environment: Literal["test", "live"] | str
    failure: PaymentFailure | None
    id: str
    metadata: dict[str, str]
    method_details: dict[str, str]
    notes: dict[str, str]
    object: Literal["payment"]
    payment_method: str | None
    provider: str | None
    provider_order_id: str | None
    provider_payment_id: str | None
    receipt: str | None
    status: (
        Literal[
            "created",
            "requires_action",
            "processing",
            "authorized",
            "succeeded",
            "partially_refunded",
            "refunded",
            "failed",
            "canceled",
            "expired",
        ]
        | str
    )
    subscription_id: str | None
    """Of a subscription's charge."""
    transaction_id: str
    """The same as `id`."""
    updated_at: str
    version: int
    """Grows with each change."""


Payment._nested = {"amount_mismatch": AmountMismatch, "cost": Cost, "disputes": Dispute, "failure": PaymentFailure}
