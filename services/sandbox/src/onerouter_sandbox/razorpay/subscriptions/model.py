"""Plans, subscriptions and invoices as they are kept."""

from dataclasses import dataclass, field
from typing import Any

from onerouter_sandbox.razorpay.shelf import Slotted
from onerouter_sandbox.razorpay.subscriptions.periods import boundary


@dataclass(slots=True)
class Plan(Slotted):
    id: str
    account: str
    item_id: str
    period: str
    interval: int
    name: str
    description: str | None
    amount: int
    currency: str
    notes: dict[str, Any]
    created_at: int


@dataclass(slots=True)
class Subscription(Slotted):
    """`anchor` is when the first cycle of the present rhythm began, `turn` how many whole ones have passed since.

    `issued` counts the cycles an invoice was made for, `paid_count` those that were paid. `change` waits for the cycle's end.
    `failures_left` of the next charges fail (-1: all), for `failure_reason`. `wakes_at` is when the clock next has a say.
    """

    id: str
    account: str
    plan_id: str
    total_count: int
    quantity: int
    customer_notify: bool
    notes: dict[str, Any]
    addons: list[dict[str, Any]]
    start_at: int | None
    expire_by: int | None
    short_url: str
    created_at: int
    status: str = "created"
    customer_id: str | None = None
    token_id: str | None = None
    method: str | None = None
    anchor: int | None = None
    turn: int = 0
    issued: int = 0
    paid_count: int = 0
    current_start: int | None = None
    current_end: int | None = None
    auth_attempts: int = 0
    retry_at: int | None = None
    open_invoice: str | None = None
    ended_at: int | None = None
    paused_at: int | None = None
    cancels_at_end: bool = False
    change: dict[str, Any] | None = None
    failures_left: int = 0
    failure_reason: str = "payment_failed"
    wakes_at: int | None = None
    invoices: list[str] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        return max(0, self.total_count - self.issued)

    @property
    def goes_on(self) -> bool:
        """Whether something happens at the end of the current cycle."""
        return self.cancels_at_end or self.remaining > 0

    @property
    def charge_at(self) -> int | None:
        if self.status in ("created", "authenticated"):
            return self.start_at
        if self.status in ("active", "pending", "halted") and self.remaining and not self.cancels_at_end:
            return self.current_end
        return None

    def begin_cycle(self, plan: Plan) -> None:
        """Set the current cycle to that of `anchor` and `turn`."""
        anchor = self.anchor or 0
        self.current_start = boundary(anchor, plan.period, plan.interval, self.turn)
        self.current_end = boundary(anchor, plan.period, plan.interval, self.turn + 1)

    def end_at(self, plan: Plan) -> int | None:
        """When the last charge is due."""
        if self.cancels_at_end:
            return self.current_end
        if self.anchor is None:
            return None if self.start_at is None else self._last(self.start_at, plan, self.total_count - 1)
        return self._last(self.anchor, plan, self.turn + self.remaining)

    def next_wake(self) -> int | None:
        """When the clock next has a say, as things stand."""
        match self.status:
            case "created":
                return min((at for at in (self.start_at, self.expire_by) if at is not None), default=None)
            case "authenticated":
                return self.start_at
            case "active" | "halted":
                return self.current_end if self.goes_on else None
            case "pending":
                ends = self.current_end if self.goes_on else None
                return min((at for at in (self.retry_at, ends) if at is not None), default=None)
            case _:
                return None

    def _last(self, anchor: int, plan: Plan, turns: int) -> int:
        return boundary(anchor, plan.period, plan.interval, turns)


@dataclass(slots=True)
class Invoice(Slotted):
    """Of one cycle, or without a `cycle` of what is due beside the cycles (an upfront amount, a change of plan)."""

    id: str
    account: str
    subscription_id: str
    customer_id: str | None
    order_id: str
    amount: int
    currency: str
    line_items: list[dict[str, Any]]
    cycle: int | None
    billing_start: int | None
    billing_end: int | None
    created_at: int
    status: str = "issued"
    payment_id: str | None = None
    paid_at: int | None = None
