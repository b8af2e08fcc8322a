"""Plans: recurring prices, each with a product of its own.

A price cannot be changed, and its lookup key names our plan: only one price of an account may have it.
"""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import InvalidRequest
from onerouter_providers.payments.stripe.amounts import to_wire
from onerouter_providers.payments.stripe.form import Value
from onerouter_providers.payments.stripe.metadata import META_ID, metadata
from onerouter_providers.payments.stripe.part import Part
from onerouter_providers.payments.stripe.things import flag, id_of, text, without_nothing
from onerouter_providers.payments.stripe.wire import items_of, segment
from onerouter_providers.resources import PlanRequest, ResourceReference, ResourceSnapshot

PRICES: Final = "/v1/prices"
LONGEST: Final[Mapping[str, int]] = {"day": 1_095, "week": 156, "month": 36, "year": 3}
"""Three years: the longest cycle that Stripe bills."""
_NAME_CHARS: Final = 250


class Plans(Part):
    """`OffersPlans`."""

    async def create_plan(self, request: PlanRequest, *, key: str) -> ResourceSnapshot:
        params, deadline = plan_params(request), self._wire.deadline()

        async def look() -> Mapping[str, Any] | None:
            return await self._find_price(request, deadline)

        return plan_snapshot(await self._make("plan.create", PRICES, params, deadline, key=key, look=look))

    async def find_plan(self, request: PlanRequest) -> ResourceSnapshot | None:
        found = await self._find_price(request, self._wire.deadline())
        return None if found is None else plan_snapshot(found)

    async def get_plan(self, reference: ResourceReference) -> ResourceSnapshot:
        path = f"{PRICES}/{segment(reference.provider_id)}"
        return plan_snapshot(await self._wire.get("plan.get", path, self._wire.deadline()))

    async def _find_price(self, request: PlanRequest, deadline: float) -> Mapping[str, Any] | None:
        query = {"lookup_keys[0]": request.plan_id, "limit": "10"}
        found = items_of(await self._wire.get("plan.find", PRICES, deadline, query), "plan.find")
        return next((price for price in found if text(price, "lookup_key") == request.plan_id), None)


def plan_params(request: PlanRequest) -> dict[str, Value]:
    """The body of `POST /v1/prices`. Trials are kept with subscriptions, not here."""
    if not 1 <= request.interval_count <= LONGEST[request.interval]:
        raise InvalidRequest.of(
            "interval_count", f"must be 1 to {LONGEST[request.interval]}: Stripe bills every 3 years"
        )
    if not request.name.strip() or len(request.name) > _NAME_CHARS:
        raise InvalidRequest.of("name", f"must have 1 to {_NAME_CHARS} characters at Stripe")
    ours = {META_ID: request.plan_id}
    params: dict[str, Value] = {
        "currency": request.amount.currency.lower(),
        "unit_amount": to_wire(request.amount),
        "recurring": {"interval": request.interval, "interval_count": request.interval_count},
        "product_data": {"name": request.name, "metadata": dict(ours)},
        "lookup_key": request.plan_id,
        "metadata": metadata(ours, request.notes),
    }
    if request.description:
        params["nickname"] = request.description[:_NAME_CHARS]
    return params


def plan_snapshot(price: Mapping[str, Any]) -> ResourceSnapshot:
    return ResourceSnapshot(
        status="inactive" if flag(price, "active") is False else "active",
        provider_id=text(price, "id") or "",
        facts=without_nothing({"provider_product_id": id_of(price, "product")}),
    )
