"""Somebody who sells through the tenant and is paid by it."""

from typing import Final

from pydantic import JsonValue

from onerouter_common.ids import VENDOR
from onerouter_payments.resource.kind import Kind, statuses
from onerouter_payments.resource.shown import asked, facts, head, tail
from onerouter_payments.resource.state import Resource


def _view(resource: Resource) -> dict[str, JsonValue]:
    return {
        **head(resource, "account_id"),
        "vendor_id": resource.data.get("vendor_id") or resource.id,
        **asked(resource, ("name", "email", "country", "split_config")),
        "account_details": resource.data.get("account_masked"),
        **facts(resource, ("onboarding_url", "charges_enabled", "payouts_enabled", "requirements")),
        **tail(resource),
    }


VENDOR_KIND: Final = Kind(
    name="vendor",
    prefix=VENDOR,
    weights={"failed": -1} | statuses(("pending", "active", "restricted", "rejected"), unmade=False),
    view=_view,
    get=lambda client, resource: client.get_vendor(resource.reference),
    polled=frozenset({"pending"}),
    quiet=frozenset({"pending"}),
    alias="vendor_id",
    events={"active": "vendor.activated", "restricted": "vendor.restricted", "rejected": "vendor.rejected"},
)
