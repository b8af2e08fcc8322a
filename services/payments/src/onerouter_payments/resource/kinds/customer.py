"""A payer, as the provider knows it."""

from typing import Final

from pydantic import JsonValue

from onerouter_common.ids import CUSTOMER
from onerouter_payments.resource.kind import Kind, statuses
from onerouter_payments.resource.shown import asked, head, tail
from onerouter_payments.resource.state import Resource


def _view(resource: Resource) -> dict[str, JsonValue]:
    return {
        **head(resource, "provider_customer_id"),
        **asked(resource, ("name", "email", "phone")),
        **tail(resource),
    }


CUSTOMER_KIND: Final = Kind(
    name="customer",
    prefix=CUSTOMER,
    weights=statuses("active", "deleted"),
    view=_view,
    get=lambda client, resource: client.get_customer(resource.reference),
    final=frozenset({"deleted"}),
    events={"deleted": "customer.deleted"},
)
