"""Which connection each operation of a batch is to use, found before any transaction is opened."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import JsonValue

from onerouter_common.contracts.base import Contract
from onerouter_common.db.engine import Pool
from onerouter_common.errors import (
    CallerError,
    CapabilityUnsupported,
    CredentialsUnreadable,
    NotPermitted,
    OneRouterError,
    Overloaded,
    ServiceNotConfigured,
)
from onerouter_common.routing.decide import decide_for
from onerouter_common.routing.decision import Decision, stays_with_resource
from onerouter_common.routing.refusal import refusal_of
from onerouter_common.routing.route import Route, RoutingRequest
from onerouter_common.worker.handler import (
    CategoryRules,
    Connection,
    Connections,
    ConnectionUnusable,
    Handler,
    Operation,
    RouteHint,
)
from onerouter_common.worker.started import NotPrepared

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Routed:
    """Where an operation goes, or why it can go nowhere. One of `connection` and `refusal` is set."""

    connection: Connection | None = None
    refusal: OneRouterError | None = None
    decision: Mapping[str, JsonValue] | None = None
    """To be stored with the operation; None: it stays with what was decided before, if anything was."""


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
        found: dict[str, Routed | None] = {}
        known = await self._load({(op.tenant_id, op.environment, op.category) for op, _, _ in items})
        for op, handler, command in items:
            route = known.get((op.tenant_id, op.environment, op.category))
            if route is None:
                found[op.id] = None
                continue
            if route.suspended and op.id not in in_doubt:
                found[op.id] = Routed(refusal=_suspended())
                continue
            try:
                hint = handler.hint(op, command, owned_by(resources.get(op.ordering_key), op))
                found[op.id] = await self._choose(op, hint, handler.capability, route, in_doubt=op.id in in_doubt)
            except CallerError as error:
                found[op.id] = Routed(refusal=error)
            except Overloaded:
                found[op.id] = None
            except Exception as error:
                log.exception("operation.hint.crashed", operation_id=op.id, error=type(error).__name__)
                found[op.id] = Routed(refusal=NotPrepared())
        return found

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

    async def _choose(self, op: Operation, hint: RouteHint, capability: str, route: Route, *, in_doubt: bool) -> Routed:
        """Once chosen a connection stays, unless nothing can have happened there (`failures` since the last possible
        effect, or it takes nothing new any more): then the next one of the decision takes its turn.
        """
        pinned = hint.connection_id
        if pinned is None and op.connection_id is not None and (in_doubt or _stays(op, route)):
            pinned = op.connection_id
        if pinned is not None:
            connection = await self._connections.get(op.tenant_id, op.environment, op.category, pinned)
            if connection is None:
                raise ServiceNotConfigured("The provider connection that this operation needs was removed.")
            _require(connection, capability)
            new = hint.connection_id is not None and op.connection_id is None
            return Routed(connection, decision=stays_with_resource(connection.id, connection.provider) if new else None)
        request = RoutingRequest(capability, hint.facts, hint.provider, op.ordering_key)
        decision = decide_for(route, request)
        if not decision.candidates:
            refusal = refusal_of(decision, route.candidates, request, category=op.category, environment=op.environment)
            if isinstance(refusal, Overloaded):
                raise refusal
            return Routed(refusal=refusal, decision=decision.to_json(None))
        return await self._open(op, decision)

    async def _open(self, op: Operation, decision: Decision) -> Routed:
        """The candidate whose turn it is; one that cannot be opened here is passed over.

        Raises Overloaded when none can, or CredentialsUnreadable when that is why for each.
        """
        first = op.failures % len(decision.candidates)
        turns = decision.candidates[first:] + decision.candidates[:first]
        unreadable: list[CredentialsUnreadable] = []
        for taken in turns:
            try:
                connection = await self._connections.get(op.tenant_id, op.environment, op.category, taken.connection_id)
            except CredentialsUnreadable as error:
                unreadable.append(error)
                continue
            except ConnectionUnusable:
                continue
            if connection is not None:
                return Routed(connection, decision=decision.to_json(connection.id))
        if len(unreadable) == len(turns):
            raise unreadable[0]
        # What may pass by itself outweighs what only the tenant can mend: the operation waits.
        raise Overloaded("No connection can be used right now.")


def _stays(op: Operation, route: Route) -> bool:
    """Whether an operation without a call in doubt goes on where it was."""
    open_to_it = any(one.connection_id == op.connection_id and one.takes_new for one in route.candidates)
    return not op.failures and open_to_it


def _suspended() -> NotPermitted:
    return NotPermitted(
        "This account is suspended; nothing was sent. Write to the operator of this service.", code="TENANT_SUSPENDED"
    )


def _require(connection: Connection, capability: str) -> None:
    if connection.idempotency_of(capability) is None:
        instead = connection.instead_of(capability)
        refusal = f"{connection.provider} does not support {capability}."
        raise CapabilityUnsupported(f"{refusal} {instead}" if instead else refusal)
