"""What we ask of Stripe's subscriptions, and what they say. Pure.

A subscription has one item: the plan's price. Since 2025-03-31 the periods are told of items, the payment of an invoice by
its parent. Pausing is not a status of Stripe's: a subscription whose collection is paused stays `active` there.
"""

import calendar
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import JsonValue

from onerouter_common.errors import InvalidRequest
from onerouter_providers.payments.stripe.amounts import money_of
from onerouter_providers.payments.stripe.form import Value
from onerouter_providers.payments.stripe.metadata import META_ID, metadata
from onerouter_providers.payments.stripe.things import (
    flag,
    id_of,
    items,
    moment,
    number,
    part,
    text,
    without_nothing,
)
from onerouter_providers.resources import (
    CHARGE,
    ResourceSnapshot,
    SubscriptionChange,
    SubscriptionRequest,
    SubscriptionStatus,
)

STATUS: Final[Mapping[str, SubscriptionStatus]] = {
    "incomplete": "pending_authorization",
    "incomplete_expired": "expired",
    "trialing": "trialing",
    "active": "active",
    "past_due": "past_due",
    "unpaid": "unpaid",
    "canceled": "canceled",
    "paused": "paused",
}
META_CYCLES: Final = "onerouter_total_count"
SHOWN: Final = ("latest_invoice.confirmation_secret", "pending_setup_intent")
"""What a subscription is asked to show besides itself: how its payer can agree."""
_RUNNING: Final = frozenset({"trialing", "active", "past_due"})
_DAYS: Final[Mapping[str, int]] = {"day": 1, "week": 7, "month": 30, "year": 365}
_LONGEST_DAYS: Final = 36_500
_MARGIN: Final = timedelta(hours=1)
"""A last cycle ends so much early, or a clock of ours that is fast would let another one begin."""


def create_params(
    request: SubscriptionRequest, customer_id: str, cycle: tuple[str, int], now: float
) -> dict[str, Value]:
    """The body of `POST /v1/subscriptions`: nothing is charged before the payer agrees.

    `cycle`: the plan's interval and how many of them one cycle has. Stripe counts no cycles, so it is told the end; which is
    counted from the hour before now, so that a repeat within the hour is the same to the byte.

    `customer_notify` and the payer's way back are settings of the account at Stripe: preferences that cannot be told.
    """
    ours = {META_ID: request.subscription_id}
    cycles = {META_CYCLES: None if request.total_count is None else str(request.total_count)}
    params: dict[str, Value] = {
        "customer": customer_id,
        "items": ({"price": request.provider_plan_id, "quantity": request.quantity},),
        "collection_method": "charge_automatically",
        "payment_behavior": "default_incomplete",
        "payment_settings": {"save_default_payment_method": "on_subscription"},
        "metadata": metadata(ours, request.notes, cycles),
        "expand": SHOWN,
    }
    if request.start_at is not None:
        # Stripe has no later start but a trial, which charges nothing and starts the cycles when it ends.
        params["trial_end"] = int((request.start_at + timedelta(days=request.trial_days)).timestamp())
    elif request.trial_days:
        params["trial_period_days"] = request.trial_days
    if request.total_count is not None:
        params["cancel_at"] = _end_of(request, request.total_count, cycle, now)
        params["proration_behavior"] = "none"
    return params


def change_params(change: SubscriptionChange, subscription: Mapping[str, Any]) -> dict[str, Value]:
    """The body that gives the one item another price. Without the item's id it would be a second item."""
    item: dict[str, Value] = {"id": text(_item(subscription), "id") or ""}
    if change.provider_plan_id is not None:
        item["price"] = change.provider_plan_id
    if change.quantity is not None:
        item["quantity"] = change.quantity
    return {
        "items": (item,),
        "proration_behavior": "create_prorations" if change.prorate else "none",
        "payment_behavior": "error_if_incomplete",
        "expand": SHOWN,
    }


def is_changed(change: SubscriptionChange, subscription: Mapping[str, Any]) -> bool:
    item = _item(subscription)
    return change.provider_plan_id in (None, id_of(item, "price")) and change.quantity in (
        None,
        number(item, "quantity"),
    )


def status_of(subscription: Mapping[str, Any]) -> SubscriptionStatus | None:
    """None for a word we have not met."""
    word = text(subscription, "status") or ""
    if word in _RUNNING and part(subscription, "pause_collection"):
        return "paused"
    if word == "canceled" and _ran_its_course(subscription):
        return "completed"
    return STATUS.get(word)


def snapshot(subscription: Mapping[str, Any], status: str) -> ResourceSnapshot:
    item = _item(subscription)
    ends = flag(subscription, "cancel_at_period_end") is True
    period_end = moment(item, "current_period_end") or moment(subscription, "current_period_end")
    invoice = part(subscription, "latest_invoice")
    facts: dict[str, JsonValue] = {
        "provider_plan_id": id_of(item, "price"),
        "provider_customer_id": id_of(subscription, "customer"),
        "quantity": number(item, "quantity"),
        "trial_end": moment(subscription, "trial_end"),
        "current_period_start": moment(item, "current_period_start") or moment(subscription, "current_period_start"),
        "current_period_end": period_end,
        "next_charge_at": period_end if status in ("trialing", "active") and not ends else None,
        "cancel_at_cycle_end": ends,
    }
    if status == "pending_authorization":
        facts["approve_url"] = text(invoice, "hosted_invoice_url")
    if status in ("pending_authorization", "trialing"):
        facts["client_secret"] = text(part(invoice, "confirmation_secret"), "client_secret") or text(
            part(subscription, "pending_setup_intent"), "client_secret"
        )
    paid = charge_of(invoice) if text(invoice, "status") == "paid" else {}
    return ResourceSnapshot(status, text(subscription, "id") or "", facts=without_nothing({**facts, **paid}))


def charge_of(invoice: Mapping[str, Any], *, failed: bool = False) -> dict[str, JsonValue]:
    """One try to charge a cycle as a fact; nothing for an invoice over nothing (a trial's)."""
    money = money_of(invoice, "amount_due" if failed else "amount_paid")
    at = moment(part(invoice, "status_transitions"), "paid_at") or moment(invoice, "created")
    invoice_id = text(invoice, "id")
    if money is None or not money.amount_minor or invoice_id is None:
        return {}
    return {
        f"{CHARGE}{invoice_id}": {
            "amount_minor": money.amount_minor,
            "currency": money.currency,
            "at": at,
            "status": "failed" if failed else "succeeded",
        }
    }


def subscription_of(invoice: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """The id of the subscription that an invoice charges, and what carries its metadata."""
    details = part(part(invoice, "parent"), "subscription_details")
    return id_of(details, "subscription"), details


def _item(subscription: Mapping[str, Any]) -> Mapping[str, Any]:
    found = items(subscription, "items")
    return found[0] if found else {}


def _ran_its_course(subscription: Mapping[str, Any]) -> bool:
    """Whether it ended because all its cycles were charged: by the end that we gave it, and nobody earlier."""
    end, ended = number(subscription, "cancel_at"), number(subscription, "ended_at")
    counted = text(part(subscription, "metadata"), META_CYCLES) is not None
    return (
        counted
        and end is not None
        and ended is not None
        and ended >= end
        and not flag(subscription, "cancel_at_period_end")
    )


def _end_of(request: SubscriptionRequest, cycles: int, cycle: tuple[str, int], now: float) -> int:
    """Shortly before the cycle after the last would begin, in seconds."""
    begin = datetime.fromtimestamp(now - now % 3_600, UTC)
    if request.start_at is not None:
        begin = request.start_at
    begin += timedelta(days=request.trial_days)
    interval, count = cycle
    if cycles * count * _DAYS.get(interval, 1) > _LONGEST_DAYS:
        raise InvalidRequest.of("total_count", "is more cycles than fit into a hundred years")
    match interval:
        case "day":
            end = begin + timedelta(days=cycles * count)
        case "week":
            end = begin + timedelta(weeks=cycles * count)
        case "year":
            end = _months_later(begin, 12 * cycles * count)
        case _:
            end = _months_later(begin, cycles * count)
    return int((end - _MARGIN).timestamp())


def _months_later(moment_: datetime, months: int) -> datetime:
    """The same day, or the month's last where it has no such day: as Stripe counts."""
    years, month = divmod(moment_.month - 1 + months, 12)
    year = moment_.year + years
    last = calendar.monthrange(year, month + 1)[1]
    return moment_.replace(year=year, month=month + 1, day=min(moment_.day, last))
