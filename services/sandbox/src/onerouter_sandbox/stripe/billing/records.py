"""What billing remembers. Times in seconds since 1970 by the account's clock, amounts as Stripe counts them."""

from dataclasses import dataclass, field
from typing import Any, TypedDict

from onerouter_sandbox.stripe.state import Slotted


class Item(TypedDict):
    """One price of a subscription."""

    id: str
    price: str
    quantity: int
    created: int
    metadata: dict[str, str]


class Line(TypedDict):
    """One line of an invoice; `amount` is negative for a credit."""

    description: str
    amount: int
    price: str
    quantity: int
    proration: bool
    start: int
    end: int


@dataclass(slots=True)
class Subscription(Slotted):
    """`cycle` counts the periods that were to be paid for; `pending` goes onto the next invoice.

    `declines`: why the next charge fails whatever the method (asked for by the control API).
    """

    id: str
    account: str
    created: int
    customer: str
    currency: str
    items: list[Item]
    metadata: dict[str, str]
    anchor: int
    period_start: int
    period_end: int
    pages: str
    status: str = "incomplete"
    trial_start: int | None = None
    trial_end: int | None = None
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    ended_at: int | None = None
    cancellation: dict[str, str | None] = field(default_factory=dict)
    pause_collection: dict[str, Any] | None = None
    default_method: str | None = None
    save_default: str = "off"
    missing_method: str = "create_invoice"
    latest_invoice: str | None = None
    pending_setup: str | None = None
    description: str | None = None
    cycle: int = 0
    pending: list[Line] = field(default_factory=list)
    declines: str | None = None

    @property
    def over(self) -> bool:
        return self.status in ("canceled", "incomplete_expired")


@dataclass(slots=True)
class Invoice(Slotted):
    """`cycle` is that of the subscription it charges; None for what a change of plan costs."""

    id: str
    account: str
    created: int
    customer: str
    subscription: str
    metadata: dict[str, str]
    currency: str
    reason: str
    lines: list[Line]
    period_start: int
    period_end: int
    url: str
    cycle: int | None
    number: str | None = None
    status: str = "draft"
    amount_due: int = 0
    amount_paid: int = 0
    starting_balance: int = 0
    ending_balance: int | None = None
    attempts: int = 0
    attempted: bool = False
    next_attempt: int | None = None
    intent: str | None = None
    auto_advance: bool = True
    finalized_at: int | None = None
    paid_at: int | None = None
    voided_at: int | None = None
    uncollectible_at: int | None = None

    @property
    def total(self) -> int:
        return sum(line["amount"] for line in self.lines)
