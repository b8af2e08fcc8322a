"""Which connection each operation of a batch is to use, found before any transaction is opened."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import structlog

from onerouter_common.contracts.base import Contract
from onerouter_common.db.engine import Pool
from onerouter_common.errors import NotPermitted
from onerouter_common.routing.route import Route
from onerouter_common.worker import started as starting
from onerouter_common.worker.choice import ENDS_HERE, Choice, Routed, choose, instead_of
from onerouter_common.worker.circuit.circuits import NEVER, Circuits
from onerouter_common.worker.circuit.passing import let_through
from onerouter_common.worker.circuit.rule import Gate
from onerouter_common.worker.handler import CategoryRules, Connections, Handler, Operation
from onerouter_common.worker.opening import open_all

log = structlog.get_logger()


def is_fresh(op: Operation, arrived_at: Handler[Any, Any] | None = None) -> bool:
    """Whether it makes the resource that orders it, so that nothing else can be waiting for or changing it.

    `arrived_at`: its handler, where it has just come through the log; what is stored already others may have met since.
    """
    makes = op.operation.endswith(".create") or (arrived_at is not None and arrived_at.makes_resource)
    return makes and op.resource_id == op.ordering_key


def owned_by(resource: Any, op: Operation) -> Any:
    """The resource if it is the operation's tenant's, else None: another tenant's id is as unknown as a made-up one."""
    if resource is None or (resource.tenant_id, resource.environment) != (op.tenant_id, op.environment):
        return None
    return resource


def keys_of(ops: Sequence[Operation]) -> list[str]:
    """Their ordering keys, sorted: every process locks in one order, so none waits in a circle."""
    return sorted({op.ordering_key for op in ops})


class Router:
    def __init__(
        self,
        pool: Pool,
        rules: CategoryRules[Any],
        connections: Connections,
        circuits: Circuits | None = None,
    ) -> None:
        """`circuits` None: nothing is kept from a connection."""
        self._pool = pool
        self._rules = rules
        self._connections = connections
        self._circuits = circuits or Circuits(NEVER, category=rules.category)

    async def routes(
        self,
        items: Sequence[tuple[Operation, Handler[Any, Any], Contract]],
        *,
        in_doubt: Collection[str] = (),
        arrived: bool = False,
    ) -> dict[str, Routed | None]:
        """By operation id; None: nobody can be asked now, try again. Also for what is local, and needs no answer.

        Where the resource decides, it is read without a lock: what pins a connection never changes. `in_doubt`: ids of
        operations that have a call of unknown outcome; only the connection it was made at can tell. `arrived`: they have
        just come through the log.
        """
        found: dict[str, Routed | None] = {op.id: None for op, _, _ in items}
        items = [item for item in items if not item[1].is_local]
        stored = [op for op, handler, _ in items if op.attempts or not is_fresh(op, handler if arrived else None)]
        keys = self._rules.resource_keys(stored)
        resources: dict[str, Any] = {}
        if keys:
            async with self._pool.acquire() as connection:
                resources = await self._rules.store.load(connection, keys, lock=False)
        for op, handler, command in items:
            resource = owned_by(resources.get(self._rules.resource_key(op)), op)
            if op.id not in in_doubt and _ends_here(op, handler, command, resource):
                found[op.id] = ENDS_HERE
        items = [item for item in items if found[item[0].id] is None]
        known = await self._load({(op.tenant_id, op.environment, op.category) for op, _, _ in items})
        choices: list[Choice] = []
        for op, handler, command in items:
            route = known.get((op.tenant_id, op.environment, op.category))
            if route is None:
                continue
            if route.suspended and op.id not in in_doubt:
                found[op.id] = Routed(refusal=_suspended())
                continue
            try:
                hint = handler.hint(op, command, owned_by(resources.get(self._rules.resource_key(op)), op))
                choice = choose(
                    op, hint, handler.capability, route, in_doubt=op.id in in_doubt, is_closed=self._is_closed
                )
            except Exception as error:
                found[op.id] = instead_of(op, error)
                continue
            if isinstance(choice, Routed):
                found[op.id] = choice
            else:
                choices.append(choice)
        found.update(await self._opened(choices, in_doubt))
        return found

    async def _opened(self, choices: Sequence[Choice], in_doubt: Collection[str]) -> dict[str, Routed | None]:
        """By operation id: each with the connection its choice comes to, as far as circuits let it through."""
        found: dict[str, Routed | None] = {}
        cold: list[Choice] = []
        passed = await let_through(choices, self._circuits, in_doubt=in_doubt)
        for choice, one in zip(choices, passed, strict=True):
            try:
                taken: Routed | Choice | None = one if isinstance(one, Routed) else self._at_hand(one)
            except Exception as error:
                taken = instead_of(choice.op, error)
            if isinstance(taken, Choice):
                cold.append(taken)
            else:
                found[choice.op.id] = taken
        if cold:
            found.update(await open_all(cold, self._connections))
        return found

    def _is_closed(self, connection_id: str) -> bool:
        return self._circuits.gate(connection_id) is Gate.CLOSED

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


def _ends_here(op: Operation, handler: Handler[Any, Any], command: Contract, resource: Any) -> bool:
    """Whether no provider has to be asked. Told again when it is begun, and only then believed."""
    if op.attempts:
        try:
            return handler.held(op, command, resource) is not None
        except Exception:
            return False  # it is told again, and logged there
    return starting.concluded(handler, op, command, resource) is not None


def _suspended() -> NotPermitted:
    return NotPermitted(
        "This account is suspended; nothing was sent. Write to the operator of this service.", code="TENANT_SUSPENDED"
    )
