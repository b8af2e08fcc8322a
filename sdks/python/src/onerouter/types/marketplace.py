"""Results: marketplace.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object, OpenObject

from .shared import AmountMismatch, Cost, Dispute, PaymentFailure

__all__ = ["BulkSplitItem", "BulkSplitResult", "MarketplaceFees", "SplitPartShown", "SplitPayment", "Vendor"]


class BulkSplitItem(Object):
    """Bulk split item."""

    error: OpenObject | None
    index: int
    payment: OpenObject | None
    status_code: int


class BulkSplitResult(Object):
    """Bulk split result."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    data: list[BulkSplitItem]
    failed: int
    object: Literal["bulk_split"]
    succeeded: int


class MarketplaceFees(Object):
    """Sums over the split payments created in the period whose money came in as it was asked for, as they were
    divided.
    """

    currency: str
    fee: float
    fee_minor: int
    gross: float
    gross_minor: int
    object: Literal["marketplace_fees"]
    payments: int
    period: Literal["day", "week", "month", "year"] | str
    provider_fee: float
    """What the provider kept, as far as it has told yet and in this currency. Part of your own `fee`, not beside
    it.
    """
    provider_fee_minor: int
    refunded: float
    """What payers got back. Not taken off the other sums."""
    refunded_minor: int
    tax: float
    tax_minor: int
    to: str
    vendor: float
    vendor_minor: int

    @property
    def from_(self) -> str:
        """The field `from`, whose name is a word of Python's."""
        return self["from"]  # type: ignore[no-any-return]


class SplitPartShown(Object):
    """Split part shown."""

    account_id: str | None
    amount: float
    amount_minor: int
    failure: dict[str, str] | None
    status: str | None
    """Of a vendor's part: `waiting` for the money, then as its transfer stands. `canceled`: the payment came to
    nothing. `withheld`: another amount came in than was asked for, or some of it was refunded before we heard
    of the success; nothing was transferred, and a person has to decide.
    """
    transfer_id: str | None
    type: Literal["vendor", "fee", "tax"] | str


class SplitPayment(Object):
    """Split payment."""

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
    object: Literal["split_payment"]
    payment_method: str | None
    provider: str | None
    provider_order_id: str | None
    provider_payment_id: str | None
    receipt: str | None
    splits: list[SplitPartShown]
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


class Vendor(Object):
    """Vendor."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    account_details: dict[str, str] | None
    """Masked."""
    account_id: str | None
    """Its account at the provider."""
    charges_enabled: bool | None
    country: str | None
    created: int
    """Unix seconds."""
    created_at: str
    effect_guarantee: Literal["exactly_once", "at_most_once"] | str
    email: str | None
    environment: Literal["test", "live"] | str
    failure: PaymentFailure | None
    id: str
    metadata: dict[str, str]
    name: str
    notes: dict[str, str]
    object: Literal["vendor"]
    onboarding_url: str | None
    """Where the vendor signs up, where the provider wants that."""
    payouts_enabled: bool | None
    provider: str
    requirements: list[str] | None
    split_config: OpenObject | None
    status: Literal["failed", "pending", "active", "restricted", "rejected"] | str
    updated_at: str
    vendor_id: str
    """Your own id of it, else ours."""
    version: int
    """Grows with each change."""


BulkSplitResult._nested = {"data": BulkSplitItem}
SplitPayment._nested = {
    "amount_mismatch": AmountMismatch,
    "cost": Cost,
    "disputes": Dispute,
    "failure": PaymentFailure,
    "splits": SplitPartShown,
}
Vendor._nested = {"failure": PaymentFailure}
