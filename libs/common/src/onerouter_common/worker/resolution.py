"""An operation whose outcome nobody could find out is ended by what a person found out.

The provider is asked first, where it can be. Then the operation is taken like by any claim (fenced by its generation), and
what was decided goes through the settlement of every other result: resource, events, record and reply are the same. A
process that dies in between leaves an operation that is asked about again, and the person repeats it.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import structlog

from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.replies import FINAL_STATES
from onerouter_common.db.engine import Pool
from onerouter_common.errors import (
    CallerError,
    Conflict,
    CredentialsUnreadable,
    InvalidRequest,
    NotFound,
    Overloaded,
    ProviderDeclined,
    ProviderError,
    ProviderRefusedUs,
    ResolvedAsNotDone,
    Superseded,
)
from onerouter_common.ids import RESOLUTION, new_id
from onerouter_common.worker import history, statements
from onerouter_common.worker.execution import Finished
from onerouter_common.worker.handler import (
    CategoryRules,
    Connection,
    Connections,
    ConnectionUnusable,
    Failed,
    Handler,
    Idempotency,
    NeverSent,
    Operation,
    Succeeded,
)
from onerouter_common.worker.lease import Lease
from onerouter_common.worker.routing import owned_by
from onerouter_common.worker.settlement import Settlement
from onerouter_common.worker.slots import Slots
from onerouter_common.worker.started import Started, provider_key_of

log = structlog.get_logger()

_BUSY_S: Final = 3.0
"""How long is waited for a question about it that is just being asked."""
_ASK_MOST_S: Final = 15.0
"""Longest wait for the provider: a person waits behind a gateway that gives up after 30 s."""
_SETTLED_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.05
_ANY_BOUND: Final = 1_000_000
"""There is no wire call, so the connection's bound on those does not count."""

_FIND: Final = "SELECT * FROM operations WHERE id = $1"
_RESOLUTION: Final = """
SELECT data FROM history WHERE ordering_key = $1 AND operation_id = $2 AND kind = 'resolution'
ORDER BY created_at DESC LIMIT 1
"""
_TAKE: Final = """
UPDATE operations SET state = 'executing', owner = $4, generation = generation + 1, updated_at = now(),
    due_at = now() + make_interval(secs => $5)
WHERE id = $1 AND created_at = $2 AND generation = $3 AND state = 'unknown'
RETURNING generation
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person found out."""

    outcome: Literal["succeeded", "failed"]
    """`failed`: nothing was done at the provider."""
    reason: str
    """One line for the tenant and for whoever looks later."""
    by: str
    """Who, for our own books."""
    provider_id: str | None = None
    """The provider's id of what was done; needed for `succeeded`."""

    def is_in(self, told: Any) -> bool:
        return (told["outcome"], told["provider_id"]) == (self.outcome, self.provider_id)


@dataclass(frozen=True, slots=True)
class _Subject:
    """An operation of unknown outcome, and what was asked of the provider."""

    row: Any
    op: Operation
    handler: Handler[Any, Any]
    command: Contract
    resource: Any
    connection: Connection | None
    """None: it is gone, or its credentials do not open."""


class Resolutions:
    def __init__(
        self,
        pool: Pool,
        rules: CategoryRules[Any],
        connections: Connections,
        slots: Slots,
        lease: Lease,
        settlement: Settlement,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._rules = rules
        self._connections = connections
        self._slots = slots
        self._lease = lease
        self._settlement = settlement
        self._clock = clock

    async def resolve(self, operation_id: str, decision: Decision) -> None:
        """Returns when it is settled; at once when it was settled by the same decision before.

        Raises NotFound, Conflict (its outcome is known, or the provider says otherwise), InvalidRequest (field
        `provider_id`: the provider has no such thing), Overloaded (the provider, or a part of ours, cannot be asked now).
        """
        row = await self._unknown(operation_id)
        if row["state"] in FINAL_STATES:
            await self._require_same(row, decision)
            return
        subject = await self._subject(row)
        step, verified = await self._step(subject, decision)
        await self._settle(subject, decision, step, verified=verified)
        await self._settled(operation_id)

    async def _unknown(self, operation_id: str) -> Any:
        """The row, `unknown` or final. It is `executing` for a moment each time the provider is asked about it."""
        until = asyncio.get_running_loop().time() + _BUSY_S
        while True:
            row = await self._pool.fetchrow(_FIND, operation_id)
            if row is None:
                raise NotFound(f"There is no operation {operation_id[:64]}.")
            if row["state"] == "unknown" or row["state"] in FINAL_STATES:
                return row
            if row["open_attempt_at"] is None or row["state"] != "executing":
                raise Conflict(f"Operation {operation_id} is {row['state']}: it goes on by itself.")
            if asyncio.get_running_loop().time() >= until:
                raise Conflict(f"Operation {operation_id} is being asked about right now: try again in a minute.")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _require_same(self, row: Any, decision: Decision) -> None:
        told = await self._pool.fetchval(_RESOLUTION, row["ordering_key"], row["id"])
        if told is None or not decision.is_in(told):
            raise Conflict(f"Operation {row['id']} has {row['state']}: only an unknown outcome can be decided.")

    async def _subject(self, row: Any) -> _Subject:
        op = statements.operation_of(row)
        handler = self._rules.handlers[op.operation]
        command = handler.command.model_validate(op.payload)
        async with self._pool.acquire() as connection:
            found = await self._rules.store.load(connection, self._rules.resource_keys([op]), lock=False)
        resource = owned_by(found.get(self._rules.resource_key(op)), op)
        return _Subject(row, op, handler, command, resource, await self._connection(op))

    async def _connection(self, op: Operation) -> Connection | None:
        """Raises Overloaded when that cannot be said now."""
        if op.connection_id is None:
            return None
        try:
            return await self._connections.get(op.tenant_id, op.environment, op.category, op.connection_id)
        except (CredentialsUnreadable, ConnectionUnusable):
            return None

    async def _step(self, subject: _Subject, decision: Decision) -> tuple[Succeeded | Failed, bool]:
        """The result to settle, and whether the provider was asked and agrees."""
        if decision.outcome == "succeeded":
            return await self._done(subject, decision.provider_id or "")
        verified = await self._not_done(subject)
        error = ResolvedAsNotDone(
            f"Nothing was done at {subject.op.provider}, as an operator of this service found out: {decision.reason}",
            provider=subject.op.provider or "",
            reason="resolved_by_operator",
        )
        return Failed(error), verified

    async def _done(self, subject: _Subject, provider_id: str) -> tuple[Succeeded, bool]:
        connection, handler, op = subject.connection, subject.handler, subject.op
        if connection is not None:
            request = handler.request(op, subject.command, subject.resource, connection)
            try:
                async with asyncio.timeout(min(connection.timeout_s, _ASK_MOST_S)):
                    told = await handler.confirm(connection.client, request, provider_id, provider_key_of(op.id))
            except (ProviderRefusedUs, ProviderDeclined) as refused:
                if refused.reason != "authentication_failed":
                    told = None
                else:
                    connection = None  # nobody can ask any more: as if it were gone
            except Superseded:
                told = None
            except (ProviderError, TimeoutError) as error:
                raise Overloaded(
                    f"{op.provider} cannot be asked whether it has {provider_id[:64]} right now; nothing was changed.",
                    retry_after_s=30,
                ) from error
            if connection is not None:
                if told is None:
                    raise InvalidRequest.of("provider_id", f"is not what {op.provider} has of this operation")
                return Succeeded(told), True
        return Succeeded(handler.believed(op, subject.command, subject.resource, provider_id)), False

    async def _not_done(self, subject: _Subject) -> bool:
        """Whether the provider's own word proves it. Raises Conflict when it has what was asked for."""
        connection, handler, op = subject.connection, subject.handler, subject.op
        if connection is None:
            return False
        try:
            request = handler.request(op, subject.command, subject.resource, connection)
            async with asyncio.timeout(min(connection.timeout_s, _ASK_MOST_S)):
                found = await handler.lookup(connection.client, request, provider_key_of(op.id))
        except NeverSent:
            return True
        except (ProviderError, CallerError, TimeoutError) as error:
            log.info("operation.resolution.unverified", operation_id=op.id, error=type(error).__name__)
            return False
        if found is not None:
            raise Conflict(
                f"{op.provider} has what operation {op.id} asked for: resolve it as succeeded, or wait for the next look."
            )
        # Where nothing is promised of a look-up, finding nothing proves nothing: it is the person's word.
        return connection.idempotency_of(handler.capability) is Idempotency.LOOKUP

    async def _settle(self, subject: _Subject, decision: Decision, step: Succeeded | Failed, *, verified: bool) -> None:
        op = subject.op
        if not self._lease.is_valid or not self._slots.take(op.tenant_id, op.connection_id, _ANY_BOUND, op.priority):
            raise Overloaded("The worker is busy; nothing was changed. Try again in a few seconds.", retry_after_s=5)
        try:
            generation = await self._take(subject, decision, verified=verified)
        except BaseException:
            self._slots.give(op.tenant_id, op.connection_id, op.priority)
            raise
        log.warning(
            "operation.resolved", operation_id=op.id, outcome=decision.outcome, verified=verified, by=decision.by
        )
        started = Started(
            replace(op, generation=generation, state="executing"),
            subject.handler,
            subject.command,
            open_attempt_at=subject.row["open_attempt_at"],
            traceparent=subject.row["traceparent"],
        )
        error = step.error if isinstance(step, Failed) else None
        self._settlement.add(Finished(started, step, outcome="resolved", error=error))

    async def _take(self, subject: _Subject, decision: Decision, *, verified: bool) -> int:
        """Raises Conflict when something else has happened to it since."""
        op = subject.op
        entry = history.Entry(
            new_id(RESOLUTION),
            "resolution",
            op.tenant_id,
            op.environment,
            op.ordering_key,
            (op.resource_id,),
            self._clock.now(),
            {
                "outcome": decision.outcome,
                "reason": decision.reason,
                "provider_id": decision.provider_id,
                "verified": verified,
                "by": decision.by,
            },
            operation_id=op.id,
        )
        async with self._pool.acquire() as connection, connection.transaction():
            generation = await connection.fetchval(
                _TAKE, op.id, op.created_at, op.generation, self._lease.owner, statements.HARD_LEASE_S
            )
            if generation is None:
                raise Conflict(f"Something has happened to operation {op.id} meanwhile: look at it again.")
            await history.add(connection, [entry])
        return int(generation)

    async def _settled(self, operation_id: str) -> None:
        until = asyncio.get_running_loop().time() + _SETTLED_S
        while asyncio.get_running_loop().time() < until:
            row = await self._pool.fetchrow("SELECT state FROM operations WHERE id = $1", operation_id)
            if row is not None and row["state"] in FINAL_STATES:
                return
            await asyncio.sleep(_LOOK_EVERY_S)
        raise Overloaded("It was decided, but is not stored yet: ask again in a few seconds.", retry_after_s=5)
