"""Customers. Razorpay keeps one for each pair of e-mail and number and, asked so, answers a repeat with it."""

from typing import Any, Final

from onerouter_common.errors import InvalidRequest
from onerouter_providers.payments.razorpay import fields
from onerouter_providers.payments.razorpay.fields import Thing
from onerouter_providers.payments.razorpay.part import Part
from onerouter_providers.payments.razorpay.wire import segment, strange
from onerouter_providers.resources import CustomerRequest, ResourceReference, ResourceSnapshot

CUSTOMERS: Final = "/v1/customers"


class Customers(Part):
    async def create_customer(self, request: CustomerRequest, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        """The customer with this e-mail and number, made now or there already."""
        body = customer_body(request)
        customer = await self._wire.post("customer.create", CUSTOMERS, body, self._wire.deadline())
        if not customer.get("id"):
            raise strange("customer.create", "a customer without an id", effect=True)
        return customer_snapshot(customer)

    async def find_customer(self, request: CustomerRequest) -> ResourceSnapshot | None:
        """The one that was made for this request; a create that was answered with somebody else's made none."""
        deadline = self._wire.deadline()
        async for customers in self._wire.pages("customer.find", CUSTOMERS, {}, deadline):
            found = fields.noted(customers, request.customer_id)
            if found is not None:
                return customer_snapshot(found)
        return None

    async def get_customer(self, reference: ResourceReference) -> ResourceSnapshot:
        path = f"{CUSTOMERS}/{segment(reference.provider_id, 'customer')}"
        return customer_snapshot(await self._wire.get("customer.get", path, self._wire.deadline()))


def customer_body(request: CustomerRequest) -> dict[str, Any]:
    if not request.email and not request.phone:
        raise InvalidRequest.of("email", "or a phone number is needed: Razorpay tells customers apart by them")
    fields.check_length("name", request.name, least=3, most=50)
    fields.check_length("email", request.email, most=64)
    fields.check_length("phone", request.phone, least=8, most=15)
    given = fields.known(name=request.name, email=request.email, contact=request.phone)
    return {
        **given,
        "fail_existing": "0",
        "notes": fields.notes({fields.NOTE_ID: request.customer_id}, request.notes),
    }


def customer_snapshot(customer: Thing) -> ResourceSnapshot:
    contact = customer.get("contact")  # older objects have a number here
    return ResourceSnapshot(
        status="active",
        provider_id=fields.text(customer, "id") or "",
        facts=fields.known(
            name=fields.text(customer, "name"),
            email=fields.text(customer, "email"),
            phone=str(contact) if contact else None,
        ),
    )
