"""What the service of its category knows of an operation: for a reply that got lost, or a caller that does not wait."""

from collections.abc import Mapping

import structlog
from pydantic import ValidationError

from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.replies import FINAL_STATES, Reply
from onerouter_common.errors import Overloaded
from onerouter_gateway.upstream import Upstream

log = structlog.get_logger()


def is_answer(reply: Reply) -> bool:
    """Whether there is nothing more to wait for."""
    return reply.state in FINAL_STATES or reply.state == "unknown"


class OperationLookup:
    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        """`upstreams`: category → the service that carries out its operations."""
        self._upstreams = upstreams

    async def find(self, command: Command) -> Reply | None:
        """The reply as the operation's row gives it now, whoever's command made it (`answers.of_reply` tells).

        None when the operation is not known there (yet), or the service cannot be asked: the caller then answers 202.
        """
        try:
            answer = await self._upstreams[command.category].get(
                f"/internal/operations/{command.operation_id}/reply",
                tenant_id=command.tenant_id,
                environment=command.environment,
            )
        except Overloaded:
            return None
        if not answer.is_success:
            return None
        try:
            return Reply.model_validate(answer.json())
        except (ValidationError, ValueError):
            log.warning("operation.lookup.undecodable", operation_id=command.operation_id)
            return None
