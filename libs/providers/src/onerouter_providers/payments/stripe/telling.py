"""Stripe's events about everything but payments and refunds → what they tell in our words. Pure.

`reference` is taken from metadata. A charge of a subscription is told by its invoice, which names the subscription and
carries its metadata, not its status: that comes with the subscription's own event.
"""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.contracts.callbacks import CallbackObject, ObjectKind
from onerouter_common.ids import CUSTOMER, PAYMENT_LINK, PAYMENT_METHOD, PLAN, SUBSCRIPTION, TRANSFER, VENDOR
from onerouter_providers.payments.stripe import subscribing
from onerouter_providers.payments.stripe.amounts import money_of
from onerouter_providers.payments.stripe.customers import customer_snapshot
from onerouter_providers.payments.stripe.links import link_snapshot, visit_facts
from onerouter_providers.payments.stripe.metadata import reference_of
from onerouter_providers.payments.stripe.methods import method_snapshot
from onerouter_providers.payments.stripe.plans import plan_snapshot
from onerouter_providers.payments.stripe.things import id_of, moment, part, text, without_nothing
from onerouter_providers.payments.stripe.transfers import transfer_snapshot
from onerouter_providers.payments.stripe.vendors import vendor_snapshot
from onerouter_providers.resources import DisputeStatus, ResourceSnapshot

UNCHANGED: Final = "unchanged"
DISPUTE_STATUS: Final[Mapping[str, DisputeStatus]] = {
    "warning_needs_response": "warning",
    "warning_under_review": "warning",
    "prevented": "warning",
    "warning_closed": "closed",
    "needs_response": "needs_response",
    "under_review": "under_review",
    "won": "won",
    "lost": "lost",
}
Thing = Mapping[str, Any]


def plan(price: Thing) -> CallbackObject | None:
    """None for a price that belongs to no subscription: it was not made by us."""
    return _told("plan", plan_snapshot(price), reference_of(price, PLAN)) if part(price, "recurring") else None


def customer(thing: Thing) -> CallbackObject:
    return _told("customer", customer_snapshot(thing), reference_of(thing, CUSTOMER))


def subscription(thing: Thing) -> CallbackObject:
    shown = subscribing.snapshot(thing, subscribing.status_of(thing) or UNCHANGED)
    return _told("subscription", shown, reference_of(thing, SUBSCRIPTION))


def paid_invoice(invoice: Thing) -> CallbackObject | None:
    return _invoice(invoice, failed=False)


def failed_invoice(invoice: Thing) -> CallbackObject | None:
    return _invoice(invoice, failed=True)


def link(thing: Thing) -> CallbackObject:
    """Of one that a visit used up only the visit says what became of it."""
    shown = link_snapshot(thing)
    status = shown.status if shown.status == "canceled" else UNCHANGED
    return _told("payment_link", ResourceSnapshot(status, shown.provider_id, facts=shown.facts), _link_of(thing))


def visit(session: Thing) -> CallbackObject | None:
    """A Checkout Session of a payment link; None for one that ended without being completed."""
    link_id = id_of(session, "payment_link")
    if session.get("status") != "complete" or link_id is None:
        return None
    paid = session.get("payment_status") == "paid"
    shown = ResourceSnapshot("paid" if paid else UNCHANGED, link_id, facts=without_nothing(visit_facts(session)))
    return _told("payment_link", shown, _link_of(session))


def bounced_visit(session: Thing) -> CallbackObject | None:
    """A bank debit came back: the link is used up, and not paid. Of a payment of ours its intent says so."""
    link_id = id_of(session, "payment_link")
    return None if link_id is None else _told("payment_link", ResourceSnapshot("canceled", link_id), _link_of(session))


def method(thing: Thing) -> CallbackObject:
    return _told("payment_method", method_snapshot(thing), reference_of(thing, PAYMENT_METHOD))


def vendor(account: Thing) -> CallbackObject:
    return _told("vendor", vendor_snapshot(account), reference_of(account, VENDOR))


def transfer(thing: Thing) -> CallbackObject:
    return _told("transfer", transfer_snapshot(thing), reference_of(thing, TRANSFER))


def dispute(thing: Thing) -> CallbackObject:
    money = money_of(thing, "amount")
    return CallbackObject(
        kind="dispute",
        status=DISPUTE_STATUS.get(text(thing, "status") or "", UNCHANGED),
        provider_id=text(thing, "id"),
        payment_id=id_of(thing, "payment_intent"),
        amount_minor=money.amount_minor if money else None,
        currency=money.currency if money else None,
        facts=without_nothing(
            {"reason": text(thing, "reason"), "due_by": moment(part(thing, "evidence_details"), "due_by")}
        ),
    )


def _invoice(invoice: Thing, *, failed: bool) -> CallbackObject | None:
    """None for an invoice of no subscription, and for one over nothing."""
    subscription_id, details = subscribing.subscription_of(invoice)
    charge = subscribing.charge_of(invoice, failed=failed)
    if subscription_id is None or not charge:
        return None
    shown = ResourceSnapshot(UNCHANGED, subscription_id, facts=charge)
    return _told("subscription", shown, reference_of(details, SUBSCRIPTION))


def _link_of(thing: Thing) -> str | None:
    """A link's metadata are copied to its sessions."""
    return reference_of(thing, PAYMENT_LINK)


def _told(kind: ObjectKind, shown: ResourceSnapshot, reference: str | None) -> CallbackObject:
    return CallbackObject(
        kind=kind, status=shown.status, provider_id=shown.provider_id, reference=reference, facts=dict(shown.facts)
    )
