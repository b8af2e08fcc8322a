"""Results: subscriptions.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object

from .shared import PaymentFailure

__all__ = ["Charge", "Subscription"]


class Charge(Object):
    """Charge."""

    amount: float | None
    amount_minor: int | None
    at: str | None
    currency: str | None
    payment_id: str | None
    """Of a charge that was paid: it is a payment of its own."""
    provider_payment_id: str
    status: Literal["succeeded", "failed"] | str


class Subscription(Object):
    """Subscription."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    cancel_at: str | None
    """When we will cancel it, where the provider cannot by itself."""
    cancel_at_cycle_end: bool
    charges: list[Charge]
    """The latest, newest first."""
    checkout_url: str | None
    """Where the payer agrees."""
    client_secret: str | None
    created: int
    """Unix seconds."""
    created_at: str
    current_period_end: str | None
    current_period_start: str | None
    customer_id: str | None
    customer_notify: bool | None
    effect_guarantee: Literal["exactly_once", "at_most_once"] | str
    environment: Literal["test", "live"] | str
    failure: PaymentFailure | None
    id: str
    metadata: dict[str, str]
    next_charge_at: str | None
    notes: dict[str, str]
    object: Literal["subscription"]
    paid_count: int | None
    pause_at: str | None
    """When we will pause it."""
    pending_plan_id: str | None
    """A change that waits for the cycle's end or the payer's consent."""
    plan_id: str | None
    provider: str
    provider_customer_id: str | None
    provider_plan_id: str | None
    provider_subscription_id: str | None
    quantity: int | None
    remaining_count: int | None
    start_at: str | None
    status: (
        Literal[
            "pending",
            "failed",
            "pending_authorization",
            "trialing",
            "active",
            "past_due",
            "unpaid",
            "paused",
            "canceled",
            "completed",
            "expired",
        ]
        | str
    )
    total_count: int | None
    trial_days: int | None
    trial_end: str | None
    updated_at: str
    version: int
    """Grows with each change."""


Subscription._nested = {"charges": Charge, "failure": PaymentFailure}
