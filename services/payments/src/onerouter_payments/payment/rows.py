"""Rows of `payments` as values and back. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from onerouter_payments.dispute.rows import dispute_rows, disputes_of
from onerouter_payments.payment.state import Fact, Payment

COLUMNS: Final = (
    "id",
    "tenant_id",
    "environment",
    "connection_id",
    "provider",
    "amount_minor",
    "currency",
    "status",
    "effect_guarantee",
    "capture",
    "method",
    "method_details",
    "receipt",
    "description",
    "notes",
    "metadata",
    "customer",
    "customer_id",
    "split",
    "subscription_id",
    "disputes",
    "facts",
    "provider_order_id",
    "provider_payment_id",
    "captured_minor",
    "reported_refunded_minor",
    "amount_refunded_minor",
    "version",
    "revision",
    "poll_at",
    "polls",
    "created_at",
    "updated_at",
)

_DERIVED: Final = {"customer_id", "disputes", "facts", "provider_order_id", "provider_payment_id"}
_PLAIN: Final = tuple(name for name in COLUMNS if name not in _DERIVED)


def payment_of(row: Mapping[str, Any]) -> Payment:
    facts = {name: Fact(rank, attempt, value) for name, (rank, attempt, value) in row["facts"].items()}
    return Payment(
        **{name: row[name] for name in _PLAIN},
        disputes=disputes_of(row),
        facts=facts,
        stored_revision=row["revision"],
    )


def payment_row(payment: Payment) -> tuple[Any, ...]:
    """Values in the order of `COLUMNS`."""
    facts: dict[str, JsonValue] = {name: [fact.rank, fact.attempt, fact.value] for name, fact in payment.facts.items()}
    derived = {
        "customer_id": (payment.customer or {}).get("id"),
        "disputes": dispute_rows(payment.disputes),
        "facts": facts,
        "provider_order_id": payment.text("provider_order_id"),
        "provider_payment_id": payment.text("provider_payment_id"),
    }
    return tuple(derived[name] if name in _DERIVED else getattr(payment, name) for name in COLUMNS)
