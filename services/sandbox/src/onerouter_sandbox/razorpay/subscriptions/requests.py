"""Razorpay's rules for plans and subscriptions.

Source: https://razorpay.com/docs/api/payments/subscriptions/
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from onerouter_sandbox.razorpay import fields
from onerouter_sandbox.razorpay.errors import refused
from onerouter_sandbox.razorpay.subscriptions.model import Plan
from onerouter_sandbox.razorpay.subscriptions.periods import PERIODS, fits

_PLAN: Final = frozenset({"period", "interval", "item", "notes"})
_ITEM: Final = frozenset({"name", "amount", "currency", "description"})
_CREATE: Final = frozenset(
    [
        "plan_id",
        "total_count",
        "quantity",
        "start_at",
        "expire_by",
        "customer_notify",
        "customer_id",
        "addons",
        "offer_id",
        "notes",
        "notify_info",
    ]
)
_UPDATE: Final = frozenset(
    ["plan_id", "offer_id", "quantity", "remaining_count", "start_at", "schedule_change_at", "customer_notify"]
)
_SHORTEST_DAILY: Final = 7

When = Literal["now", "cycle_end"]


@dataclass(frozen=True, slots=True)
class PlanRequest:
    period: str
    interval: int
    name: str
    description: str | None
    amount: int
    currency: str
    notes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    total_count: int
    quantity: int
    start_at: int | None
    expire_by: int | None
    customer_notify: bool
    addons: list[dict[str, Any]]
    notes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SubscriptionUpdate:
    """None is no change."""

    plan_id: str | None
    quantity: int | None
    remaining_count: int | None
    start_at: int | None
    customer_notify: bool | None
    when: When


def plan_request(body: dict[str, Any]) -> PlanRequest:
    fields.only(body, _PLAN)
    period = fields.needed(body, "period")
    if period not in PERIODS:
        raise refused("Not a valid period: " + period, field="period")
    interval = fields.number(body, "interval") or 1
    if period == "daily" and interval < _SHORTEST_DAILY:
        raise refused("Interval must be at least 7 for daily plans", field="interval")
    item = fields.mapping(body, "item")
    fields.only(item, _ITEM)
    currency = fields.currency(item, required=True) or ""
    return PlanRequest(
        period=period,
        interval=interval,
        name=fields.needed(item, "name"),
        description=fields.text(item, "description", most=2_048),
        amount=fields.amount(item, currency, subject="Plan"),
        currency=currency,
        notes=fields.notes(body),
    )


def subscription_request(body: dict[str, Any], plan: Plan, now: float) -> SubscriptionRequest:
    fields.only(body, _CREATE)
    total_count = fields.number(body, "total_count")
    if total_count is None:
        raise refused("The total count field is required.", field="total_count")
    if not fits(plan.period, plan.interval, total_count):
        raise refused("Subscriptions are supported for a maximum duration of 100 years.", field="total_count")
    notify = fields.flag(body, "customer_notify")
    return SubscriptionRequest(
        total_count=total_count,
        quantity=fields.number(body, "quantity") or 1,
        start_at=_future(body, "start_at", now),
        expire_by=_future(body, "expire_by", now),
        customer_notify=True if notify is None else notify,
        addons=[_addon(each, plan) for each in fields.listing(body, "addons")],
        notes=fields.notes(body),
    )


def subscription_update(body: dict[str, Any], now: float) -> SubscriptionUpdate:
    fields.only(body, _UPDATE)
    when = body.get("schedule_change_at", "now")
    if when not in ("now", "cycle_end"):
        raise refused("The schedule_change_at must be either now or cycle_end.", field="schedule_change_at")
    return SubscriptionUpdate(
        plan_id=fields.text(body, "plan_id"),
        quantity=fields.number(body, "quantity"),
        remaining_count=fields.number(body, "remaining_count"),
        start_at=_future(body, "start_at", now),
        customer_notify=fields.flag(body, "customer_notify"),
        when=when,
    )


def _addon(addon: dict[str, Any], plan: Plan) -> dict[str, Any]:
    item = fields.mapping(addon, "item")
    currency = fields.currency(item, required=False) or plan.currency
    if currency != plan.currency:
        raise refused("The currency of an addon must be that of the plan.", field="currency")
    return {
        "name": fields.text(item, "name") or "Upfront amount",
        "amount": fields.amount(item, currency, subject="Addon"),
        "quantity": fields.number(addon, "quantity") or 1,
    }


def _future(body: dict[str, Any], name: str, now: float) -> int | None:
    moment = fields.number(body, name)
    if moment is not None and moment <= now:
        raise refused(f"{name} cannot be lesser than the current time.", field=name)
    return moment
