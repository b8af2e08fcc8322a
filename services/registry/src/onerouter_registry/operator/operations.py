"""Ending operations whose outcome nobody can tell: what an operator found out, in the tenant's books before it is done.

Two databases, so two entries: what was asked for is written down before the worker is told, what came of it after. A
process that dies in between has left the first, and repeating is safe.
"""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.errors import CallerError, InvalidRequest, NotFound
from onerouter_common.ids import OPERATION, is_id
from onerouter_registry.actor import Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.operator.category_workers import CategoryWorkers
from onerouter_registry.operator.internal_service import Answer
from onerouter_registry.transactions import operator_transaction
from onerouter_registry.validation import reason_of

_OUTCOMES: Final = ("succeeded", "failed")
_ENDED: Final = frozenset({"succeeded", "failed", "canceled"})
_PROVIDER_ID_CHARS: Final = 200


class StuckOperations:
    def __init__(self, engine: AsyncEngine, audit: AuditLog, workers: CategoryWorkers) -> None:
        self._engine = engine
        self._audit = audit
        self._workers = workers

    async def page(self, *, tenant_id: str | None = None, limit: int, cursor: str | None = None) -> Answer:
        """`{data, has_more, next_cursor}` of unknown outcome, oldest first. Raises InvalidRequest, Overloaded."""
        return await self._workers.list_unknown(tenant_id=tenant_id, limit=limit, cursor=cursor)

    async def get(self, operation_id: str) -> Answer:
        """Raises NotFound, Overloaded."""
        _require_id(operation_id)
        return await self._workers.get(operation_id)

    async def resolve(
        self, operation_id: str, outcome: str, reason: str, *, provider_id: str | None = None, by: Actor
    ) -> Answer:
        """The operation as it ended. `succeeded` needs the provider's id of what was done; `failed`: nothing was.

        Raises InvalidRequest, NotFound, Conflict (its outcome is known, or the provider says otherwise), Overloaded.
        """
        _require_id(operation_id)
        decision = _decision(outcome, reason, provider_id)
        before = await self._workers.get(operation_id)
        order = {**decision, "by": f"{by.kind} {by.id}"}
        if before["status"] in _ENDED:  # by the same decision before, or this is refused
            return await self._workers.resolve(operation_id, order)
        await self._record(by, "operation.resolution_requested", before, decision)
        try:
            after = await self._workers.resolve(operation_id, order)
        except CallerError as refused:
            await self._record(by, "operation.resolution_refused", before, {**decision, "refused": refused.detail})
            raise
        await self._record(by, "operation.resolved", before, {**decision, "status": after["status"]})
        return after

    async def _record(self, by: Actor, action: str, operation: Answer, after: dict[str, Any]) -> None:
        async with operator_transaction(self._engine) as tx:
            await self._audit.record(
                tx,
                by,
                action,
                tenant_id=operation["tenant_id"],
                environment=operation["environment"],
                target=("operation", operation["id"]),
                before={"status": operation["status"]},
                after=after,
            )


def _decision(outcome: str, reason: str, provider_id: str | None) -> dict[str, str]:
    if outcome not in _OUTCOMES:
        raise InvalidRequest.of("outcome", "must be succeeded or failed")
    decision = {"outcome": outcome, "reason": reason_of("reason", reason)}
    if outcome == "failed":
        if provider_id is not None:
            raise InvalidRequest.of("provider_id", "is of what was done: leave it out where nothing was")
        return decision
    named = (provider_id or "").strip()
    if not 1 <= len(named) <= _PROVIDER_ID_CHARS or not named.isascii() or not named.isprintable() or " " in named:
        raise InvalidRequest.of("provider_id", "is needed: the provider's id of what was done, as it shows it")
    return {**decision, "provider_id": named}


def _require_id(operation_id: str) -> None:
    if not is_id(OPERATION, operation_id):
        raise NotFound(f"There is no operation {operation_id[:64]}.")
