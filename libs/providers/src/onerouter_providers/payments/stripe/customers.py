"""Customers, who own saved methods and subscriptions."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import InvalidRequest
from onerouter_providers.payments.stripe.form import Value
from onerouter_providers.payments.stripe.metadata import META_ID, metadata
from onerouter_providers.payments.stripe.part import Part
from onerouter_providers.payments.stripe.things import flag, text, without_nothing
from onerouter_providers.payments.stripe.wire import segment
from onerouter_providers.resources import CustomerRequest, ResourceReference, ResourceSnapshot

CUSTOMERS: Final = "/v1/customers"
_MOST: Final[Mapping[str, int]] = {"name": 256, "email": 512, "phone": 20}
"""Characters that Stripe takes."""


class Customers(Part):
    """`KeepsCustomers`."""

    async def create_customer(self, request: CustomerRequest, *, key: str) -> ResourceSnapshot:
        params, deadline = customer_params(request), self._wire.deadline()

        async def look() -> Mapping[str, Any] | None:
            return await self._find_customer(request, deadline)

        return customer_snapshot(await self._make("customer.create", CUSTOMERS, params, deadline, key=key, look=look))

    async def find_customer(self, request: CustomerRequest) -> ResourceSnapshot | None:
        found = await self._find_customer(request, self._wire.deadline())
        return None if found is None else customer_snapshot(found)

    async def get_customer(self, reference: ResourceReference) -> ResourceSnapshot:
        path = f"{CUSTOMERS}/{segment(reference.provider_id)}"
        return customer_snapshot(await self._wire.get("customer.get", path, self._wire.deadline()))

    async def _find_customer(self, request: CustomerRequest, deadline: float) -> Mapping[str, Any] | None:
        # Stripe compares the address letter by letter, as it was given.
        query = {"email": request.email} if request.email else {}
        return await self._finder.named(
            "customer.find", CUSTOMERS, request.customer_id, deadline, query, searchable=not request.email
        )


def customer_params(request: CustomerRequest) -> dict[str, Value]:
    """The body of `POST /v1/customers`."""
    return {
        **details_params({"name": request.name, "email": request.email, "phone": request.phone}),
        "metadata": metadata({META_ID: request.customer_id}, request.notes),
    }


def details_params(details: Mapping[str, str | None]) -> dict[str, Value]:
    """name, email and phone, as far as they are known. Raises InvalidRequest that names the field."""
    params: dict[str, Value] = {}
    for name, most in _MOST.items():
        value = details.get(name)
        if value and len(value) > most:
            raise InvalidRequest.of(name, f"may have at most {most} characters at Stripe")
        if value:
            params[name] = value
    return params


def customer_snapshot(customer: Mapping[str, Any]) -> ResourceSnapshot:
    """A deleted one says nothing but that."""
    return ResourceSnapshot(
        status="deleted" if flag(customer, "deleted") else "active",
        provider_id=text(customer, "id") or "",
        facts=without_nothing({name: text(customer, name) or None for name in _MOST}),
    )
