"""Stripe's JSON for subscriptions and invoices."""

from typing import Any

from onerouter_sandbox.stripe import shapes
from onerouter_sandbox.stripe.billing.records import Invoice, Item, Line, Subscription
from onerouter_sandbox.stripe.catalog import Catalog

_SELF = {"type": "self"}


def subscription(subscription: Subscription, catalog: Catalog, *, livemode: bool) -> dict[str, Any]:
    items = [_item(item, subscription, catalog) for item in subscription.items]
    return {
        "id": subscription.id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": subscription.anchor,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": None, "type": "classic"},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": subscription.cancel_at,
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "canceled_at": subscription.canceled_at,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None} | subscription.cancellation,
        "collection_method": "charge_automatically",
        "created": subscription.created,
        "currency": subscription.currency,
        "customer": subscription.customer,
        "days_until_due": None,
        "default_payment_method": subscription.default_method,
        "default_source": None,
        "default_tax_rates": [],
        "description": subscription.description,
        "discounts": [],
        "ended_at": subscription.ended_at,
        "invoice_settings": {"account_tax_ids": None, "issuer": _SELF},
        "items": shapes.collection(items, url=f"/v1/subscription_items?subscription={subscription.id}", more=False),
        "latest_invoice": subscription.latest_invoice,
        "livemode": livemode,
        "metadata": subscription.metadata,
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": subscription.pause_collection,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": subscription.save_default,
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": subscription.pending_setup,
        "pending_update": None,
        "schedule": None,
        "start_date": subscription.created,
        "status": subscription.status,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": subscription.trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": subscription.missing_method}},
        "trial_start": subscription.trial_start,
    }


def invoice(invoice: Invoice, *, livemode: bool) -> dict[str, Any]:
    """Without what is shown only when it is asked for (`confirmation_secret`, `payments`)."""
    lines = [_line(line, place, invoice) for place, line in enumerate(invoice.lines)]
    return {
        "id": invoice.id,
        "object": "invoice",
        "account_country": "US",
        "amount_due": invoice.amount_due,
        "amount_overpaid": 0,
        "amount_paid": invoice.amount_paid,
        "amount_remaining": invoice.amount_due - invoice.amount_paid,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": invoice.attempts,
        "attempted": invoice.attempted,
        "auto_advance": invoice.auto_advance,
        "billing_reason": invoice.reason,
        "collection_method": "charge_automatically",
        "created": invoice.created,
        "currency": invoice.currency,
        "customer": invoice.customer,
        "default_payment_method": None,
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": invoice.finalized_at,
        "ending_balance": invoice.ending_balance,
        "hosted_invoice_url": None if invoice.status == "draft" else invoice.url,
        "invoice_pdf": None,
        "lines": shapes.collection(lines, url=f"/v1/invoices/{invoice.id}/lines", more=False),
        "livemode": livemode,
        "metadata": {},
        "next_payment_attempt": invoice.next_attempt,
        "number": invoice.number,
        "on_behalf_of": None,
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": invoice.metadata, "subscription": invoice.subscription},
            "type": "subscription_details",
        },
        "period_end": invoice.period_end,
        "period_start": invoice.period_start,
        "starting_balance": invoice.starting_balance,
        "status": invoice.status,
        "status_transitions": {
            "finalized_at": invoice.finalized_at,
            "marked_uncollectible_at": invoice.uncollectible_at,
            "paid_at": invoice.paid_at,
            "voided_at": invoice.voided_at,
        },
        "subtotal": invoice.total,
        "test_clock": None,
        "total": invoice.total,
        "webhooks_delivered_at": invoice.created,
    }


def payments(invoice: Invoice, *, livemode: bool) -> dict[str, Any]:
    """`invoice.payments`: by which intents it was or is to be paid."""
    url = f"/v1/invoice_payments?invoice={invoice.id}"
    if invoice.intent is None:
        return shapes.collection([], url=url, more=False)
    paid = invoice.status == "paid"
    one = {
        "id": f"inpay_{invoice.id.removeprefix('in_')}",
        "object": "invoice_payment",
        "amount_paid": invoice.amount_paid if paid else None,
        "amount_requested": invoice.amount_due,
        "created": invoice.created,
        "currency": invoice.currency,
        "invoice": invoice.id,
        "is_default": True,
        "livemode": livemode,
        "payment": {"payment_intent": invoice.intent, "type": "payment_intent"},
        "status": "paid" if paid else "canceled" if invoice.status == "void" else "open",
        "status_transitions": {"canceled_at": invoice.voided_at, "paid_at": invoice.paid_at},
    }
    return shapes.collection([one], url=url, more=False)


def _item(item: Item, of: Subscription, catalog: Catalog) -> dict[str, Any]:
    return {
        "id": item["id"],
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": item["created"],
        "current_period_end": of.period_end,
        "current_period_start": of.period_start,
        "discounts": [],
        "metadata": item["metadata"],
        "price": catalog.shown_price(catalog.prices[item["price"]]),
        "quantity": item["quantity"],
        "subscription": of.id,
        "tax_rates": [],
    }


def _line(line: Line, place: int, of: Invoice) -> dict[str, Any]:
    return {
        "id": f"il_{of.id.removeprefix('in_')}{place}",
        "object": "line_item",
        "amount": line["amount"],
        "currency": of.currency,
        "description": line["description"],
        "discountable": not line["proration"],
        "discounts": [],
        "invoice": of.id,
        "metadata": of.metadata,
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {"proration": line["proration"], "subscription": of.subscription},
            "type": "subscription_item_details",
        },
        "period": {"end": line["end"], "start": line["start"]},
        "pricing": {"price_details": {"price": line["price"]}, "type": "price_details"},
        "quantity": line["quantity"],
        "subtotal": line["amount"],
    }
