"""PayPal's JSON for products, plans, subscriptions and sales."""

from collections.abc import Collection
from typing import Any

from onerouter_sandbox.paypal.billing.cycles import Cycle
from onerouter_sandbox.paypal.billing.state import Plan, Product, Revision, Sale, SaleRefund, Subscription, Terms
from onerouter_sandbox.paypal.money import Money
from onerouter_sandbox.paypal.shapes import link, moment


def product(product: Product) -> dict[str, Any]:
    return {
        "id": product.id,
        **product.facts,
        "create_time": moment(product.created_at),
        "update_time": moment(product.created_at),
        "links": [link(f"{product.base}/v1/catalogs/products/{product.id}", "self")],
    }


def plan(plan: Plan) -> dict[str, Any]:
    here = f"{plan.base}/v1/billing/plans/{plan.id}"
    act = "deactivate" if plan.status == "ACTIVE" else "activate"
    return {
        "id": plan.id,
        "product_id": plan.product_id,
        "name": plan.name,
        "status": plan.status,
        **({} if plan.description is None else {"description": plan.description}),
        **_terms(plan.terms, plan.created_at),
        "quantity_supported": plan.quantity_supported,
        "create_time": moment(plan.created_at),
        "update_time": moment(plan.updated_at),
        "links": [link(here, "self"), link(f"{here}/{act}", act, "POST")],
    }


def subscription(subscription: Subscription, fields: Collection[str] = (), of: Plan | None = None) -> dict[str, Any]:
    """`fields` are what is shown on demand: `last_failed_payment`, and `plan`, given as `of`."""
    shown: dict[str, Any] = {
        "id": subscription.id,
        "plan_id": subscription.plan_id,
        "status": subscription.status,
        "status_update_time": moment(subscription.status_at),
        "start_time": moment(subscription.start_at),
        "quantity": str(subscription.quantity or 1),
        "subscriber": _subscriber(subscription),
        "create_time": moment(subscription.created_at),
        "update_time": moment(subscription.updated_at),
        "plan_overridden": subscription.overridden,
        "links": _links(subscription),
    }
    optional = {
        "status_change_note": subscription.note,
        "custom_id": subscription.custom_id,
    }
    shown |= {name: value for name, value in optional.items() if value is not None}
    if subscription.status not in ("APPROVAL_PENDING", "APPROVED"):
        shown["billing_info"] = _billing_info(subscription, "last_failed_payment" in fields)
    if of is not None and "plan" in fields:
        shown["plan"] = plan(of) | _terms(subscription.terms, subscription.created_at)
    return shown


def revision(subscription: Subscription, revision: Revision) -> dict[str, Any]:
    here = f"{subscription.base}/v1/billing/subscriptions/{subscription.id}"
    shown: dict[str, Any] = {
        "plan_id": revision.plan_id,
        "plan_overridden": revision.overridden,
        "links": [
            link(consent_url(subscription, revision), "approve"),
            link(f"{here}/revise", "self", "POST"),
        ],
    }
    return shown | ({} if revision.quantity is None else {"quantity": str(revision.quantity)})


def transaction(sale: Sale, of: Subscription) -> dict[str, Any]:
    return {
        "id": sale.id,
        "status": sale.status,
        "payer_email": of.payer_email,
        "payer_name": {"given_name": "Test", "surname": "Buyer"},
        "amount_with_breakdown": {
            "gross_amount": Money(sale.amount, sale.currency).shown(),
            "fee_amount": Money(sale.fee, sale.currency).shown(),
            "net_amount": Money(sale.amount - sale.fee, sale.currency).shown(),
        },
        "time": moment(sale.at),
    }


def sale(sale: Sale, of: Subscription) -> dict[str, Any]:
    """As the old payments API has it: another money, `state`, `custom`."""
    total, fee = Money(sale.amount, sale.currency), Money(sale.fee, sale.currency)
    here = f"{of.base}/v1/payments/sale/{sale.id}"
    return {
        "id": sale.id,
        "state": sale.status.lower(),
        "amount": {"total": total.value, "currency": sale.currency, "details": {"subtotal": total.value}},
        "payment_mode": "INSTANT_TRANSFER",
        "protection_eligibility": "ELIGIBLE",
        "transaction_fee": {"value": fee.value, "currency": sale.currency},
        "billing_agreement_id": of.id,
        **({} if of.custom_id is None else {"custom": of.custom_id}),
        "create_time": moment(sale.at),
        "update_time": moment(sale.at),
        "links": [link(here, "self"), link(f"{here}/refund", "refund", "POST")],
    }


def sale_refund(refund: SaleRefund, of: Sale, subscription: Subscription) -> dict[str, Any]:
    returned, total = Money(refund.amount, refund.currency), Money(of.refunded, of.currency)
    here = f"{subscription.base}/v1/payments"
    return {
        "id": refund.id,
        "state": "completed",
        "amount": {"total": returned.value, "currency": refund.currency},
        "total_refunded_amount": {"value": total.value, "currency": of.currency},
        "sale_id": of.id,
        **({} if refund.invoice is None else {"invoice_number": refund.invoice}),
        "create_time": moment(refund.at),
        "update_time": moment(refund.at),
        "links": [link(f"{here}/refund/{refund.id}", "self"), link(f"{here}/sale/{of.id}", "sale")],
    }


def consent_url(subscription: Subscription, revision: Revision | None = None) -> str:
    token = subscription.token if revision is None else revision.token
    return f"{subscription.base}/webapps/billing/subscriptions?ba_token={token}"


def _terms(terms: Terms, made_at: float) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "billing_cycles": [_cycle(cycle, terms.currency, made_at) for cycle in terms.cycles],
        "payment_preferences": {
            "auto_bill_outstanding": terms.auto_bill,
            "setup_fee": Money(terms.setup_fee, terms.currency).shown(),
            "setup_fee_failure_action": terms.setup_failure,
            "payment_failure_threshold": terms.threshold,
        },
    }
    if terms.tax_percent is not None:
        shown["taxes"] = {"percentage": terms.tax_percent, "inclusive": terms.tax_inclusive}
    return shown


def _cycle(cycle: Cycle, currency: str, made_at: float) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "frequency": {"interval_unit": cycle.unit, "interval_count": cycle.count},
        "tenure_type": cycle.tenure,
        "sequence": cycle.sequence,
        "total_cycles": cycle.total,
    }
    if cycle.price or cycle.tenure == "REGULAR":
        shown["pricing_scheme"] = {
            "version": cycle.version,
            "fixed_price": Money(cycle.price, currency).shown(),
            "create_time": moment(made_at),
            "update_time": moment(made_at),
        }
    return shown


def _subscriber(subscription: Subscription) -> dict[str, Any]:
    shown = dict(subscription.subscriber)
    if subscription.payer_id:
        shown |= {
            "email_address": subscription.payer_email,
            "payer_id": subscription.payer_id,
            "name": {"given_name": "Test", "surname": "Buyer", **subscription.subscriber.get("name", {})},
        }
    return shown


def _billing_info(subscription: Subscription, with_failure: bool) -> dict[str, Any]:
    currency = subscription.terms.currency
    info: dict[str, Any] = {
        "outstanding_balance": Money(subscription.outstanding, currency).shown(),
        "cycle_executions": [
            {
                "tenure_type": cycle.tenure,
                "sequence": cycle.sequence,
                "cycles_completed": done,
                "cycles_remaining": max(0, cycle.total - done),
                "current_pricing_scheme_version": cycle.version,
                "total_cycles": cycle.total,
            }
            for cycle, done in zip(subscription.terms.cycles, subscription.executed, strict=True)
        ],
        "failed_payments_count": subscription.failed_count,
    }
    if subscription.last_payment is not None:
        amount, at = subscription.last_payment
        info["last_payment"] = {"amount": Money(amount, currency).shown(), "time": moment(at)}
    if subscription.next_at is not None and subscription.status in ("ACTIVE", "SUSPENDED"):
        info["next_billing_time"] = moment(subscription.next_at)
    if with_failure and subscription.last_failure is not None:
        amount, at, reason = subscription.last_failure
        failure = {"amount": Money(amount, currency).shown(), "time": moment(at), "reason_code": reason}
        if subscription.retry_at is not None:
            failure["next_payment_retry_time"] = moment(subscription.retry_at)
        info["last_failed_payment"] = failure
    return info


def _links(subscription: Subscription) -> list[dict[str, str]]:
    here = f"{subscription.base}/v1/billing/subscriptions/{subscription.id}"
    links = [link(here, "edit", "PATCH"), link(here, "self")]
    if subscription.status == "APPROVAL_PENDING":
        return [link(consent_url(subscription), "approve"), *links]
    acts = {
        "APPROVED": ("activate",),
        "ACTIVE": ("suspend", "cancel", "capture"),
        "SUSPENDED": ("activate", "cancel", "capture"),
    }
    return links + [link(f"{here}/{act}", act, "POST") for act in acts.get(subscription.status, ())]
