"""From what became of an operation to the HTTP answer. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from onerouter_common.clock import isoformat
from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.replies import Problem, Reply
from onerouter_common.errors import IdempotencyMismatch, OperationInFlight
from onerouter_common.once.key import MISMATCH, REPLAYED
from onerouter_common.web import problems


def mismatch() -> IdempotencyMismatch:
    return IdempotencyMismatch(MISMATCH)


def in_flight(operation_id: str) -> OperationInFlight:
    return OperationInFlight(
        f"The first request with this Idempotency-Key is still being carried out, as GET /v1/operations/{operation_id}.",
        operation_id=operation_id,
    )


def location(operation_id: str) -> str:
    return f"/v1/operations/{operation_id}"


def of_reply(reply: Reply, *, command: Command, instance: str) -> Response:
    """The answer to a request whose operation ended, or whose outcome cannot be known soon. Raises IdempotencyMismatch."""
    if reply.mismatch or reply.fingerprint not in {None, command.fingerprint}:
        raise mismatch()
    headers = {problems.OPERATION_ID_HEADER: reply.operation_id}
    if reply.made_by != command.command_id:
        headers[REPLAYED] = "true"
    if reply.state == "succeeded" and reply.result is not None:
        return json_response(reply.result, status=reply.status, headers=headers)
    if reply.state in {"failed", "canceled"} and reply.problem is not None:
        extra = {"operation_id": reply.operation_id, "resource_id": reply.resource_id}
        return problems.response_of(reply.problem, instance=instance, headers=headers, extra=extra)
    return accepted(command, state=reply.state, problem=reply.problem, headers=headers)


def accepted(
    command: Command,
    *,
    state: str,
    problem: Problem | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """202: it is stored and will end; where to look for it."""
    unknown = state == "unknown"
    is_done = state == "succeeded"  # and its result is lost, or was not kept
    body: dict[str, Any] = {
        "id": command.operation_id,
        "object": "operation",
        "operation": command.operation,
        "category": command.category,
        "status": state,
        "effect": "unknown" if unknown else "committed" if is_done else "none",
        "resource_id": command.resource_id,
        "environment": command.environment,
        "accepted_at": isoformat(command.accepted_at),
        "created": int(command.accepted_at.timestamp()),
        "detail": _UNKNOWN if unknown else problem.detail if is_done and problem is not None else _RUNNING,
    }
    if problem is not None:
        body["error"] = {"code": problem.code, "message": problem.detail, "provider": problem.provider}
    return json_response(
        body,
        status=202,
        headers={
            problems.OPERATION_ID_HEADER: command.operation_id,
            **(headers or {}),
            "Location": location(command.operation_id),
        },
    )


_UNKNOWN = (
    "The provider has not told us the outcome; it is asked again until it does. Do not send the request under another "
    "key."
)
_RUNNING = "The request is stored and being carried out; look at its operation, or wait for its event."


def json_response(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json", headers=dict(headers or {}))
