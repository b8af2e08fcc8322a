"""Which connection each operation of a batch is to use, found before any transaction is opened."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

import structlog

from onerouter_common.contracts.base import Contract
from onerouter_common.db.engine import Pool
from onerouter_common.errors import CallerError, CapabilityUnsupported, OneRouterError, Overloaded, ServiceNotConfigured
from onerouter_common.worker.handler import CategoryRules, Connection, Connections, Handler, Operation, RouteHint
from onerouter_common.worker.started import NotPrepared

log = structlog.get_logger()

Route: TypeAlias = Connection | OneRouterError | None
"""The connection; or why there can be none; or None: the registry cannot be asked now, try again."""


def is_fresh(op: Operation) -> bool:
    """Whether it makes the resource that orders it, so that nothing else can be waiting for or changing it."""
    return op.resource_id == op.ordering_key and op.operation.endswith(".create")


def owned_by(resource: Any, op: Operation) -> Any:
    """The resource if it is the operation's tenant's, else None: another tenant's id is as unknown as a made-up one."""
    if resource is None or (resource.tenant_id, resource.environment) != (op.tenant_id, op.environment):
        return None
    return resource


def keys_of(ops: Sequence[Operation]) -> list[str]:
    """Their ordering keys, sorted: every process locks in one order, so none waits in a circle."""
    return sorted({op.ordering_key for op in ops})


class Router:
    def __init__(self, pool: Pool, rules: CategoryRules[Any], connections: Connections) -> None:
        self._pool = pool
        self._rules = rules
        self._connections = connections

    async def routes(
        self, items: Sequence[tuple[Operation, Handler[Any, Any], Contract]], *, in_doubt: Collection[str] = ()
    ) -> dict[str, Route]:
        """By operation id. Where the resource decides, it is read without a lock: what pins a connection never changes.

        `in_doubt`: ids of operations that have a call of unknown outcome; only the connection it was made at can tell.
        """
        keys = keys_of([op for op, _, _ in items if not (is_fresh(op) and op.attempts == 0)])
        resources: dict[str, Any] = {}
        if keys:
            async with self._pool.acquire() as connection:
                resources = await self._rules.store.load(connection, keys, lock=False)
        found: dict[str, Route] = {}
        away = await self._load({(op.tenant_id, op.environment, op.category) for op, _, _ in items})
        for op, handler, command in items:
            if (op.tenant_id, op.environment, op.category) in away:
                found[op.id] = None
                continue
            try:
                hint = handler.hint(op, command, owned_by(resources.get(op.ordering_key), op))
                found[op.id] = await self._choose(op, hint, handler.capability, in_doubt=op.id in in_doubt)
            except CallerError as error:
                found[op.id] = error
            except Overloaded:
                found[op.id] = None
            except Exception as error:
                log.exception("operation.hint.crashed", operation_id=op.id, error=type(error).__name__)
                found[op.id] = NotPrepared()
        return found

    async def _load(self, wanted: Collection[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
        """Have the tenants' connections at hand, all at once; those the registry cannot be asked about now.

        One after the other a registry that hangs would cost its timeout per tenant, and the consumer its partitions.
        """
        keys = list(wanted)
        answers = await asyncio.gather(*(self._connections.route(*key) for key in keys), return_exceptions=True)
        away = {key for key, answer in zip(keys, answers, strict=True) if isinstance(answer, Overloaded)}
        if away:
            log.warning("routing.registry.away", tenants=len(away))
        return away

    async def _choose(self, op: Operation, hint: RouteHint, capability: str, *, in_doubt: bool) -> Connection:
        """Once chosen a connection stays, unless nothing can have happened there (`failures` since the last possible
        effect): then the next one in the tenant's order takes its turn.
        """
        pinned = hint.connection_id or (op.connection_id if in_doubt or not op.failures else None)
        if pinned is not None:
            connection = await self._connections.get(op.tenant_id, op.environment, op.category, pinned)
            if connection is None:
                raise ServiceNotConfigured("The provider connection that this operation needs was removed.")
            _require(connection, capability)
            return connection
        route = await self._connections.route(op.tenant_id, op.environment, op.category)
        candidates = [c for c in route if hint.provider is None or c.provider == hint.provider]
        if not candidates:
            wanted = f"'{hint.provider}'" if hint.provider else f"any {op.category} provider"
            raise ServiceNotConfigured(f"No enabled connection to {wanted} exists in the {op.environment} environment.")
        able = [c for c in candidates if c.idempotency_of(capability) is not None]
        if not able:
            _require(candidates[0], capability)
        return able[op.failures % len(able)]


def _require(connection: Connection, capability: str) -> None:
    if connection.idempotency_of(capability) is None:
        instead = connection.instead_of(capability)
        refusal = f"{connection.provider} does not support {capability}."
        raise CapabilityUnsupported(f"{refusal} {instead}" if instead else refusal)
