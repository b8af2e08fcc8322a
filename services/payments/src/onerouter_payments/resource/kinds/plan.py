"""What a subscription charges, and how often."""

from typing import Final

from pydantic import JsonValue

from onerouter_common.ids import PLAN
from onerouter_payments.resource.kind import Kind, statuses
from onerouter_payments.resource.shown import asked, head, money, tail
from onerouter_payments.resource.state import Resource


def _view(resource: Resource) -> dict[str, JsonValue]:
    return {
        **head(resource, "provider_plan_id"),
        **asked(resource, ("name", "description", "interval", "interval_count", "trial_days")),
        **money(resource.data.get("amount_minor"), resource.data.get("currency")),
        **tail(resource),
    }


PLAN_KIND: Final = Kind(
    name="plan",
    prefix=PLAN,
    weights=statuses(("active", "inactive")),
    view=_view,
    get=lambda client, resource: client.get_plan(resource.reference),
)
