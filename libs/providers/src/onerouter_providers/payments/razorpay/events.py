"""Razorpay's events in our words: each kind of object by a reader of its own. Pure.

`reference` is only taken from what the merchant's server wrote (receipts, references, notes of plans' subscriptions and
transfers). A payment's notes are not: the payer's browser can set them in Checkout. Payments are found by their order id.
"""

from collections.abc import Callable, Mapping
from typing import Final

from onerouter_common.contracts.callbacks import CallbackObject, ObjectKind
from onerouter_common.ids import PAYMENT, PAYMENT_LINK, REFUND, SUBSCRIPTION, TRANSFER, is_id
from onerouter_providers.payments.razorpay import fields, links, mapping, onboarding, recurring, transfers
from onerouter_providers.payments.razorpay.fields import Thing
from onerouter_providers.resources import ResourceSnapshot
from onerouter_providers.webhook import CallbackUnreadable

Reader = Callable[[Thing], CallbackObject | None]
"""`payload` of an event → the object; None for one that is of no interest."""

_EARLY_PHASES: Final = frozenset({"fraud", "retrieval"})
"""Of a dispute: a question or an alarm, and no money is taken yet."""
_DISPUTE_STATUS: Final[Mapping[str, str]] = {
    "open": "needs_response",
    "under_review": "under_review",
    "won": "won",
    "lost": "lost",
    "closed": "closed",
}
_DISPUTE_OPEN: Final = frozenset({"open", "under_review"})


def entity(payload: Thing, name: str) -> Thing:
    """The object `payload.<name>.entity`, empty where there is none."""
    return fields.part(fields.part(payload, name), "entity")


def read_payment(payload: Thing) -> CallbackObject | None:
    """None for the payment of a subscription's invoice or of a link: what it pays for has events of its own."""
    payment, order = _needed(payload, "payment"), entity(payload, "order")
    if fields.text(payment, "invoice_id") or _ours(PAYMENT_LINK, order.get("receipt")):
        return None
    shown = mapping.payment_snapshot(None, payment, key_id="")
    return CallbackObject(
        kind="payment",
        status=shown.status,
        reference=_ours(PAYMENT, order.get("receipt")),
        order_id=shown.provider_order_id,
        payment_id=shown.provider_payment_id,
        amount_minor=shown.amount.amount_minor if shown.amount else None,
        amount_captured_minor=shown.captured.amount_minor if shown.captured else None,
        amount_refunded_minor=shown.amount_refunded_minor,
        currency=shown.amount.currency if shown.amount else None,
        method=shown.method,
        method_details=dict(shown.method_details),
        error_reason=shown.error_reason,
        error_code=shown.error_code,
        error_message=shown.error_message,
        fee_minor=shown.fee_minor,
        fee_currency=shown.fee_currency,
    )


def read_refund(payload: Thing) -> CallbackObject:
    refund, payment = _needed(payload, "refund"), entity(payload, "payment")
    shown = mapping.refund_snapshot(refund)
    return CallbackObject(
        kind="refund",
        status=shown.status,
        reference=_ours(REFUND, refund.get("receipt")) or _ours(REFUND, fields.note(refund, mapping.NOTE_REFUND)),
        order_id=fields.text(payment, "order_id"),
        payment_id=fields.text(refund, "payment_id") or fields.text(payment, "id"),
        refund_id=shown.provider_refund_id,
        amount_minor=shown.amount.amount_minor if shown.amount else None,
        amount_refunded_minor=fields.whole(payment, "amount_refunded"),
        currency=shown.amount.currency if shown.amount else None,
        error_reason=shown.error_reason,
    )


def read_subscription(payload: Thing) -> CallbackObject:
    """With the charge that the event is of, where it is of one."""
    subscription = _needed(payload, "subscription")
    charge = recurring.charge_of_payment(entity(payload, "payment"))
    shown = recurring.with_facts(recurring.subscription_snapshot(subscription), **charge)
    return _resource("subscription", shown, _ours(SUBSCRIPTION, fields.note(subscription)))


def read_invoice(payload: Thing) -> CallbackObject | None:
    """A subscription's charge, also one beside its cycles (the difference after a change of plan); else of no interest."""
    invoice = _needed(payload, "invoice")
    subscription_id = fields.text(invoice, "subscription_id")
    if subscription_id is None:
        return None
    charge = recurring.charge_of_payment(entity(payload, "payment"))
    return _resource("subscription", ResourceSnapshot(recurring.UNCHANGED, subscription_id, facts=charge), None)


def read_link(payload: Thing) -> CallbackObject:
    link = _needed(payload, "payment_link")
    paid = {"provider_payment_id": payment_id} if (payment_id := fields.text(entity(payload, "payment"), "id")) else {}
    shown = recurring.with_facts(links.link_snapshot(link), **paid)
    return _resource("payment_link", shown, _ours(PAYMENT_LINK, link.get("reference_id")))


def read_transfer(payload: Thing) -> CallbackObject:
    transfer = _needed(payload, "transfer")
    return _resource("transfer", transfers.transfer_snapshot(transfer), _ours(TRANSFER, fields.note(transfer)))


def read_vendor(payload: Thing) -> CallbackObject:
    """The event names the linked account and its configuration; what is missing stands beside them."""
    product, data = _needed(payload, "merchant_product"), fields.part(fields.part(payload, "merchant_product"), "data")
    account_id = fields.text(product, "merchant_id")
    if account_id is None:
        raise CallbackUnreadable("The callback says that it is of a linked account, and names none.")
    return _resource("vendor", onboarding.product_snapshot(account_id, {**product, **data}), None)


def read_dispute(payload: Thing) -> CallbackObject:
    dispute, payment = _needed(payload, "dispute"), entity(payload, "payment")
    word, amount = fields.text(dispute, "status") or "", fields.money(dispute)
    early = word in _DISPUTE_OPEN and fields.text(dispute, "phase") in _EARLY_PHASES
    return CallbackObject(
        kind="dispute",
        status="warning" if early else _DISPUTE_STATUS.get(word, recurring.UNCHANGED),
        provider_id=fields.text(dispute, "id"),
        payment_id=fields.text(dispute, "payment_id") or fields.text(payment, "id"),
        order_id=fields.text(payment, "order_id"),
        amount_minor=amount.amount_minor if amount else None,
        currency=amount.currency if amount else None,
        facts=fields.known(reason=fields.text(dispute, "reason_code"), due_by=fields.moment(dispute, "respond_by")),
    )


def _resource(kind: ObjectKind, shown: ResourceSnapshot, reference: str | None) -> CallbackObject:
    return CallbackObject(
        kind=kind,
        status=shown.status,
        reference=reference,
        provider_id=shown.provider_id,
        facts=dict(shown.facts),
        error_reason=shown.error_reason,
        error_message=shown.error_message,
    )


def _needed(payload: Thing, name: str) -> Thing:
    found = entity(payload, name)
    if not fields.text(found, "id"):
        raise CallbackUnreadable(f"The callback says that it is of a {name}, and carries none.")
    return found


def _ours(prefix: str, value: object) -> str | None:
    return value if isinstance(value, str) and is_id(prefix, value) else None


FOLLOWED: Final[Mapping[str, Reader]] = {
    "payment.authorized": read_payment,
    "payment.captured": read_payment,
    "payment.failed": read_payment,
    # The same payment once more, with its order: told apart by nothing but the event, so it changes nothing twice.
    "order.paid": read_payment,
    "refund.created": read_refund,
    "refund.processed": read_refund,
    "refund.failed": read_refund,
    "subscription.authenticated": read_subscription,
    "subscription.activated": read_subscription,
    "subscription.charged": read_subscription,
    "subscription.pending": read_subscription,
    "subscription.halted": read_subscription,
    "subscription.paused": read_subscription,
    "subscription.resumed": read_subscription,
    "subscription.updated": read_subscription,
    "subscription.cancelled": read_subscription,
    "subscription.completed": read_subscription,
    "invoice.paid": read_invoice,
    "payment_link.paid": read_link,
    "payment_link.partially_paid": read_link,
    "payment_link.cancelled": read_link,
    "payment_link.expired": read_link,
    "transfer.processed": read_transfer,
    "transfer.failed": read_transfer,
    "payment.dispute.created": read_dispute,
    "payment.dispute.under_review": read_dispute,
    "payment.dispute.action_required": read_dispute,
    "payment.dispute.won": read_dispute,
    "payment.dispute.lost": read_dispute,
    "payment.dispute.closed": read_dispute,
    "product.route.under_review": read_vendor,
    "product.route.needs_clarification": read_vendor,
    "product.route.activated": read_vendor,
}
"""Razorpay's event → the reader of the object it is about."""

OF_LINKED_ACCOUNTS: Final = "product.route."
"""Events that name the linked account as theirs, and not the merchant's."""
