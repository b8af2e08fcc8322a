"""Razorpay's JSON for plans, subscriptions and invoices."""

from typing import Any

from onerouter_sandbox.razorpay.customers.model import Customer
from onerouter_sandbox.razorpay.subscriptions.model import Invoice, Plan, Subscription


def plan(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "entity": "plan",
        "interval": plan.interval,
        "period": plan.period,
        "item": {
            "id": plan.item_id,
            "active": True,
            "name": plan.name,
            "description": plan.description,
            "amount": plan.amount,
            "unit_amount": plan.amount,
            "currency": plan.currency,
            "type": "plan",
            "unit": None,
            "tax_inclusive": False,
            "hsn_code": None,
            "sac_code": None,
            "tax_rate": None,
            "tax_id": None,
            "tax_group_id": None,
            "created_at": plan.created_at,
            "updated_at": plan.created_at,
        },
        "notes": plan.notes or [],
        "created_at": plan.created_at,
    }


def entity(subscription: Subscription, plan: Plan) -> dict[str, Any]:
    """As in callbacks."""
    return {
        "id": subscription.id,
        "entity": "subscription",
        "plan_id": subscription.plan_id,
        "customer_id": subscription.customer_id,
        "status": subscription.status,
        "type": 2,
        "current_start": subscription.current_start,
        "current_end": subscription.current_end,
        "ended_at": subscription.ended_at,
        "quantity": subscription.quantity,
        "notes": subscription.notes or [],
        "charge_at": subscription.charge_at,
        "start_at": subscription.start_at,
        "end_at": subscription.end_at(plan),
        "auth_attempts": subscription.auth_attempts,
        "total_count": subscription.total_count,
        "paid_count": subscription.paid_count,
        "customer_notify": subscription.customer_notify,
        "created_at": subscription.created_at,
        "expire_by": subscription.expire_by,
        "short_url": subscription.short_url,
        "has_scheduled_changes": subscription.change is not None,
        "change_scheduled_at": subscription.current_end if subscription.change is not None else None,
        "source": "api",
        "offer_id": None,
        "remaining_count": subscription.remaining,
    }


def shown(subscription: Subscription, plan: Plan) -> dict[str, Any]:
    """As the API answers."""
    more: dict[str, Any] = {}
    if subscription.method is not None:
        more["payment_method"] = subscription.method
    if subscription.status == "paused":
        more |= {"paused_at": subscription.paused_at, "pause_initiated_by": "self"}
    return entity(subscription, plan) | more


def invoice(invoice: Invoice, customer: Customer | None) -> dict[str, Any]:
    email = None if customer is None else customer.email
    contact = None if customer is None else customer.contact
    paid = invoice.amount if invoice.status == "paid" else 0
    return {
        "id": invoice.id,
        "entity": "invoice",
        "receipt": None,
        "invoice_number": None,
        "customer_id": invoice.customer_id,
        "customer_details": {
            "id": invoice.customer_id,
            "name": None if customer is None else customer.name,
            "email": email,
            "contact": contact,
            "gstin": None,
            "billing_address": None,
            "shipping_address": None,
            "customer_name": None if customer is None else customer.name,
            "customer_email": email,
            "customer_contact": contact,
        },
        "order_id": invoice.order_id,
        "subscription_id": invoice.subscription_id,
        "line_items": [_line(item, invoice.currency) for item in invoice.line_items],
        "payment_id": invoice.payment_id,
        "status": invoice.status,
        "expire_by": None,
        "issued_at": invoice.created_at,
        "paid_at": invoice.paid_at,
        "cancelled_at": None,
        "expired_at": None,
        "sms_status": None,
        "email_status": None,
        "date": invoice.created_at,
        "terms": None,
        "partial_payment": False,
        "gross_amount": invoice.amount,
        "tax_amount": 0,
        "taxable_amount": invoice.amount,
        "amount": invoice.amount,
        "amount_paid": paid,
        "amount_due": invoice.amount - paid,
        "currency": invoice.currency,
        "description": None,
        "notes": [],
        "comment": None,
        "short_url": None,
        "view_less": True,
        "billing_start": invoice.billing_start,
        "billing_end": invoice.billing_end,
        "type": "invoice",
        "group_taxes_discounts": False,
        "created_at": invoice.created_at,
        "idempotency_key": None,
    }


def _line(item: dict[str, Any], currency: str) -> dict[str, Any]:
    amount = item["amount"] * item["quantity"]
    return {
        "id": item["id"],
        "item_id": None,
        "name": item["name"],
        "description": None,
        "amount": item["amount"],
        "unit_amount": item["amount"],
        "gross_amount": amount,
        "tax_amount": 0,
        "taxable_amount": amount,
        "net_amount": amount,
        "currency": currency,
        "type": item["type"],
        "tax_inclusive": False,
        "quantity": item["quantity"],
        "taxes": [],
    }
