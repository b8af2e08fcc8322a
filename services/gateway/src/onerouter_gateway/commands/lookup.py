"""What the payments service knows of an operation: for a reply that got lost, or a caller that does not wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import ValidationError

from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.replies import FINAL_STATES, Problem, Reply
from onerouter_common.errors import Overloaded
from onerouter_gateway.upstream import Upstream

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Found:
    """An operation as it stands."""

    reply: Reply
    is_surely_ours: bool
    """Without a key the id is this request's alone; with one only the fingerprint tells it from another request's."""

    @property
    def is_answer(self) -> bool:
        return self.is_surely_ours and (self.reply.state in FINAL_STATES or self.reply.state == "unknown")

    @property
    def is_in_flight(self) -> bool:
        return self.reply.state not in FINAL_STATES and self.reply.state != "unknown"


class OperationLookup:
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def find(self, command: Command, *, key: str | None) -> Found | None:
        """`key` is the caller's idempotency key.

        None when the operation is not known there (yet), or the service cannot be asked: the caller then answers 202.
        """
        try:
            answer = await self._upstream.get(
                f"/internal/operations/{command.operation_id}",
                tenant_id=command.tenant_id,
                environment=command.environment,
            )
        except Overloaded:
            return None
        if not answer.is_success:
            return None
        try:
            return _found(answer.json(), command, key)
        except (ValidationError, KeyError, TypeError, ValueError):
            log.warning("operation.lookup.undecodable", operation_id=command.operation_id)
            return None


def _found(body: Mapping[str, Any], command: Command, key: str | None) -> Found:
    """The public view of an operation as the reply that would have been sent for it."""
    error = body.get("error")
    reply = Reply(
        operation_id=body["id"],
        made_by=body.get("made_by") or command.command_id,
        fingerprint=body.get("fingerprint"),
        state=body["status"],
        resource_id=body["resource"]["id"],
        status=201 if command.operation.endswith(".create") else 200,
        result=body.get("result"),
        problem=Problem.model_validate(error) if error else None,
        provider_ms=body.get("provider_ms") or 0.0,
    )
    return Found(reply, is_surely_ours=key is None or reply.fingerprint is not None)
