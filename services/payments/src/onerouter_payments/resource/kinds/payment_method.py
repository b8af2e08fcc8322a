"""A method that a payer has entrusted to the provider, for later payments."""

from typing import Final

from pydantic import JsonValue

from onerouter_common.ids import PAYMENT_METHOD
from onerouter_payments.resource.kind import Kind, statuses
from onerouter_payments.resource.shown import asked, facts, head, tail
from onerouter_payments.resource.state import Resource


def _view(resource: Resource) -> dict[str, JsonValue]:
    return {
        **head(resource, "payment_method_id"),
        "customer_id": resource.customer_id,
        **asked(resource, ("nickname",)),
        **facts(resource, ("type", "brand", "last4", "exp_month", "exp_year", "wallet", "email", "is_reusable")),
        **tail(resource),
    }


PAYMENT_METHOD_KIND: Final = Kind(
    name="payment_method",
    prefix=PAYMENT_METHOD,
    weights=statuses("active", "removed"),
    view=_view,
    get=lambda client, resource: client.get_payment_method(resource.reference),
    final=frozenset({"removed"}),
    events={"removed": "payment_method.removed"},
    filters={"customer_id": "customer_id"},
)
