"""Disputes as they are kept in their payment's row, and back. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue

from onerouter_payments.dispute.kind import DISPUTE_KIND
from onerouter_payments.resource.state import Fact, Resource

_AS_THEY_ARE: Final = ("id", "provider_id", "status", "version", "revision")
_MOMENTS: Final = ("status_as_of", "created_at", "updated_at")


def disputes_of(row: Mapping[str, Any]) -> tuple[Resource, ...]:
    """`row`: of `payments`; whose they are and where they live is as of the payment."""
    return tuple(
        Resource(
            kind=DISPUTE_KIND,
            tenant_id=row["tenant_id"],
            environment=row["environment"],
            connection_id=row["connection_id"],
            provider=row["provider"],
            parent_id=row["id"],
            data={},
            **{name: kept[name] for name in _AS_THEY_ARE},
            status_as_of=datetime.fromisoformat(kept["status_as_of"]),
            created_at=datetime.fromisoformat(kept["created_at"]),
            updated_at=datetime.fromisoformat(kept["updated_at"]),
            facts={
                name: Fact(weight, datetime.fromisoformat(as_of), value)
                for name, (weight, as_of, value) in kept["facts"].items()
            },
        )
        for kept in row["disputes"]
    )


def dispute_rows(disputes: Sequence[Resource]) -> list[JsonValue]:
    return [
        {
            **{name: getattr(dispute, name) for name in _AS_THEY_ARE},
            **{name: getattr(dispute, name).isoformat() for name in _MOMENTS},
            "facts": {name: [fact.weight, fact.as_of.isoformat(), fact.value] for name, fact in dispute.facts.items()},
        }
        for dispute in disputes
    ]
