"""Plans and subscriptions in Razorpay's words. Tables and pure functions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import JsonValue

from onerouter_common.errors import InvalidRequest
from onerouter_providers.payments.razorpay import fields, mapping
from onerouter_providers.payments.razorpay.fields import Thing
from onerouter_providers.resources import (
    CHARGE,
    PlanRequest,
    ResourceSnapshot,
    SubscriptionRequest,
    SubscriptionStatus,
)

DAY_S: Final = 86_400
PERIODS: Final = {"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}
_LEAST_DAYS: Final = 7
"""Razorpay charges at most once a week."""
_CYCLES_OF_A_CENTURY: Final = {"daily": 36_500, "weekly": 5_200, "monthly": 1_200, "quarterly": 400, "yearly": 100}
"""There is no endless subscription; the longest runs for 100 years."""

SUBSCRIPTION_STATUS: Final[Mapping[str, SubscriptionStatus]] = {
    "created": "pending_authorization",
    # Only what begins later is ever authenticated: with an immediate start it stays created until its first charge.
    "authenticated": "trialing",
    "active": "active",
    "pending": "past_due",
    "halted": "unpaid",
    "paused": "paused",
    "cancelled": "canceled",
    "completed": "completed",
    "expired": "expired",
}
UNCHANGED: Final = "unchanged"
"""For a word we have not met: only facts are told."""
_CHARGE_STATUS: Final[Mapping[str, str]] = {"captured": "succeeded", "refunded": "succeeded", "failed": "failed"}
"""Of the payment of a charge; before these it is not decided."""


def plan_body(request: PlanRequest) -> dict[str, Any]:
    """The body of `POST /v1/plans`. Trials are not of a plan here: they move a subscription's start."""
    mapping.check_amount(request.amount)
    if request.interval == "day" and request.interval_count < _LEAST_DAYS:
        raise InvalidRequest.of("interval_count", f"must be at least {_LEAST_DAYS} for a plan by the day at Razorpay")
    item: dict[str, Any] = {
        "name": request.name,
        "amount": request.amount.amount_minor,
        "currency": request.amount.currency,
    }
    if request.description:
        item["description"] = request.description
    return {
        "period": PERIODS[request.interval],
        "interval": request.interval_count,
        "item": item,
        "notes": fields.notes({fields.NOTE_ID: request.plan_id}, request.notes),
    }


def plan_snapshot(plan: Thing) -> ResourceSnapshot:
    item = fields.part(plan, "item")
    return ResourceSnapshot(
        status="inactive" if item.get("active") is False else "active",
        provider_id=fields.text(plan, "id") or "",
        facts=fields.known(provider_product_id=fields.text(item, "id")),
    )


def most_cycles(period: str | None, interval: int | None) -> int:
    """How many times a plan can be charged at most."""
    return max(1, _CYCLES_OF_A_CENTURY.get(period or "", 100) // max(1, interval or 1))


def start_at(request: SubscriptionRequest, now_s: float) -> int | None:
    """Unix seconds of the first charge, after the free days; None: at once. Free days count from the start asked for."""
    begins = request.start_at.timestamp() if request.start_at else None
    free_days = request.trial_days or (request.plan.trial_days if request.plan else 0)
    if not free_days:
        return None if begins is None or begins <= now_s else int(begins)
    return int(max(begins or now_s, now_s)) + free_days * DAY_S


def subscription_body(request: SubscriptionRequest, *, total_count: int, now_s: float) -> dict[str, Any]:
    """The body of `POST /v1/subscriptions`. The customer is known to Razorpay once the payer has agreed."""
    body: dict[str, Any] = {
        "plan_id": request.provider_plan_id,
        "total_count": total_count,
        "quantity": request.quantity,
        "customer_notify": request.customer_notify,
        "notes": fields.notes({fields.NOTE_ID: request.subscription_id}, request.notes),
    }
    begins = start_at(request, now_s)
    if begins is not None:
        body["start_at"] = begins
    return body


def subscription_snapshot(subscription: Thing, **more: JsonValue) -> ResourceSnapshot:
    """`more`: facts that the object itself does not tell."""
    word = fields.text(subscription, "status") or ""
    before_charges = word in ("created", "authenticated")
    facts = fields.known(
        approve_url=fields.text(subscription, "short_url"),
        provider_plan_id=fields.text(subscription, "plan_id"),
        provider_customer_id=fields.text(subscription, "customer_id"),
        quantity=fields.whole(subscription, "quantity"),
        trial_end=fields.moment(subscription, "start_at") if before_charges else None,
        current_period_start=fields.moment(subscription, "current_start"),
        current_period_end=fields.moment(subscription, "current_end"),
        next_charge_at=fields.moment(subscription, "charge_at"),
        paid_count=fields.whole(subscription, "paid_count"),
        remaining_count=fields.whole(subscription, "remaining_count"),
        failed_count=fields.whole(subscription, "auth_attempts"),
    )
    return ResourceSnapshot(
        status=SUBSCRIPTION_STATUS.get(word, UNCHANGED),
        provider_id=fields.text(subscription, "id") or "",
        facts={**facts, **more},
    )


def charge_of_payment(payment: Thing) -> dict[str, JsonValue]:
    """The fact that a subscription was charged, or could not be, as a callback's payment tells it; empty for neither."""
    payment_id, amount = fields.text(payment, "id"), fields.money(payment)
    status = _CHARGE_STATUS.get(fields.text(payment, "status") or "")
    at = fields.moment(payment, "created_at")
    if payment_id is None or amount is None or status is None or at is None:
        return {}
    return {CHARGE + payment_id: _charge(amount.amount_minor, amount.currency, at, status)}


def charges_of_invoices(invoices: list[Thing]) -> dict[str, JsonValue]:
    """The same of a subscription's paid invoices: what a callback that never came would have told."""
    charges: dict[str, JsonValue] = {}
    for invoice in invoices:
        payment_id, paid = fields.text(invoice, "payment_id"), fields.money(invoice, "amount_paid")
        at = fields.moment(invoice, "paid_at")
        if invoice.get("status") == "paid" and payment_id and paid and at:
            charges[CHARGE + payment_id] = _charge(paid.amount_minor, paid.currency, at, "succeeded")
    return charges


def _charge(amount_minor: int, currency: str, at: str, status: str) -> dict[str, JsonValue]:
    return {"amount_minor": amount_minor, "currency": currency, "at": at, "status": status}


def with_facts(shown: ResourceSnapshot, **more: JsonValue) -> ResourceSnapshot:
    return replace(shown, facts={**shown.facts, **more})
