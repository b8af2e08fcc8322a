"""A payer's agreement to be charged again and again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue

from onerouter_common.ids import SUBSCRIPTION
from onerouter_payments.resource.charges import is_payment, payment_id_of
from onerouter_payments.resource.kind import Kind, statuses
from onerouter_payments.resource.shown import asked, facts, head, moments, money, tail
from onerouter_payments.resource.state import Resource
from onerouter_providers.resources import CHARGE

LIVE: Final = ("trialing", "active", "past_due", "unpaid", "paused")
_ENDED: Final = frozenset({"completed", "expired", "canceled"})
_CHARGES_SHOWN: Final = 12
_CALLBACK_OVERDUE: Final = timedelta(hours=1)
_QUIET_FOR: Final = timedelta(days=1)
"""After what went wrong or was paused: then it is asked whether it still is so."""
_SHOWN: Final = (
    "client_secret",
    "provider_customer_id",
    "paid_count",
    "remaining_count",
)
_MOMENTS: Final = ("trial_end", "current_period_start", "current_period_end", "next_charge_at")


def _view(resource: Resource) -> dict[str, JsonValue]:
    provider_plan_id = resource.text("provider_plan_id") or resource.asked("provider_plan_id")
    pending = resource.asked("pending_provider_plan_id")
    has_changed = pending is not None and pending == provider_plan_id
    return {
        **head(resource, "provider_subscription_id"),
        # A change that waited may have come true meanwhile: the provider tells of its own plan only.
        "plan_id": resource.data.get("pending_plan_id" if has_changed else "plan_id"),
        "provider_plan_id": provider_plan_id,
        "customer_id": resource.customer_id,
        "checkout_url": resource.fact("approve_url"),
        **facts(resource, _SHOWN),
        **moments(resource, _MOMENTS),
        **asked(resource, ("total_count", "trial_days", "start_at", "customer_notify")),
        "quantity": resource.fact("quantity") or resource.data.get("quantity"),
        "cancel_at_cycle_end": bool(resource.fact("cancel_at_cycle_end") or resource.data.get("cancel_at")),
        "cancel_at": resource.data.get("cancel_at"),
        "pause_at": resource.data.get("pause_at"),
        "pending_plan_id": None if has_changed else resource.data.get("pending_plan_id"),
        "charges": _charges(resource),
        **tail(resource),
    }


def _charges(resource: Resource) -> list[JsonValue]:
    """The latest, newest first."""
    charges: list[dict[str, JsonValue]] = []
    for name in resource.facts:
        told = resource.fact(name)
        if name.startswith(CHARGE) and isinstance(told, dict):
            charge: dict[str, JsonValue] = {
                "payment_id": payment_id_of(resource, name.removeprefix(CHARGE)) if is_payment(told) else None,
                "provider_payment_id": name.removeprefix(CHARGE),
                "status": told.get("status"),
                **money(told.get("amount_minor"), told.get("currency")),
                "at": told.get("at"),
            }
            charges.append(charge)
    newest = sorted(charges, key=lambda charge: (str(charge["at"]), str(charge["provider_payment_id"])), reverse=True)
    return list(newest[:_CHARGES_SHOWN])


def _next_look(resource: Resource) -> datetime | None:
    """Shortly after the provider should have charged and told: a missed callback is then found by asking."""
    if resource.status in ("past_due", "unpaid", "paused"):
        return resource.updated_at + _QUIET_FOR
    if resource.status not in ("trialing", "active"):
        return None
    due = resource.moment("next_charge_at") or resource.moment("current_period_end") or resource.moment("trial_end")
    return None if due is None else due + _CALLBACK_OVERDUE


def _implied(resource: Resource) -> tuple[str, datetime] | None:
    """Trials are free: one that was charged for has ended, also where nobody says so (PayPal)."""
    if resource.status != "trialing":
        return None
    paid = [fact.as_of for name, fact in resource.facts.items() if name.startswith(CHARGE) and is_payment(fact.value)]
    latest = max(paid, default=None)
    return None if latest is None or latest <= resource.status_as_of else ("active", latest)


_EVENTS: Final[Mapping[str | tuple[str, str], str]] = {
    ("paused", "active"): "subscription.resumed",
    ("past_due", "active"): "subscription.recovered",
    ("unpaid", "active"): "subscription.recovered",
    "active": "subscription.activated",
    "trialing": "subscription.authenticated",
    "past_due": "subscription.past_due",
    "unpaid": "subscription.unpaid",
    "paused": "subscription.paused",
    "completed": "subscription.completed",
    "expired": "subscription.expired",
    "canceled": "subscription.canceled",
}

SUBSCRIPTION_KIND: Final = Kind(
    name="subscription",
    prefix=SUBSCRIPTION,
    weights=statuses("pending_authorization", LIVE, "completed", "expired", "canceled"),
    view=_view,
    get=lambda client, resource: client.get_subscription(resource.reference),
    final=_ENDED,
    polled=frozenset({"pending_authorization"}),
    quiet=frozenset({"pending_authorization"}),
    events=_EVENTS,
    next_look=_next_look,
    implied=_implied,
    filters={"plan_id": "parent_id", "customer_id": "customer_id"},
)
