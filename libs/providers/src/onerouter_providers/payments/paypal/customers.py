"""Customers, of whom PayPal has none: a payer has an account there that no merchant makes."""

from onerouter_providers.payments.paypal.part import Part
from onerouter_providers.payments.paypal.reading import known
from onerouter_providers.resources import CustomerRequest, ResourceReference, ResourceSnapshot


class Customers(Part):
    """`KeepsCustomers`, with us alone: nothing is sent, our id is the customer's."""

    async def create_customer(self, request: CustomerRequest, *, key: str) -> ResourceSnapshot:  # noqa: ARG002
        return _snapshot(request)

    async def find_customer(self, request: CustomerRequest) -> ResourceSnapshot | None:
        return _snapshot(request)

    async def get_customer(self, reference: ResourceReference) -> ResourceSnapshot:
        return ResourceSnapshot(status="active", provider_id=reference.provider_id)


def _snapshot(request: CustomerRequest) -> ResourceSnapshot:
    facts = known(name=request.name, email=request.email, phone=request.phone)
    return ResourceSnapshot(status="active", provider_id=request.customer_id, facts=facts)
