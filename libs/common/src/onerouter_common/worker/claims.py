"""From the database to execution: what is due and nobody executes. Retries, schedules, reconciliation, crashed workers.

A process is alive while its row in `workers` has not expired. What an expired one had marked as executing is made due
again; whoever claims it raises the generation, so that a late result of the old process is not applied.
"""

import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog

from onerouter_common import metric_names as metrics
from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Contract
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.db.engine import Pool
from onerouter_common.ids import WORKER, new_id
from onerouter_common.retry import Backoff
from onerouter_common.worker import started as starting
from onerouter_common.worker import statements
from onerouter_common.worker.choice import Routed
from onerouter_common.worker.handler import CategoryRules, Connection, Handler, Idempotency, Operation
from onerouter_common.worker.routing import Router, is_fresh, keys_of, owned_by
from onerouter_common.worker.slots import Slots
from onerouter_common.worker.started import Started

log = structlog.get_logger()

_CLAIM_MOST: Final = 256
_PER_TENANT: Final = 64
_REGISTRY_AWAY_S: Final = 1.0
_BROKEN_S: Final = 60.0
_CONNECTION_GONE_S: Final = 3_600.0
_RETENTION_MARGIN_S: Final = 60.0
_HELD_MOST: Final = 10_000
_SPREAD: Final = Backoff(first_s=1.0)
"""So that what waits for one circuit does not come back in one moment."""

# Tenants that have work are found by a loose index scan (one step a tenant), then each gives its oldest: a tenant with a
# million rows waiting costs the others nothing. Rows another process is just claiming are passed over.
_DUE: Final = """
WITH RECURSIVE tenants AS (
    (SELECT tenant_id FROM operations WHERE due_at IS NOT NULL ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT o.tenant_id FROM operations o WHERE o.due_at IS NOT NULL AND o.tenant_id > tenants.tenant_id
            ORDER BY o.tenant_id LIMIT 1)
    FROM tenants WHERE tenants.tenant_id IS NOT NULL
)
SELECT due.* FROM tenants CROSS JOIN LATERAL (
    SELECT * FROM operations o WHERE o.tenant_id = tenants.tenant_id AND o.due_at <= now()
    ORDER BY o.due_at LIMIT $1 FOR UPDATE SKIP LOCKED
) AS due
WHERE tenants.tenant_id IS NOT NULL AND NOT (tenants.tenant_id = ANY($2::text[]))
ORDER BY due.due_at, due.sequence LIMIT $3
"""

# What must end before it: an earlier operation of the same resource that is waiting or running.
_BLOCKED: Final = """
SELECT mine.id FROM unnest($1::text[], $2::text[], $3::bigint[]) AS mine (id, ordering_key, sequence)
WHERE EXISTS (
    SELECT 1 FROM operations other
    WHERE other.ordering_key = mine.ordering_key AND other.due_at IS NOT NULL AND other.id <> mine.id
      AND (other.state = 'executing'
           OR (other.state IN ('accepted', 'retrying') AND other.sequence < mine.sequence))
)
"""

_TAKE: Final = """
UPDATE operations o SET state = 'executing', owner = $3, generation = o.generation + 1, updated_at = now(),
    due_at = now() + make_interval(secs => $4)
FROM unnest($1::text[], $2::timestamptz[]) AS mine (id, created_at)
WHERE o.id = mine.id AND o.created_at = mine.created_at
"""

# A blocked operation goes to the back of the queue for a moment, so that it does not hide others; the end of the one
# before it makes it due at once (`let_go`).
_POSTPONE: Final = """
UPDATE operations o SET due_at = now() + make_interval(secs => $3)
FROM unnest($1::text[], $2::timestamptz[]) AS mine (id, created_at)
WHERE o.id = mine.id AND o.created_at = mine.created_at
"""

_LET_GO: Final = """
UPDATE operations SET due_at = now() WHERE (id, created_at) IN (
    SELECT id, created_at FROM operations
    WHERE ordering_key = ANY($1::text[]) AND state = 'accepted' AND due_at > now() FOR UPDATE SKIP LOCKED
)
"""

_BEGIN: Final = """
UPDATE operations o SET attempts = mine.attempts, connection_id = mine.connection_id, provider = mine.provider,
    open_attempt_at = mine.open_attempt_at, effect_guarantee = mine.effect_guarantee,
    routing = COALESCE(mine.routing, o.routing)
FROM unnest($1::text[], $2::timestamptz[], $3::int[], $4::int[], $5::text[], $6::text[], $7::timestamptz[], $8::text[],
            $9::jsonb[])
    AS mine (id, created_at, generation, attempts, connection_id, provider, open_attempt_at, effect_guarantee, routing)
WHERE o.id = mine.id AND o.created_at = mine.created_at AND o.generation = mine.generation AND o.state = 'executing'
RETURNING o.id
"""

# Why there is no call: the settlement that ends it knows nothing of routes.
_EXPLAIN: Final = """
UPDATE operations o SET routing = mine.routing
FROM unnest($1::text[], $2::timestamptz[], $3::int[], $4::jsonb[]) AS mine (id, created_at, generation, routing)
WHERE o.id = mine.id AND o.created_at = mine.created_at AND o.generation = mine.generation AND o.state = 'executing'
"""

_RELEASE: Final = """
UPDATE operations o SET state = mine.state, due_at = now() + make_interval(secs => mine.due_in_s), owner = NULL,
    updated_at = now()
FROM unnest($1::text[], $2::timestamptz[], $3::int[], $4::text[], $5::float8[])
    AS mine (id, created_at, generation, state, due_in_s)
WHERE o.id = mine.id AND o.created_at = mine.created_at AND o.generation = mine.generation AND o.state = 'executing'
"""

# Whatever no living process owns: also what a process that was declared dead marked just before it really died.
_ORPHANS: Final = """
WITH dead AS (DELETE FROM workers WHERE expires_at < now() RETURNING id)
UPDATE operations o SET due_at = now() WHERE o.state = 'executing' AND o.due_at > now() AND NOT EXISTS (
    SELECT 1 FROM workers w WHERE w.id = o.owner AND w.expires_at >= now()
) RETURNING o.id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row taken by this process, before it is known what to do with it."""

    op: Operation
    open_attempt_at: datetime | None
    traceparent: str | None


class Lease:
    """This process's proof of life. Work may be begun only while it surely has not expired."""

    def __init__(self, pool: Pool, *, ttl_s: float) -> None:
        self._pool = pool
        self._ttl_s = ttl_s
        self._valid_until = 0.0
        self.term = 0
        """Another one each time somebody had declared this process dead: what was marked in an earlier one is theirs."""
        self.owner = new_id(WORKER)

    @property
    def is_valid(self) -> bool:
        """By this machine's monotonic clock, from before the last renewal was sent: never longer than the row says."""
        return time.monotonic() < self._valid_until - self._ttl_s / 5

    async def renew(self) -> None:
        asked_at = time.monotonic()
        is_new = await self._pool.fetchval(
            "INSERT INTO workers (id, host, expires_at) VALUES ($1, $2, now() + make_interval(secs => $3)) "
            "ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at RETURNING xmax = 0",
            self.owner,
            socket.gethostname(),
            self._ttl_s,
        )
        self.term += is_new
        self._valid_until = asked_at + self._ttl_s

    async def release(self) -> None:
        """Hand everything over at once: a stopping process need not be waited for."""
        self._valid_until = 0.0
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("DELETE FROM workers WHERE id = $1", self.owner)
            await connection.execute(
                "UPDATE operations SET due_at = now() WHERE state = 'executing' AND owner = $1", self.owner
            )

    async def adopt_orphans(self) -> int:
        """Make due what processes that stopped without a word had marked; how much there was."""
        rows = await self._pool.fetch(_ORPHANS)
        return len(rows)


class Claims:
    def __init__(
        self, pool: Pool, rules: CategoryRules[Any], router: Router, slots: Slots, lease: Lease, clock: Clock
    ) -> None:
        self._pool = pool
        self._rules = rules
        self._router = router
        self._slots = slots
        self._lease = lease
        self._clock = clock
        self.wants_room = False
        """Something due found no room since this was last unset: look again when something ends."""
        self.page_was_full = False
        """There may be more that is due, also when nothing of what was found could be started."""
        self._in_hand: list[Claimed] = []
        """Marked by this process and not begun yet."""
        self._ask_in_s: dict[str, float] = {}
        """Of the present batch: in doubt, and not asked about now (its connection was removed, its circuit is open)."""
        self.held_keys: set[str] = set()
        """Resources at which something waits for an earlier operation of this process: look again when that ends."""

    async def claim(self) -> list[Started]:
        """Take what is due and has room, decide what is to be done, record it. Empty: nothing is due."""
        self.page_was_full = False
        if not self._slots.room:
            self.wants_room = True
            return []
        # What is passed over because its tenant is full has to be looked for when that changes.
        self.wants_room = self.wants_room or bool(self._slots.full_tenants())
        if self._in_hand:  # what an earlier call took when the database went away
            await self._hand_back(self._in_hand, due_in_s=0)
            self._in_hand = []
        taken = await self._take()
        started = await self._begin_all(taken) if taken else []
        self._in_hand = []
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
                self._slots.give(one.op.tenant_id, one.op.connection_id)
            raise
        return started

    async def _hand_back(self, ones: Sequence[Claimed], *, due_in_s: float) -> None:
        await statements.hand_back(self._pool, [(one.op, one.open_attempt_at) for one in ones], due_in_s=due_in_s)

    async def let_go(self, ended_keys: set[str]) -> bool:
        """An operation of these resources ended: make due at once what waited for it. Whether anything did."""
        keys = ended_keys & self.held_keys
        if not keys:
            return False
        self.held_keys -= keys
        await self._pool.execute(_LET_GO, sorted(keys))
        return True

    async def _take(self) -> list[Claimed]:
        taken: list[Claimed] = []
        async with self._pool.acquire() as connection, connection.transaction():
            limit = min(_CLAIM_MOST, self._slots.room)
            rows = await connection.fetch(_DUE, _PER_TENANT, self._slots.full_tenants(), limit)
            if not rows:
                return []
            self.page_was_full = len(rows) >= min(limit, _PER_TENANT)
            allowed = await self._in_order(connection, rows)
            ids = {row["id"] for row in allowed}
            held_back = [row for row in rows if row["id"] not in ids]
            allowed = self._with_room(allowed)
            if held_back:
                await connection.execute(
                    _POSTPONE, [r["id"] for r in held_back], [r["created_at"] for r in held_back], 0.25
                )
            if allowed:
                await connection.execute(
                    _TAKE,
                    [row["id"] for row in allowed],
                    [row["created_at"] for row in allowed],
                    self._lease.owner,
                    statements.HARD_LEASE_S,
                )
                taken = [_claimed(row) for row in allowed]
                self._in_hand = taken  # before the commit: whether that arrived may never be known
        reclaimed = sum(row["state"] == "executing" for row in allowed)
        if reclaimed:
            metrics.OPERATIONS_RECLAIMED.labels(self._rules.category).inc(reclaimed)
        return taken

    async def _in_order(self, connection: Any, rows: Sequence[Any]) -> list[Any]:
        """Without those whose resource has an earlier operation to end first. What asks about an effect need not wait."""
        ordered = [row for row in rows if row["open_attempt_at"] is None and not is_fresh(statements.operation_of(row))]
        if not ordered:
            return list(rows)
        locked = {
            row["key"]
            for row in await connection.fetch(
                "SELECT key FROM unnest($1::text[]) AS key WHERE pg_try_advisory_xact_lock(hashtextextended(key, 0))",
                sorted({row["ordering_key"] for row in ordered}),
            )
        }
        blocked = {
            row["id"]
            for row in await connection.fetch(
                _BLOCKED,
                [row["id"] for row in ordered],
                [row["ordering_key"] for row in ordered],
                [row["sequence"] for row in ordered],
            )
        }
        waits = {row["id"] for row in ordered if row["ordering_key"] not in locked} | blocked
        if (
            len(self.held_keys) > _HELD_MOST
        ):  # of those that end in other processes nobody tells; all are due soon anyway
            self.held_keys.clear()
        self.held_keys.update(row["ordering_key"] for row in ordered if row["id"] in waits)
        return [row for row in rows if row["id"] not in waits]

    def _with_room(self, rows: Sequence[Any]) -> list[Any]:
        """Without those beyond their tenant's bound: they keep their place, and are looked for when something ends."""
        counts: Counter[str] = Counter()
        found = []
        for row in rows:
            counts[row["tenant_id"]] += 1
            if counts[row["tenant_id"]] <= self._slots.room_of_tenant(row["tenant_id"]):
                found.append(row)
            else:
                self.wants_room = True
        return found

    def _command_of(self, op: Operation) -> tuple[Handler[Any, Any], Contract]:
        handler = self._rules.handlers[op.operation]
        return handler, handler.command.model_validate(op.payload)

    async def _begin(self, taken: list[Claimed]) -> list[Started]:
        items = [(claimed.op, *self._command_of(claimed.op)) for claimed in taken]
        in_doubt = {claimed.op.id for claimed in taken if claimed.open_attempt_at is not None}
        routes = await self._router.routes(items, in_doubt=in_doubt)
        now = self._clock.now()
        slotted: list[Started] = []
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                resources = await self._rules.store.load(connection, keys_of([c.op for c in taken]), lock=True)
                started: list[Started] = []
                put_back: list[Claimed] = []
                to_save: list[Any] = []
                for claimed, (op, handler, command) in zip(taken, items, strict=True):
                    resource = owned_by(resources.get(op.ordering_key), op)
                    one, changed = self._decide(claimed, handler, command, resource, routes[op.id], now)
                    if one is None:
                        put_back.append(claimed)
                        continue
                    started.append(one)
                    slotted.append(one)
                    if changed is not None:
                        to_save.append(changed)
                await self._release(connection, put_back)
                kept = await self._record(connection, started)
                await statements.insert_attempts(connection, kept)
                if to_save:
                    await self._rules.store.save(connection, to_save)
            return started
        except BaseException:
            for one in slotted:
                self._slots.give(one.op.tenant_id, one.op.connection_id)
            raise

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
        if route is None:
            return None, None
        held = handler.held(op, command, resource) if _resource_decides(claimed, handler, route) else None
        if held is None and self._asks_later(claimed, route):
            return None, None
        connection = route.connection if held is None else None
        bound = connection.max_in_flight if connection is not None else 0
        if not self._slots.take(op.tenant_id, connection.id if connection is not None else None, bound):
            self.wants_room = True
            return None, None
        if connection is None:
            op = replace(op, connection_id=None)
            one = Started(op, handler, command, refusal=route.refusal, held=held, traceparent=claimed.traceparent)
            return (one if held is not None else replace(one, routing=route.decision)), None
        op = replace(op, connection_id=connection.id, provider=connection.provider)
        if claimed.open_attempt_at is None:
            one, changed = starting.begin(handler, op, command, resource, connection, now=now)
            return replace(one, traceparent=claimed.traceparent, routing=route.decision), changed
        try:
            return self._ask(claimed, op, handler, command, resource, connection, now), None
        except Exception:
            self._slots.give(op.tenant_id, op.connection_id)
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
        )
        mine = {row["id"] for row in rows}
        for one in called:
            if one.op.id not in mine:
                started.remove(one)
                self._slots.give(one.op.tenant_id, one.op.connection_id)
        return [one for one in called if one.op.id in mine]

    async def _release(self, connection: Any, put_back: list[Claimed]) -> None:
        """Let others, or a later look, have what cannot be begun now. Where the connection of a call in doubt is gone, only
        a callback or a person can bring the answer: a callback makes it due at once.
        """
        if put_back:
            await connection.execute(
                _RELEASE,
                [c.op.id for c in put_back],
                [c.op.created_at for c in put_back],
                [c.op.generation for c in put_back],
                ["accepted" if c.open_attempt_at is None else "unknown" for c in put_back],
                [self._ask_in_s.get(c.op.id, _REGISTRY_AWAY_S) for c in put_back],
            )
        self._ask_in_s.clear()


def _claimed(row: Any) -> Claimed:
    """The row as `_TAKE` leaves it."""
    op = replace(statements.operation_of(row), generation=row["generation"] + 1)
    return Claimed(op, row["open_attempt_at"], row["traceparent"])


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
