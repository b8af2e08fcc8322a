"""Rows of `refunds` as values and back. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_payments.refund.state import Refund

COLUMNS: Final = (
    "id",
    "payment_id",
    "tenant_id",
    "environment",
    "connection_id",
    "provider",
    "amount_minor",
    "currency",
    "status",
    "provider_refund_id",
    "reason",
    "speed",
    "notes",
    "failure_code",
    "failure_message",
    "effect_guarantee",
    "version",
    "revision",
    "poll_at",
    "polls",
    "created_at",
    "updated_at",
)


def refund_of(row: Mapping[str, Any]) -> Refund:
    return Refund(**{name: row[name] for name in COLUMNS}, stored_revision=row["revision"])


def refund_row(refund: Refund) -> tuple[Any, ...]:
    """Values in the order of `COLUMNS`."""
    return tuple(getattr(refund, name) for name in COLUMNS)
