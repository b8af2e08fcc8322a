"""An operation as the public API shows it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.contracts.replies import Problem, Reply


def operation_view(
    row: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]], cost: dict[str, JsonValue] | None = None
) -> dict[str, JsonValue]:
    """`status` is the operation's state; `effect` what is known to have changed outside; `cost` as its category shows it."""
    problem = row["problem"]
    kind, _, action = row["operation"].partition(".")
    return {
        "id": row["id"],
        "object": "operation",
        "category": row["category"],
        "operation": row["operation"],
        "action": action,
        "status": row["state"],
        "resource": {"kind": kind, "id": row["resource_id"]},
        "provider": row["provider"],
        "connection_id": row["connection_id"],
        "routing": row["routing"],
        "created_at": isoformat(row["created_at"]),
        "created": int(row["created_at"].timestamp()),
        "updated_at": isoformat(row["updated_at"]),
        "finished_at": _moment(row["finished_at"]),
        "attempts": [attempt_view(attempt) for attempt in attempts],
        "provider_ms": row["provider_ms"],
        "result": row["result"],
        "error": problem,
        "cost": cost,
        "effect": effect_of(row["state"], problem),
        "effect_guarantee": row["effect_guarantee"],
        "metadata": row["metadata"] or {},
        "environment": row["environment"],
    }


def reply_view(row: Mapping[str, Any]) -> Reply:
    """The reply that a waiting gateway would be sent now."""
    return Reply(
        operation_id=row["id"],
        made_by=row["made_by"],
        fingerprint=row["fingerprint"],
        state=row["state"],
        resource_id=row["resource_id"],
        status=row["status"] or 202,
        result=row["result"],
        problem=None if row["problem"] is None else Problem.model_validate(row["problem"]),
        provider_ms=row["provider_ms"],
    )


def attempt_view(row: Mapping[str, Any]) -> dict[str, JsonValue]:
    """`kind`: the call, a repeat under the same key, or a look-up whether it was done."""
    return {
        "number": row["number"],
        "kind": row["kind"],
        "provider": row["provider"],
        "connection_id": row["connection_id"],
        "started_at": isoformat(row["created_at"]),
        "duration_ms": row["duration_ms"],
        "outcome": row["outcome"],
        "reason": row["reason"],
        "provider_code": row["provider_code"],
        "provider_request_id": row["provider_request_id"],
    }


def effect_of(state: str, problem: Mapping[str, Any] | None) -> str:
    """What is known to have changed outside."""
    if state == "succeeded":
        return "committed"
    if state in ("executing", "unknown"):
        return "unknown"
    return str(problem["effect"]) if problem is not None else "none"


def _moment(value: datetime | None) -> str | None:
    return None if value is None else isoformat(value)
