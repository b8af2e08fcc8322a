"""Today's payments and refunds in the words of `/api/v1`. Pure."""

from collections.abc import Mapping
from typing import Any, Final

_PAYMENT: Final = {
    "created": "pending",
    "requires_action": "pending",
    "processing": "processing",
    "authorized": "processing",
    "succeeded": "completed",
    "partially_refunded": "completed",
    "refunded": "refunded",
    "failed": "failed",
    "canceled": "failed",
    "expired": "failed",
}
_REFUND: Final = {"pending": "pending", "succeeded": "completed", "failed": "failed"}
_OF_THE_PROVIDER: Final = ("provider_order_id", "provider_payment_id", "client_secret", "checkout", "failure")


def legacy_payment(payment: Mapping[str, Any], trace_id: str) -> dict[str, Any]:
    return {
        "id": payment["id"],
        "provider": payment["provider"],
        "provider_transaction_id": payment["provider_payment_id"] or payment["provider_order_id"],
        "amount": payment["amount_minor"],
        "currency": payment["currency"],
        "status": _PAYMENT[payment["status"]],
        "checkout_url": payment["checkout_url"],
        "metadata": payment["metadata"],
        "provider_metadata": {name: payment[name] for name in _OF_THE_PROVIDER if payment.get(name) is not None},
        "created_at": payment["created_at"],
        "environment": payment["environment"],
        "trace_id": trace_id,
    }


def legacy_refund(refund: Mapping[str, Any], trace_id: str) -> dict[str, Any]:
    return {
        "id": refund["id"],
        "refund_id": refund["id"],
        "payment_id": refund["payment_id"],
        "provider": refund["provider"],
        "provider_refund_id": refund["provider_refund_id"],
        "amount": refund["amount_minor"],
        "currency": refund["currency"],
        "status": _REFUND[refund["status"]],
        "created_at": refund["created_at"],
        "trace_id": trace_id,
    }


def legacy_status(payment: Mapping[str, Any], trace_id: str) -> dict[str, Any]:
    return {"id": payment["id"], "status": _PAYMENT[payment["status"]], "trace_id": trace_id}


def legacy_accepted(operation: Mapping[str, Any], trace_id: str) -> dict[str, Any]:
    """An outcome that is not known yet: the thing asked for is being worked on. Where its result is not kept: it is done."""
    return {
        "id": operation["resource_id"],
        "status": "completed" if operation["status"] == "succeeded" else "processing",
        "operation_id": operation["id"],
        "effect": operation["effect"],
        "detail": operation["detail"],
        "trace_id": trace_id,
    }
