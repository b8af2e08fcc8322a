"""What PayPal's callbacks say of everything but payments and refunds: their resource → our object. Pure.

Our id is taken from what only the client secret can make (an invoice, a payout, an invitation). A subscription is found by
PayPal's id alone: PayPal's JavaScript lets anybody who knows the (public) client id make one in a browser, to any plan and
with any `custom_id`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from onerouter_common.contracts.callbacks import CallbackObject, ObjectKind
from onerouter_common.ids import REFUND, is_id
from onerouter_providers.payments.paypal import billing, invoices, transfers
from onerouter_providers.payments.paypal.amounts import from_payout, to_money
from onerouter_providers.payments.paypal.reading import Thing, known, moment_of, shown_moment, text_of, things_of
from onerouter_providers.payments.paypal.sales import sale_refund_snapshot, sale_snapshot
from onerouter_providers.resources import CHARGE, DisputeStatus, ResourceSnapshot
from onerouter_providers.webhook import CallbackUnreadable

DISPUTE_STATUS: Final[Mapping[str, DisputeStatus]] = {
    "OPEN": "needs_response",
    "WAITING_FOR_SELLER_RESPONSE": "needs_response",
    "UNDER_REVIEW": "under_review",
    "WAITING_FOR_BUYER_RESPONSE": "under_review",
    "OTHER": "under_review",
}
DISPUTE_OUTCOME: Final[Mapping[str, DisputeStatus]] = {
    "RESOLVED_SELLER_FAVOUR": "won",
    "CANCELED_BY_BUYER": "won",
    "RESOLVED_WITH_PAYOUT": "won",  # PayPal pays the buyer
    "RESOLVED_BUYER_FAVOUR": "lost",
    "ACCEPTED": "lost",
    "DENIED": "closed",
    "NONE": "closed",
}


def subscription(resource: Thing) -> CallbackObject:
    return _object("subscription", billing.subscription_snapshot(resource))


def sale(resource: Thing) -> CallbackObject | None:
    """A charge of a subscription. None: a sale of something else, which is not ours."""
    subscription_id, sale_id = text_of(resource, "billing_agreement_id"), text_of(resource, "id")
    charge = billing.sale_charge(resource)
    if subscription_id is None or sale_id is None or charge is None:
        return None
    told = ResourceSnapshot("unchanged", subscription_id, facts={f"{CHARGE}{sale_id}": charge})
    return _object("subscription", told)


def sale_reversed(resource: Thing) -> CallbackObject | None:
    """PayPal took a subscription's charge back. None: a sale of something else, which is not ours."""
    told = sale_snapshot(resource)
    if text_of(resource, "billing_agreement_id") is None or told.provider_payment_id is None or told.amount is None:
        return None
    return CallbackObject(
        kind="payment",
        status="refunded",
        payment_id=told.provider_payment_id,
        amount_minor=told.amount.amount_minor,
        amount_refunded_minor=told.amount.amount_minor,
        currency=told.amount.currency,
    )


def sale_refund(refund: Thing) -> CallbackObject:
    """What was returned of a subscription's charge."""
    told, ours = sale_refund_snapshot(refund), text_of(refund, "invoice_number")
    total = from_payout(refund.get("total_refunded_amount"))
    if not told.provider_refund_id:
        raise CallbackUnreadable("The callback says that it is of a refund, and carries none.")
    return CallbackObject(
        kind="refund",
        status=told.status,
        reference=ours if ours is not None and is_id(REFUND, ours) else None,
        payment_id=text_of(refund, "sale_id"),
        refund_id=told.provider_refund_id,
        amount_minor=told.amount.amount_minor if told.amount else None,
        amount_refunded_minor=total.amount_minor if total else None,
        currency=told.amount.currency if told.amount else None,
        error_reason=told.error_reason,
    )


def invoice(resource: Thing) -> CallbackObject:
    """PayPal wraps it in some versions of the event."""
    inner = resource.get("invoice")
    thing = inner if isinstance(inner, dict) else resource
    return _object("payment_link", invoices.invoice_snapshot(thing), text_of(thing, "detail", "reference"))


def token_gone(resource: Thing) -> CallbackObject:
    return _object("payment_method", ResourceSnapshot("removed", text_of(resource, "id") or ""))


def payout(resource: Thing) -> CallbackObject:
    told = transfers.item_snapshot(resource)
    return _object("transfer", told, text_of(resource, "sender_batch_id"))


def payout_canceled(resource: Thing) -> CallbackObject:
    """Its item reads as RETURNED, as those do that nobody claimed; the event tells that the merchant called it back."""
    told = transfers.item_snapshot(resource)
    return _object(
        "transfer",
        ResourceSnapshot("canceled", told.provider_id, facts=told.facts),
        text_of(resource, "sender_batch_id"),
    )


def onboarded(resource: Thing) -> CallbackObject | None:
    """The vendor has followed the invitation. Whether it can be paid is read from the vendor."""
    return _vendor(resource, "unchanged")


def consent_revoked(resource: Thing) -> CallbackObject | None:
    return _vendor(resource, "restricted")


def _vendor(resource: Thing, status: str) -> CallbackObject | None:
    """None: somebody whom we did not invite."""
    ours = text_of(resource, "tracking_id")
    if ours is None:
        return None
    facts = known(provider_merchant_id=text_of(resource, "merchant_id"))
    return _object("vendor", ResourceSnapshot(status, ours, facts=facts), ours)


def dispute(resource: Thing) -> CallbackObject:
    """Found by the payment's id at PayPal: the ids of ours that it carries come from the order, which a payer may make."""
    transactions = things_of(resource, "disputed_transactions")
    amount = to_money(resource.get("dispute_amount"))
    dispute_id = text_of(resource, "dispute_id")
    if dispute_id is None or not transactions:
        raise CallbackUnreadable("The callback says that it is of a dispute, and does not say of which.")
    return CallbackObject(
        kind="dispute",
        status=_dispute_status(resource),
        provider_id=dispute_id,
        payment_id=text_of(transactions[0], "seller_transaction_id"),
        amount_minor=amount.amount_minor if amount else None,
        currency=amount.currency if amount else None,
        facts=known(
            reason=(text_of(resource, "reason") or "other").lower(),
            due_by=shown_moment(moment_of(resource, "seller_response_due_date")),
        ),
    )


def _dispute_status(resource: Thing) -> DisputeStatus:
    status = text_of(resource, "status")
    if status == "RESOLVED":
        return DISPUTE_OUTCOME.get(text_of(resource, "dispute_outcome", "outcome_code") or "", "closed")
    if text_of(resource, "dispute_life_cycle_stage") == "INQUIRY":
        return "warning"
    return DISPUTE_STATUS.get(status or "", "under_review")


def _object(kind: ObjectKind, told: ResourceSnapshot, reference: str | None = None) -> CallbackObject:
    if not told.provider_id:
        raise CallbackUnreadable(f"The callback says that it is of a {kind}, and names none.")
    return CallbackObject(
        kind=kind,
        status=told.status,
        reference=reference,
        provider_id=told.provider_id,
        facts=dict(told.facts),
        error_reason=told.error_reason,
        error_message=told.error_message,
    )


FOLLOWED: Final[Mapping[str, Callable[[Mapping[str, Any]], CallbackObject | None]]] = {
    **{
        f"BILLING.SUBSCRIPTION.{what}": subscription
        for what in ("CREATED", "ACTIVATED", "UPDATED", "SUSPENDED", "CANCELLED", "EXPIRED", "PAYMENT.FAILED")
    },
    "PAYMENT.SALE.COMPLETED": sale,
    "PAYMENT.SALE.REFUNDED": sale_refund,
    "PAYMENT.SALE.REVERSED": sale_reversed,
    "INVOICING.INVOICE.PAID": invoice,
    "INVOICING.INVOICE.CANCELLED": invoice,
    "VAULT.PAYMENT-TOKEN.DELETED": token_gone,
    **{f"CUSTOMER.DISPUTE.{what}": dispute for what in ("CREATED", "UPDATED", "RESOLVED")},
    **{
        f"PAYMENT.PAYOUTS-ITEM.{what}": payout
        for what in ("SUCCEEDED", "UNCLAIMED", "HELD", "FAILED", "BLOCKED", "DENIED", "RETURNED", "REFUNDED")
    },
    "PAYMENT.PAYOUTS-ITEM.CANCELED": payout_canceled,
    "MERCHANT.ONBOARDING.COMPLETED": onboarded,
    "MERCHANT.PARTNER-CONSENT.REVOKED": consent_revoked,
}
"""PayPal's event → what it says. None: of something that is not ours."""
