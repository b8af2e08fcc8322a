"""A vendor's part of a payment, given to it by the provider."""

from typing import Final

from pydantic import JsonValue

from onerouter_common.ids import TRANSFER
from onerouter_payments.resource.kind import Kind, statuses
from onerouter_payments.resource.shown import asked, facts, head, money, tail
from onerouter_payments.resource.state import Resource


def _view(resource: Resource) -> dict[str, JsonValue]:
    return {
        **head(resource, "provider_transfer_id"),
        "payment_id": resource.parent_id,
        **asked(resource, ("vendor_id", "split_id")),
        **money(resource.data.get("amount_minor"), resource.data.get("currency")),
        **facts(resource, ("amount_reversed_minor",)),
        **tail(resource),
    }


TRANSFER_KIND: Final = Kind(
    name="transfer",
    prefix=TRANSFER,
    # A payout can be taken back days after it succeeded; it never succeeds after that.
    weights=statuses(
        "pending", "unclaimed", "failed", "canceled", "succeeded", "partially_reversed", "reversed", unmade=False
    ),
    view=_view,
    get=lambda client, resource: client.get_transfer(resource.reference),
    final=frozenset({"reversed", "canceled"}),
    polled=frozenset({"pending", "unclaimed"}),
    events={
        status: f"transfer.{status}"
        for status in ("unclaimed", "failed", "canceled", "succeeded", "partially_reversed", "reversed")
    },
    filters={"payment_id": "parent_id"},
)
