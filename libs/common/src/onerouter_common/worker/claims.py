"""From the database to execution: what is to be done with what was due, recorded before it is done. Retries, schedules,
reconciliation, what crashed workers left.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import structlog

from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Contract
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.db.engine import Pool
from onerouter_common.retry import Backoff
from onerouter_common.worker import started as starting
from onerouter_common.worker import statements
from onerouter_common.worker.choice import NOWHERE, Routed
from onerouter_common.worker.due import Claimed, Due
from onerouter_common.worker.duty import Duty
from onerouter_common.worker.handler import CategoryRules, Connection, Handler, Idempotency, Operation
from onerouter_common.worker.lease import Lease
from onerouter_common.worker.pace.pacing import NOBODY_WAITS, Calling, Pacing, state_of
from onerouter_common.worker.routing import Router, owned_by
from onerouter_common.worker.slots import Slots
from onerouter_common.worker.started import Started

log = structlog.get_logger()

_REGISTRY_AWAY_S: Final = 1.0
_BROKEN_S: Final = 60.0
_CONNECTION_GONE_S: Final = 3_600.0
_RETENTION_MARGIN_S: Final = 60.0
_SPREAD: Final = Backoff(first_s=1.0)
"""So that what waits for one circuit does not come back in one moment."""

_BEGIN: Final = """
UPDATE operations o SET attempts = mine.attempts, connection_id = mine.connection_id, provider = mine.provider,
    open_attempt_at = mine.open_attempt_at, effect_guarantee = mine.effect_guarantee, turn_at = NULL,
    routing = COALESCE(mine.routing, o.routing)
FROM unnest($1::text[], $2::timestamptz[], $3::int[], $4::int[], $5::text[], $6::text[], $7::timestamptz[], $8::text[],
            $9::jsonb[])
    AS mine (id, created_at, generation, attempts, connection_id, provider, open_attempt_at, effect_guarantee, routing)
WHERE o.id = mine.id AND o.created_at = mine.created_at AND o.generation = mine.generation AND o.owner = $10
  AND o.state = 'executing'
RETURNING o.id
"""

# Why there is no call: the settlement that ends it knows nothing of routes.
_EXPLAIN: Final = """
UPDATE operations o SET routing = mine.routing
FROM unnest($1::text[], $2::timestamptz[], $3::int[], $4::jsonb[]) AS mine (id, created_at, generation, routing)
WHERE o.id = mine.id AND o.created_at = mine.created_at AND o.generation = mine.generation AND o.owner = $5
  AND o.state = 'executing'
"""

_RELEASE: Final = """
UPDATE operations o SET state = mine.state, due_at = now() + make_interval(secs => mine.due_in_s), owner = NULL,
    turn_at = CASE WHEN mine.has_turn THEN now() + make_interval(secs => mine.due_in_s) ELSE o.turn_at END,
    updated_at = now()
FROM unnest($1::text[], $2::timestamptz[], $3::int[], $4::text[], $5::float8[], $6::bool[])
    AS mine (id, created_at, generation, state, due_in_s, has_turn)
WHERE o.id = mine.id AND o.created_at = mine.created_at AND o.generation = mine.generation AND o.owner = $7
  AND o.state = 'executing'
"""


class Claims:
    def __init__(
        self,
        pool: Pool,
        rules: CategoryRules[Any],
        router: Router,
        slots: Slots,
        lease: Lease,
        clock: Clock,
        *,
        pacing: Pacing,
        come_back: Callable[[float], None],
        duty: Duty = Duty.ALL,
    ) -> None:
        """`come_back` is told in how many seconds something that was put back is due."""
        self._pool = pool
        self._rules = rules
        self._router = router
        self._slots = slots
        self._lease = lease
        self._clock = clock
        self._pacing = pacing
        self._come_back = come_back
        passing = [name for name, handler in rules.handlers.items() if handler.passes_retries]
        self.due = Due(
            pool,
            slots,
            lease,
            category=rules.category,
            passing=passing,
            passed=[name for name, handler in rules.handlers.items() if handler.is_passed_in_retries],
            takes_urgent=duty.takes_urgent,
            holds_in_doubt=rules.holds_in_doubt,
        )
        self._ask_in_s: dict[str, float] = {}
        """Of the present batch: in doubt, and not asked about now (its connection was removed, its circuit is open)."""
        self._paced = NOBODY_WAITS
        """Of the present batch."""

    async def claim(self) -> list[Started]:
        """Take what is due and has room, decide what is to be done, record it. Empty: nothing is due."""
        if self.due.in_hand:  # what an earlier call took when the database went away
            await self._hand_back(self.due.in_hand, due_in_s=0)
            self.due.in_hand = []
        taken = await self.due.take()
        started = await self._begin_all(taken) if taken else []
        self.due.in_hand = []
        return started

    async def _begin_all(self, taken: list[Claimed]) -> list[Started]:
        """One that cannot be begun (made by a newer version, say) is found by trying each alone: it holds up no other."""
        try:
            return await self._begin(taken)
        except DATABASE_AWAY:
            raise
        except Exception as error:
            log.exception("claims.batch.broken", operations=len(taken), error=type(error).__name__)
        started: list[Started] = []
        try:
            for claimed in taken:
                try:
                    started += await self._begin([claimed])
                except DATABASE_AWAY:
                    raise
                except Exception:
                    log.exception("operation.not_begun.broken", operation_id=claimed.op.id)
                    await self._hand_back([claimed], due_in_s=_BROKEN_S)
        except BaseException:
            for one in started:
                self._slots.give(one.op.tenant_id, one.op.connection_id, one.op.priority)
            raise
        return started

    async def _hand_back(self, ones: Sequence[Claimed], *, due_in_s: float) -> None:
        marked = [(one.op, one.open_attempt_at) for one in ones]
        await statements.hand_back(self._pool, marked, owner=self._lease.owner, due_in_s=due_in_s)

    async def _with_past(self, taken: list[Claimed]) -> list[Claimed]:
        """Each with who said no to it: a call that was refused and is not the end went elsewhere. And with how many of its
        calls never left us, and whether one had no answer."""
        again = [c.op for c in taken if c.op.attempts and c.open_attempt_at is None]
        if not again:
            return taken
        said_no = await statements.refusals_of(self._pool, again)
        unsent = await statements.unsent_of(self._pool, again)
        doubted = await statements.doubted_of(self._pool, again) if self._rules.holds_in_doubt else set[str]()
        if not said_no and not unsent and not doubted:
            return taken
        return [
            replace(
                c,
                op=replace(
                    c.op,
                    refusals=said_no.get(c.op.id, {}),
                    unsent=unsent.get(c.op.id, 0),
                    doubted=c.op.id in doubted,
                ),
            )
            for c in taken
        ]

    def _command_of(self, op: Operation) -> tuple[Handler[Any, Any], Contract]:
        handler = self._rules.handlers[op.operation]
        return handler, handler.command.model_validate(op.payload)

    async def _begin(self, taken: list[Claimed]) -> list[Started]:
        taken = await self._with_past(taken)
        items = [(claimed.op, *self._command_of(claimed.op)) for claimed in taken]
        in_doubt = {claimed.op.id for claimed in taken if claimed.open_attempt_at is not None}
        routes = await self._router.routes(items, in_doubt=in_doubt)
        now = self._clock.now()
        self._paced = await self._pacing.of(self._calling(taken, items, routes, now))
        slotted: list[Started] = []
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                resources = await self._rules.store.load(
                    connection, self._rules.resource_keys([c.op for c in taken]), lock=True
                )
                started: list[Started] = []
                put_back: list[Claimed] = []
                to_save: list[Any] = []
                for claimed, (op, handler, command) in zip(taken, items, strict=True):
                    resource = owned_by(resources.get(self._rules.resource_key(op)), op)
                    one, changed = self._decide(claimed, handler, command, resource, routes[op.id], now)
                    if one is None:
                        put_back.append(claimed)
                        continue
                    started.append(one)
                    slotted.append(one)
                    if changed is not None:
                        to_save.append(changed)
                put_back_in_s = await self._release(connection, put_back)
                kept = await self._record(connection, started)
                await statements.insert_attempts(connection, kept)
                if to_save:
                    await self._rules.store.save(connection, to_save)
        except BaseException:
            for one in slotted:
                self._slots.give(one.op.tenant_id, one.op.connection_id, one.op.priority)
            raise
        for in_s in put_back_in_s:
            self._come_back(in_s)
        return started

    def _calling(
        self,
        taken: Sequence[Claimed],
        items: Sequence[tuple[Operation, Handler[Any, Any], Contract]],
        routes: Mapping[str, Routed | None],
        now: datetime,
    ) -> Iterator[Calling]:
        """Those that are about to make a call which does something."""
        for claimed, (op, handler, command) in zip(taken, items, strict=True):
            route = routes[op.id]
            connection = route.connection if route is not None else None
            if connection is None:
                continue
            if claimed.open_attempt_at is None or _may_repeat(connection, handler.capability, claimed, now):
                yield Calling(op, handler, command, connection, claimed.has_turn)

    def _decide(
        self,
        claimed: Claimed,
        handler: Handler[Any, Any],
        command: Contract,
        resource: Any,
        route: Routed | None,
        now: datetime,
    ) -> tuple[Started | None, Any]:
        op = claimed.op
        ended = starting.concluded(handler, op, command, resource)
        if ended is None and route is not None:
            ended = _held(claimed, handler, command, resource, route)
        if ended is not None:
            route = NOWHERE
        if route is None or route.ends_here or self._asks_later(claimed, route):
            return None, None
        connection = route.connection
        if connection is not None and op.id in self._paced.turns:
            return None, None
        bound = connection.max_in_flight if connection is not None else 0
        if (connection is not None and op.id in self._paced.no_room) or not self._slots.take(
            op.tenant_id, connection.id if connection is not None else None, bound, op.priority
        ):
            self.due.wants_room = True
            return None, None
        if connection is None:
            op = replace(op, connection_id=None)
            one = ended or Started(op, handler, command, refusal=route.refusal, routing=route.decision)
            return replace(one, op=op, traceparent=claimed.traceparent), None
        op = replace(op, connection_id=connection.id, provider=connection.provider)
        if claimed.open_attempt_at is None:
            one, changed = starting.begin(handler, op, command, resource, connection, now=now)
            one = replace(one, traceparent=claimed.traceparent, routing=route.decision, others=route.others)
            return one, changed
        try:
            return self._ask(claimed, op, handler, command, resource, connection, now), None
        except Exception:
            self._slots.give(op.tenant_id, op.connection_id, op.priority)
            raise

    def _asks_later(self, claimed: Claimed, route: Routed) -> bool:
        """Whether an earlier call may have had an effect, and its connection is not asked about it now."""
        if claimed.open_attempt_at is None:
            return False
        if route.refusal is not None:
            # The connection is gone: nobody can be asked, a person must decide.
            log.error("operation.unknown.connection_gone", operation_id=claimed.op.id)
            self._ask_in_s[claimed.op.id] = _CONNECTION_GONE_S
        elif route.wait_s is not None:
            self._ask_in_s[claimed.op.id] = _SPREAD.wait_s(1, retry_after_s=route.wait_s)
        return claimed.op.id in self._ask_in_s

    def _ask(
        self,
        claimed: Claimed,
        op: Operation,
        handler: Handler[Any, Any],
        command: Contract,
        resource: Any,
        connection: Connection,
        now: datetime,
    ) -> Started:
        """An earlier call has an unknown outcome: repeat it under its key, or look it up; never send it blind."""
        kind: starting.AttemptKind = "repeat" if _may_repeat(connection, handler.capability, claimed, now) else "lookup"
        op = replace(op, attempts=op.attempts + 1)
        return Started(
            op,
            handler,
            command,
            starting.new_attempt(op, kind, connection, handler.capability, now=now),
            handler.request(op, command, resource, connection),
            open_attempt_at=claimed.open_attempt_at,
            traceparent=claimed.traceparent,
        )

    async def _record(self, connection: Any, started: list[Started]) -> list[Started]:
        """Write what is about to be done; those whose row was taken over meanwhile are dropped from the list returned."""
        refused = [one for one in started if one.attempt is None and one.routing is not None]
        if refused:
            await connection.execute(
                _EXPLAIN,
                [one.op.id for one in refused],
                [one.op.created_at for one in refused],
                [one.op.generation for one in refused],
                [one.routing for one in refused],
                self._lease.owner,
            )
        called = [one for one in started if one.attempt is not None]
        if not called:
            return []
        rows = await connection.fetch(
            _BEGIN,
            [one.op.id for one in called],
            [one.op.created_at for one in called],
            [one.op.generation for one in called],
            [one.op.attempts for one in called],
            [one.op.connection_id for one in called],
            [one.op.provider for one in called],
            [statements.first_call_at(one) for one in called],
            [one.effect_guarantee for one in called],
            [one.routing for one in called],
            self._lease.owner,
        )
        mine = {row["id"] for row in rows}
        for one in called:
            if one.op.id not in mine:
                started.remove(one)
                self._slots.give(one.op.tenant_id, one.op.connection_id, one.op.priority)
        return [one for one in called if one.op.id in mine]

    async def _release(self, connection: Any, put_back: list[Claimed]) -> list[float]:
        """Let others, or a later look, have what cannot be begun now. Where the connection of a call in doubt is gone, only
        a callback or a person can bring the answer: a callback makes it due at once. In how many seconds they are due.
        """
        turns = self._paced.turns
        due_in_s = [
            turns[c.op.id].in_s if c.op.id in turns else self._ask_in_s.get(c.op.id, _REGISTRY_AWAY_S) for c in put_back
        ]
        if put_back:
            await connection.execute(
                _RELEASE,
                [c.op.id for c in put_back],
                [c.op.created_at for c in put_back],
                [c.op.generation for c in put_back],
                ["unknown" if c.open_attempt_at is not None else state_of(c.op, turns.get(c.op.id)) for c in put_back],
                due_in_s,
                [c.op.id in turns and turns[c.op.id].is_given for c in put_back],
                self._lease.owner,
            )
        self._ask_in_s.clear()
        self._paced = NOBODY_WAITS
        return due_in_s


def _held(
    claimed: Claimed, handler: Handler[Any, Any], command: Contract, resource: Any, route: Routed
) -> Started | None:
    """The end of an operation whose effect the resource shows already; None: it does not, or is not to be believed."""
    if not _resource_decides(claimed, handler, route):
        return None
    held = handler.held(claimed.op, command, resource)
    return None if held is None else Started(claimed.op, handler, command, held=held)


def _resource_decides(claimed: Claimed, handler: Handler[Any, Any], route: Routed) -> bool:
    """Whether a call was made, and its effect, should the resource show it, is to be believed without asking.

    A call that is believed to have done nothing is not made again where it did something; a call in doubt is looked up, as
    that tells more, unless nobody can be asked.
    """
    if not claimed.op.attempts:
        return False
    if claimed.open_attempt_at is None or route.refusal is not None:
        return True
    connection = route.connection
    return connection is not None and connection.idempotency_of(handler.capability) is Idempotency.NONE


def _may_repeat(connection: Connection, capability: str, claimed: Claimed, now: datetime) -> bool:
    """Whether the provider still remembers the key of the call whose outcome is unknown."""
    if connection.idempotency_of(capability) is not Idempotency.NATIVE or claimed.open_attempt_at is None:
        return False
    retention_s = connection.retention_s(capability)
    return retention_s is None or (now - claimed.open_attempt_at).total_seconds() < retention_s - _RETENTION_MARGIN_S
