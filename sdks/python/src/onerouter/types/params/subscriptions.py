"""Parameters: subscriptions.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypedDict

from .shared import CustomerDetails

__all__ = [
    "SubscriptionCancel",
    "SubscriptionChangePlan",
    "SubscriptionCreate",
    "SubscriptionPause",
    "SubscriptionResume",
]


class SubscriptionCancel(TypedDict, total=False):
    """Subscription cancel."""

    cancel_at_cycle_end: bool
    """Let the cycle that is paid run to its end."""
    reason: str | None


class _SubscriptionChangePlanRequired(TypedDict):
    new_plan_id: str


class SubscriptionChangePlan(_SubscriptionChangePlanRequired, total=False):
    """Subscription change plan."""

    cancel_url: str | None
    prorate: bool
    """Charge or credit what is left of the cycle now."""
    quantity: int | None
    return_url: str | None
    """Where the payer goes, should the provider ask for consent."""


class _SubscriptionCreateRequired(TypedDict):
    plan_id: str
    """Ours, or the provider's own of a plan made there."""


class SubscriptionCreate(_SubscriptionCreateRequired, total=False):
    """A subscription to be agreed to by its payer at `checkout_url`."""

    cancel_url: str | None
    customer: CustomerDetails | None
    customer_id: str | None
    """Of a customer made with us."""
    customer_notify: bool
    """Whether the provider writes to the payer."""
    metadata: Mapping[str, str]
    """Yours; kept with it and in its events."""
    notes: Mapping[str, str]
    """Shown at the provider."""
    provider: str | None
    """Only this provider. Absent: your route decides."""
    quantity: int
    return_url: str | None
    start_date: datetime | str | int | None
    """When the first charge is due: ISO 8601 with an offset, or Unix seconds. Absent: at once."""
    total_count: int | None
    """Charges in all. Absent: until it is canceled."""
    trial_days: int | None
    """Absent or 0: the plan's."""


class SubscriptionPause(TypedDict, total=False):
    """Subscription pause."""

    pause_at: Literal["now", "cycle_end"]
    reason: str | None


class SubscriptionResume(TypedDict, total=False):
    """Nothing is needed: an empty body, or none, will do."""

    reason: str | None
