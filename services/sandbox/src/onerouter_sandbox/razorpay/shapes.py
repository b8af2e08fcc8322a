"""Razorpay's JSON for what the state holds."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from onerouter_sandbox.razorpay.state import Order, Payment, Refund
from onerouter_sandbox.wire import Reply


def order(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "entity": "order",
        "amount": order.amount,
        "amount_paid": order.amount_paid,
        "amount_due": order.amount - order.amount_paid,
        "currency": order.currency,
        "receipt": order.receipt,
        "offer_id": None,
        "status": order.status,
        "attempts": order.attempts,
        "notes": order.notes or [],
        "created_at": order.created_at,
    }


def payment(payment: Payment) -> dict[str, Any]:
    error = payment.error or {}
    instrument = payment.instrument
    return {
        "id": payment.id,
        "entity": "payment",
        "amount": payment.amount,
        "currency": payment.currency,
        "base_amount": payment.amount,
        "status": payment.status,
        "order_id": payment.order_id,
        "invoice_id": payment.invoice_id,
        "international": payment.currency != "INR",
        "method": payment.method,
        "amount_refunded": payment.amount_refunded,
        "amount_transferred": payment.amount_transferred,
        "refund_status": _refund_status(payment),
        "captured": payment.captured,
        "description": payment.description,
        "card_id": instrument.get("card_id"),
        "bank": instrument.get("bank"),
        "wallet": instrument.get("wallet"),
        "vpa": instrument.get("vpa"),
        "email": payment.email,
        "contact": payment.contact,
        "notes": payment.notes or [],
        "fee": payment.fee,
        "tax": payment.tax,
        "error_code": error.get("code"),
        "error_description": error.get("description"),
        "error_source": error.get("source"),
        "error_step": error.get("step"),
        "error_reason": error.get("reason"),
        "acquirer_data": payment.acquirer_data,
        "created_at": payment.created_at,
        **_kept(payment),
    }


def refund(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "entity": "refund",
        "amount": refund.amount,
        "currency": refund.currency,
        "payment_id": refund.payment_id,
        "notes": refund.notes or [],
        "receipt": refund.receipt,
        "acquirer_data": {"arn": refund.arn},
        "created_at": refund.created_at,
        "batch_id": None,
        "status": refund.status,
        "speed_processed": refund.speed_processed,
        "speed_requested": refund.speed_requested,
    }


def collection(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"entity": "collection", "count": len(items), "items": list(items)}


def encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def ok(body: dict[str, Any]) -> Reply:
    return Reply(200, encode(body))


def signature(secret: str, message: bytes) -> str:
    """Razorpay's one algorithm: lower-case hex of HMAC-SHA256."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def checkout_signature(key_secret: str, order_id: str, payment_id: str) -> str:
    """What Checkout hands to the shop's page after a payment."""
    return signature(key_secret, f"{order_id}|{payment_id}".encode())


def _kept(payment: Payment) -> dict[str, str]:
    """What Razorpay knows of the payer; left out where that is nothing."""
    known = {"customer_id": payment.customer_id, "token_id": payment.token_id}
    return {name: value for name, value in known.items() if value is not None}


def _refund_status(payment: Payment) -> str | None:
    if payment.amount_refunded == 0:
        return None
    return "full" if payment.amount_refunded == payment.amount else "partial"
