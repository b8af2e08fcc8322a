"""PayPal's JSON for what the state holds."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from onerouter_sandbox.paypal.money import Money
from onerouter_sandbox.paypal.state import Order, Payment, Refund, State
from onerouter_sandbox.wire import Reply


def order(order: Order, state: State) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": order.id,
        "intent": order.intent,
        "status": order.status,
        "purchase_units": [_unit(order, state)],
        "create_time": moment(order.created_at),
        "links": _order_links(order),
    }
    if order.has_source or order.payer_id:
        shown["payment_source"] = {order.source: _source(order)}
    if order.payer_id:
        shown["payer"] = {"payer_id": order.payer_id, "email_address": order.payer_email}
        shown["update_time"] = moment(order.updated_at)
    return shown


def payment(payment: Payment, base: str) -> dict[str, Any]:
    """An authorization or capture, with its links; `base` is the API's address."""
    amount = Money(payment.amount, payment.currency)
    shown: dict[str, Any] = {
        "id": payment.id,
        "status": payment.status,
        "amount": amount.shown(),
        "seller_protection": {
            "status": "ELIGIBLE",
            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
        },
        "create_time": moment(payment.created_at),
        "update_time": moment(payment.updated_at),
    }
    shown |= {name: value for name in ("custom_id", "invoice_id") if (value := getattr(payment, name)) is not None}
    if payment.reason is not None:
        shown["status_details"] = {"reason": payment.reason}
    if payment.processor_code is not None:
        shown["processor_response"] = {"response_code": payment.processor_code}
    if payment.kind == "capture":
        shown["final_capture"] = payment.final
        if payment.status not in ("PENDING", "DECLINED", "FAILED"):
            net = Money(payment.amount - payment.fee - payment.platform_fee, payment.currency)
            breakdown: dict[str, Any] = {
                "gross_amount": amount.shown(),
                "paypal_fee": Money(payment.fee, payment.currency).shown(),
                "net_amount": net.shown(),
            }
            if payment.platform_fee:
                breakdown["platform_fees"] = [{"amount": Money(payment.platform_fee, payment.currency).shown()}]
            shown["seller_receivable_breakdown"] = breakdown
    else:
        shown["expiration_time"] = moment(payment.created_at + 29 * 86_400)
    shown["links"] = _payment_links(payment, base)
    return shown


def lone_payment(payment_: Payment, base: str) -> dict[str, Any]:
    """As `payment`, outside of its order: it says which that is."""
    related = {"order_id": payment_.order_id}
    if payment_.authorization_id is not None:
        related["authorization_id"] = payment_.authorization_id
    return payment(payment_, base) | {"supplementary_data": {"related_ids": related}}


def refund(refund: Refund, base: str) -> dict[str, Any]:
    amount = Money(refund.amount, refund.currency)
    total = Money(refund.refunded_before + refund.amount, refund.currency)
    shown: dict[str, Any] = {
        "id": refund.id,
        "status": refund.status,
        "amount": amount.shown(),
        "seller_payable_breakdown": {
            "gross_amount": amount.shown(),
            "paypal_fee": Money(0, refund.currency).shown(),
            "net_amount": amount.shown(),
            "total_refunded_amount": total.shown(),
        },
        "create_time": moment(refund.created_at),
        "update_time": moment(refund.updated_at),
        "links": [
            link(f"{base}/v2/payments/refunds/{refund.id}", "self"),
            link(f"{base}/v2/payments/captures/{refund.capture_id}", "up"),
        ],
    }
    given = {"custom_id": refund.custom_id, "invoice_id": refund.invoice_id, "note_to_payer": refund.note}
    if refund.status == "PENDING":
        shown["status_details"] = {"reason": "ECHECK"}
    return shown | {name: value for name, value in given.items() if value is not None}


def minimal(shown: dict[str, Any]) -> dict[str, Any]:
    """What PayPal answers unless it was asked for the representation."""
    return {name: shown[name] for name in ("id", "status", "payment_source", "links") if name in shown}


def approval_url(order: Order) -> str:
    return f"{order.base}/checkoutnow?token={order.id}"


def moment(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


NO_CONTENT: Final = Reply(204, b"")


def answer(status: int, body: dict[str, Any]) -> Reply:
    return Reply(status, encode(body))


def _unit(order: Order, state: State) -> dict[str, Any]:
    account = state.accounts.get(order.account)
    unit: dict[str, Any] = {
        "reference_id": "default",
        **order.unit,
        "amount": Money(order.amount, order.currency).shown(),
        "payee": {"merchant_id": order.payee or account.merchant_id} if account else {},
    }
    if order.instruction is not None:
        unit["payment_instruction"] = order.instruction
    payments: dict[str, Any] = {}
    if order.authorizations:
        payments["authorizations"] = [payment(state.payments[one], order.base) for one in order.authorizations]
    if order.captures:
        captures = [state.payments[one] for one in order.captures]
        payments["captures"] = [payment(one, order.base) for one in captures]
        refunds = [refund(state.refunds[one], order.base) for capture in captures for one in capture.refunds]
        if refunds:
            payments["refunds"] = refunds
    return unit | ({"payments": payments} if payments else {})


def _source(order: Order) -> dict[str, Any]:
    if not order.payer_id:
        return {}
    if order.source == "card":
        return {"brand": "VISA", "last_digits": "7704", "type": "CREDIT"}
    shown: dict[str, Any] = {
        "email_address": order.payer_email,
        "account_id": order.payer_id,
        "name": {"given_name": "Test", "surname": "Buyer"},
    }
    if order.store is not None and order.vault_id is not None:
        kept: dict[str, Any] = {"id": order.vault_id, "status": "VAULTED", "customer": {"id": order.vault_customer}}
        here = f"{order.base}/v3/vault/payment-tokens/{order.vault_id}"
        kept["links"] = [link(here, "self"), link(here, "delete", "DELETE")]
        shown["attributes"] = {"vault": kept}
    return shown


def _order_links(order: Order) -> list[dict[str, str]]:
    here = f"{order.base}/v2/checkout/orders/{order.id}"
    links = [link(here, "self")]
    if order.status in ("CREATED", "PAYER_ACTION_REQUIRED"):
        links.append(link(approval_url(order), "payer-action" if order.has_source else "approve"))
    if order.status == "APPROVED":
        act = order.intent.lower()
        links.append(link(f"{here}/{act}", act, "POST"))
    return links


def _payment_links(payment: Payment, base: str) -> list[dict[str, str]]:
    here = f"{base}/v2/payments/{payment.kind}s/{payment.id}"
    links = [link(here, "self")]
    if payment.kind == "capture":
        links.append(link(f"{here}/refund", "refund", "POST"))
    elif payment.status == "CREATED":
        links += [link(f"{here}/{act}", act, "POST") for act in ("capture", "void")]
    up = (
        f"{base}/v2/payments/authorizations/{payment.authorization_id}"
        if payment.authorization_id
        else f"{base}/v2/checkout/orders/{payment.order_id}"
    )
    return [*links, link(up, "up")]


def link(href: str, rel: str, method: str = "GET") -> dict[str, str]:
    return {"href": href, "rel": rel, "method": method}
