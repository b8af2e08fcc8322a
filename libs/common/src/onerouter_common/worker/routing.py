"""Which connection each operation of a batch is to use, found before any transaction is opened."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import structlog

from onerouter_common.contracts.base import Contract
from onerouter_common.db.engine import Pool
from onerouter_common.errors import NotPermitted
from onerouter_common.routing.route import Route
from onerouter_common.worker.choice import Choice, Routed, choose, instead_of
from onerouter_common.worker.handler import CategoryRules, Connections, Handler, Operation
from onerouter_common.worker.opening import open_all

log = structlog.get_logger()


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
    ) -> dict[str, Routed | None]:
        """By operation id; None: nobody can be asked now, try again.

        Where the resource decides, it is read without a lock: what pins a connection never changes. `in_doubt`: ids of
        operations that have a call of unknown outcome; only the connection it was made at can tell.
        """
        keys = keys_of([op for op, _, _ in items if not (is_fresh(op) and op.attempts == 0)])
        resources: dict[str, Any] = {}
        if keys:
            async with self._pool.acquire() as connection:
                resources = await self._rules.store.load(connection, keys, lock=False)
        known = await self._load({(op.tenant_id, op.environment, op.category) for op, _, _ in items})
        found: dict[str, Routed | None] = {}
        cold: list[Choice] = []
        for op, handler, command in items:
            found[op.id] = None
            route = known.get((op.tenant_id, op.environment, op.category))
            if route is None:
                continue
            if route.suspended and op.id not in in_doubt:
                found[op.id] = Routed(refusal=_suspended())
                continue
            try:
                hint = handler.hint(op, command, owned_by(resources.get(op.ordering_key), op))
                choice = choose(op, hint, handler.capability, route, in_doubt=op.id in in_doubt)
                taken = choice if isinstance(choice, Routed) else self._at_hand(choice)
                if isinstance(taken, Routed):
                    found[op.id] = taken
                else:
                    cold.append(taken)
            except Exception as error:
                found[op.id] = instead_of(op, error)
        if cold:
            found.update(await open_all(cold, self._connections))
        return found

    def _at_hand(self, choice: Choice) -> Routed | Choice:
        """What nearly every operation gets: a connection that is open already, without a task or a question."""
        op = choice.op
        connection = self._connections.at_hand(op.tenant_id, op.environment, op.category, choice.turns[0])
        return choice if connection is None else choice.taken(connection)

    async def _load(self, wanted: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], Route]:
        """The tenants' routes, all at once; without those the registry cannot be asked about now.

        One after the other a registry that hangs would cost its timeout per tenant, and the consumer its partitions.
        """
        keys = list(wanted)
        answers = await asyncio.gather(*(self._connections.route(*key) for key in keys), return_exceptions=True)
        known = {key: answer for key, answer in zip(keys, answers, strict=True) if isinstance(answer, Route)}
        if len(known) < len(keys):
            why = {type(answer).__name__ for answer in answers if not isinstance(answer, Route)}
            log.warning("routing.registry.away", tenants=len(keys) - len(known), errors=sorted(why))
        return known


def _suspended() -> NotPermitted:
    return NotPermitted(
        "This account is suspended; nothing was sent. Write to the operator of this service.", code="TENANT_SUSPENDED"
    )
