"""PayPal's plans ↔ ours: tables and pure functions.

A plan holds its trial, as a cycle that costs nothing. All plans that we make for an app are of one product: PayPal changes a
subscription's plan only within a product.
Source: https://developer.paypal.com/docs/api/subscriptions/v1/
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import InvalidRequest
from onerouter_common.money import Money
from onerouter_providers.payments.paypal.amounts import check_amount, to_wire
from onerouter_providers.payments.paypal.reading import Thing, known, text_of
from onerouter_providers.resources import PlanRequest, PlanStatus, ResourceSnapshot

FAILURES: Final = 3
"""After so many failed charges in a row PayPal suspends a subscription to a plan of ours."""
TEXT_CHARS: Final = 127
MOST_TRIAL_DAYS: Final = 365
INTERVALS: Final[Mapping[str, tuple[str, int]]] = {
    "day": ("DAY", 365),
    "week": ("WEEK", 52),
    "month": ("MONTH", 12),
    "year": ("YEAR", 1),
}
"""Ours → PayPal's unit, and the most of it that one cycle may last."""

PLAN_STATUS: Final[Mapping[str, PlanStatus]] = {"ACTIVE": "active", "CREATED": "inactive", "INACTIVE": "inactive"}


def product_of(client_id: str) -> str:
    """The id of the product that all our plans of an app are of. PayPal does not say that ids are each account's own."""
    return f"ONEROUTER-{hashlib.sha256(client_id.encode()).hexdigest()[:24].upper()}"


def product_body(product_id: str) -> dict[str, Any]:
    return {"id": product_id, "name": "Subscriptions", "type": "SERVICE"}


def plan_body(request: PlanRequest, product_id: str) -> dict[str, Any]:
    """The body of `POST /v1/billing/plans`. Raises InvalidRequest for what PayPal cannot be told."""
    check_amount(request.amount)
    if not 0 < len(request.name) <= TEXT_CHARS:
        raise InvalidRequest.of("name", f"must have 1 to {TEXT_CHARS} characters at PayPal")
    unit, most = INTERVALS[request.interval]
    if not 1 <= request.interval_count <= most:
        raise InvalidRequest.of("interval_count", f"may be at most {most} for '{request.interval}' at PayPal")
    if not 0 <= request.trial_days <= MOST_TRIAL_DAYS:
        raise InvalidRequest.of("trial_days", f"may be at most {MOST_TRIAL_DAYS} at PayPal")
    trial = [_cycle("TRIAL", 1, "DAY", request.trial_days, 1, Money(0, request.amount.currency))]
    cycles = trial if request.trial_days else []
    return {
        "product_id": product_id,
        "name": request.name,
        "description": _described(request),
        "status": "ACTIVE",
        "billing_cycles": [
            *cycles,
            _cycle("REGULAR", len(cycles) + 1, unit, request.interval_count, 0, request.amount),
        ],
        "payment_preferences": {"auto_bill_outstanding": True, "payment_failure_threshold": FAILURES},
        "quantity_supported": True,
    }


def _cycle(tenure: str, sequence: int, unit: str, count: int, total: int, price: Money) -> dict[str, Any]:
    return {
        "frequency": {"interval_unit": unit, "interval_count": count},
        "tenure_type": tenure,
        "sequence": sequence,
        "total_cycles": total,  # 0: until it is canceled
        "pricing_scheme": {"fixed_price": to_wire(price)},
    }


def _described(request: PlanRequest) -> str:
    """Plans have no field for a reference: our id ends the description."""
    text = f"{request.description} ({request.plan_id})" if request.description else request.plan_id
    if len(text) > TEXT_CHARS:
        room = TEXT_CHARS - len(request.plan_id) - 3
        raise InvalidRequest.of("description", f"may have at most {room} characters at PayPal")
    return text


def is_plan_of(request: PlanRequest, plan: Thing) -> bool:
    """Whether it was made for this request."""
    return (text_of(plan, "description") or "").removesuffix(")").endswith(request.plan_id)


def plan_snapshot(plan: Thing) -> ResourceSnapshot:
    return ResourceSnapshot(
        status=PLAN_STATUS.get(text_of(plan, "status") or "", "inactive"),
        provider_id=text_of(plan, "id") or "",
        facts=known(provider_product_id=text_of(plan, "product_id")),
    )
