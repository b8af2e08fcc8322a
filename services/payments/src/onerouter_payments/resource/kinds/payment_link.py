"""A page at the provider where somebody pays."""

from typing import Final

from pydantic import JsonValue

from onerouter_common.ids import PAYMENT_LINK
from onerouter_payments.resource.charges import payment_id_of
from onerouter_payments.resource.kind import Kind, statuses
from onerouter_payments.resource.shown import asked, facts, head, moments, money, tail
from onerouter_payments.resource.state import Resource


def _view(resource: Resource) -> dict[str, JsonValue]:
    amount_paid = money(resource.fact("amount_paid_minor") or 0, resource.data.get("currency"))
    return {
        **head(resource, "provider_payment_link_id"),
        **money(resource.data.get("amount_minor"), resource.data.get("currency")),
        "amount_paid": amount_paid["amount"],
        **asked(resource, ("description", "customer", "callback_url")),
        **facts(resource, ("short_url", "provider_order_id", "provider_payment_id")),
        **moments(resource, ("expires_at",)),
        "payment_id": _payment_id(resource),
        **tail(resource),
    }


def _payment_id(link: Resource) -> str | None:
    """Ours, of the payment it was paid by."""
    charge_id = link.text("provider_payment_id")
    return payment_id_of(link, charge_id) if link.status == "paid" and charge_id is not None else None


PAYMENT_LINK_KIND: Final = Kind(
    name="payment_link",
    prefix=PAYMENT_LINK,
    # Money that was paid outranks whatever was said of the link.
    weights=statuses("created", "partially_paid", "expired", "canceled", "paid"),
    view=_view,
    get=lambda client, resource: client.get_payment_link(resource.reference),
    final=frozenset({"paid"}),
    polled=frozenset({"created", "partially_paid"}),
    quiet=frozenset({"created"}),
    events={status: f"payment_link.{status}" for status in ("partially_paid", "expired", "canceled", "paid")},
)
