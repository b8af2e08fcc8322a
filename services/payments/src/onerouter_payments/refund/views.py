"""A refund as the public API shows it. Pure."""

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_payments.refund.state import Refund


def refund_view(refund: Refund) -> dict[str, JsonValue]:
    failed = refund.status == "failed"
    return {
        "id": refund.id,
        "object": "refund",
        "payment_id": refund.payment_id,
        "provider": refund.provider,
        "provider_refund_id": refund.provider_refund_id,
        "amount": refund.amount.to_json_number(),
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "status": refund.status,
        "reason": refund.reason,
        "speed": refund.speed,
        "notes": dict(refund.notes),
        "failure": {"code": refund.failure_code, "message": refund.failure_message} if failed else None,
        "created_at": isoformat(refund.created_at),
        "created": int(refund.created_at.timestamp()),
        "updated_at": isoformat(refund.updated_at),
        "environment": refund.environment,
        "effect_guarantee": refund.effect_guarantee,
        "version": refund.version,
    }
