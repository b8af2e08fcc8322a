"""Rows of `resources` as values and back. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from onerouter_common.clock import isoformat
from onerouter_payments.resource.kinds import KINDS
from onerouter_payments.resource.state import Fact, Resource

_AS_THEY_ARE: Final = (
    "id",
    "tenant_id",
    "environment",
    "connection_id",
    "provider",
    "provider_id",
    "parent_id",
    "customer_id",
    "status",
    "status_as_of",
    "data",
    "failure",
    "effect_guarantee",
    "version",
    "revision",
    "poll_at",
    "polls",
    "created_at",
    "updated_at",
)
COLUMNS: Final = (*_AS_THEY_ARE, "kind", "facts")


def resource_of(row: Mapping[str, Any]) -> Resource:
    return Resource(
        **{name: row[name] for name in _AS_THEY_ARE},
        kind=KINDS[row["kind"]],
        facts={
            name: Fact(weight, datetime.fromisoformat(as_of), value)
            for name, (weight, as_of, value) in row["facts"].items()
        },
        stored_revision=row["revision"],
    )


def resource_row(resource: Resource) -> tuple[Any, ...]:
    """Values in the order of `COLUMNS`."""
    facts = {name: [fact.weight, isoformat(fact.as_of), fact.value] for name, fact in resource.facts.items()}
    return (*(getattr(resource, name) for name in _AS_THEY_ARE), resource.kind.name, facts)
