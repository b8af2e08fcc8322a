"""A payment that its payer or a bank contests. It is no status of the payment: the money may come and go, and come back."""

from typing import Final

from pydantic import JsonValue

from onerouter_common.ids import DISPUTE
from onerouter_payments.resource.kind import Kind, statuses
from onerouter_payments.resource.shown import facts, head, moments, money, tail
from onerouter_payments.resource.state import Resource

_OF_THE_PAYMENT: Final = ("metadata", "notes", "effect_guarantee", "failure")


def _view(resource: Resource) -> dict[str, JsonValue]:
    told = resource.fact("amount")
    amount = told if isinstance(told, dict) else {}
    shown = {
        **head(resource, "provider_dispute_id"),
        "payment_id": resource.parent_id,
        **money(amount.get("amount_minor"), amount.get("currency")),
        **facts(resource, ("reason",)),
        **moments(resource, ("due_by",)),
        **tail(resource),
    }
    return {name: value for name, value in shown.items() if name not in _OF_THE_PAYMENT}


DISPUTE_KIND: Final = Kind(
    name="dispute",
    prefix=DISPUTE,
    # A bank can decide anew: of two decisions the later holds.
    weights=statuses(("under_review", "warning", "needs_response"), ("closed", "lost", "won"), unmade=False),
    view=_view,
    events={status: f"dispute.{status}" for status in ("won", "lost", "closed")},
)
