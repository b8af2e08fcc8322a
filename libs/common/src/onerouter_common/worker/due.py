"""What is due and nobody executes: found for all tenants in turn, in each resource's order, and marked as this process's."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from onerouter_common import metric_names as metrics
from onerouter_common.db.engine import Pool
from onerouter_common.worker import statements
from onerouter_common.worker.handler import Operation
from onerouter_common.worker.lease import Lease
from onerouter_common.worker.routing import is_fresh
from onerouter_common.worker.slots import Slots

_MOST: Final = 256
_PER_TENANT: Final = 64
_HELD_MOST: Final = 10_000

# Tenants that have work are found by a loose index scan (one step a tenant), then each gives its oldest of each priority,
# which is a range of the index: a tenant with a million rows waiting, now or for later, costs the others nothing. Rows
# another process is just claiming are passed over. What somebody waits for comes first, then each tenant in turn.
_DUE: Final = f"""
WITH RECURSIVE {statements.TENANTS_WITH_WORK}
SELECT * FROM (
    SELECT due.*, row_number() OVER (PARTITION BY due.tenant_id ORDER BY due.priority, due.due_at, due.sequence) AS place
    FROM tenants CROSS JOIN (VALUES (0::smallint), (1::smallint)) AS wanted (priority) CROSS JOIN LATERAL (
        SELECT * FROM operations o
        WHERE o.tenant_id = tenants.tenant_id AND o.priority = wanted.priority AND o.due_at <= now()
        ORDER BY o.due_at LIMIT $1 FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE tenants.tenant_id IS NOT NULL AND NOT (tenants.tenant_id = ANY($2::text[]))
      AND ((wanted.priority = 0 AND $6) OR (wanted.priority = 1 AND $4 AND NOT (tenants.tenant_id = ANY($5::text[]))))
) AS found
WHERE place <= $1 ORDER BY priority, place, due_at, sequence LIMIT $3
"""  # noqa: S608 - made of constants

# What must end before it: an earlier operation of the same resource that is waiting or running. What was put off may be
# overtaken until it is begun, so when its time comes it lets go before what has come since: that may be its cancellation.
_BLOCKED: Final = """
SELECT mine.id
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bool[])
    AS mine (id, ordering_key, sequence, state, passes_retries)
WHERE EXISTS (
    SELECT 1 FROM operations other
    WHERE other.ordering_key = mine.ordering_key AND other.due_at IS NOT NULL AND other.id <> mine.id
      AND (other.state = 'executing'
           OR (other.state = 'accepted' AND other.sequence < mine.sequence)
           OR (other.state = 'retrying' AND other.sequence < mine.sequence AND NOT mine.passes_retries
               AND NOT other.operation = ANY($7::text[]))
           OR (other.state = 'accepted' AND mine.state = 'scheduled')
           OR (other.state = 'unknown' AND $6))
)
"""

# It need not wait for the disk: what is to be done is recorded by a commit that does, and with it this. Should the database
# lose it before, the row is as it was; then another process may mark it with the same generation, so that what comes next
# looks at the owner as well.
_TAKE: Final = """
WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true) AS set)
UPDATE operations o SET state = 'executing', owner = $3, generation = o.generation + 1, updated_at = now(),
    due_at = now() + make_interval(secs => $4)
FROM unnest($1::text[], $2::timestamptz[]) AS mine (id, created_at)
WHERE o.id = mine.id AND o.created_at = mine.created_at AND (SELECT set FROM unhurried) = 'off'
"""

# A blocked operation goes to the back of the queue for a moment, so that it does not hide others; the end of the one
# before it makes it due at once (`let_go`).
_POSTPONE: Final = """
UPDATE operations o SET due_at = now() + make_interval(secs => $3)
FROM unnest($1::text[], $2::timestamptz[]) AS mine (id, created_at)
WHERE o.id = mine.id AND o.created_at = mine.created_at
"""

# Behind one of unknown outcome it is looked at no more often than that is asked about, within a bound: the end of that one
# may be seen by another process, which lets go only of what it held back itself.
_POSTPONE_IN_DOUBT: Final = """
UPDATE operations o SET due_at = now() + make_interval(secs => greatest($3, least($4, COALESCE((
    SELECT extract(epoch FROM max(other.due_at) - now())::float8 FROM operations other
    WHERE other.ordering_key = o.ordering_key AND other.due_at IS NOT NULL AND other.state = 'unknown'
), 0))))
FROM unnest($1::text[], $2::timestamptz[]) AS mine (id, created_at)
WHERE o.id = mine.id AND o.created_at = mine.created_at
"""
_BLOCKED_S: Final = 0.25
_IN_DOUBT_S: Final = 5.0

_LET_GO: Final = """
UPDATE operations SET due_at = now() WHERE (id, created_at) IN (
    SELECT id, created_at FROM operations
    WHERE ordering_key = ANY($1::text[]) AND state = 'accepted' AND due_at > now() FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row taken by this process, before it is known what to do with it."""

    op: Operation
    open_attempt_at: datetime | None
    traceparent: str | None
    has_turn: bool = False
    """It waited for its turn at a connection."""


class Due:
    def __init__(
        self,
        pool: Pool,
        slots: Slots,
        lease: Lease,
        *,
        category: str,
        passing: Collection[str] = (),
        passed: Collection[str] = (),
        takes_urgent: bool = True,
        holds_in_doubt: bool = False,
    ) -> None:
        """`passing`: names of the operations that need not wait for retries (`Handler.passes_retries`); `passed`: of those
        whose retries nobody waits for (`is_passed_in_retries`). `takes_urgent`: what somebody waits for is this process's,
        too. `holds_in_doubt`: as `CategoryRules` has it."""
        self._pool = pool
        self._slots = slots
        self._lease = lease
        self._category = category
        self._passing = frozenset(passing)
        self._passed = sorted(passed)
        self._takes_urgent = takes_urgent
        self._holds_in_doubt = holds_in_doubt
        self.wants_room = False
        """Something due found no room since this was last unset: look again when something ends."""
        self.page_was_full = False
        """There may be more that is due, also when nothing of what was found could be started."""
        self.in_hand: list[Claimed] = []
        """Marked by this process and not begun yet."""
        self._held_keys: set[str] = set()
        """Resources at which something waits for an earlier operation of this process: look again when that ends."""

    async def take(self) -> list[Claimed]:
        """Mark what is due and has room. Empty: nothing is, or `wants_room`."""
        self.page_was_full = False
        if not self._slots.room:
            self.wants_room = True
            return []
        # What is passed over because its tenant is full has to be looked for when that changes.
        self.wants_room = self.wants_room or self._passes_over()
        taken: list[Claimed] = []
        async with self._pool.acquire() as connection, connection.transaction():
            limit = min(_MOST, self._slots.room)
            rows = await connection.fetch(
                _DUE,
                _PER_TENANT,
                self._slots.full_tenants(),
                limit,
                bool(self._slots.room_for(1)),
                self._slots.full_tenants(1),
                self._takes_urgent,
            )
            if not rows:
                return []
            self.page_was_full = len(rows) >= min(limit, _PER_TENANT)
            allowed = await self._in_order(connection, rows)
            ids = {row["id"] for row in allowed}
            held_back = [row for row in rows if row["id"] not in ids]
            allowed = self._with_room(allowed)
            if held_back:
                await self._postpone(connection, held_back)
            if allowed:
                await connection.execute(
                    _TAKE,
                    [row["id"] for row in allowed],
                    [row["created_at"] for row in allowed],
                    self._lease.owner,
                    statements.HARD_LEASE_S,
                )
                taken = [_claimed(row) for row in allowed]
                self.in_hand = taken  # before the commit: whether that arrived may never be known
        reclaimed = sum(row["state"] == "executing" for row in allowed)
        if reclaimed:
            metrics.OPERATIONS_RECLAIMED.labels(self._category).inc(reclaimed)
        return taken

    async def _in_order(self, connection: Any, rows: Sequence[Any]) -> list[Any]:
        """At most one of each resource, none while another of it is to end first. What asks about an effect need not wait.

        Processes exclude each other by a lock on the key: whoever has it sees what the last one that had it marked.
        """
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
                [row["state"] for row in ordered],
                [row["operation"] in self._passing for row in ordered],
                self._holds_in_doubt,
                self._passed,
            )
        }
        free = [row for row in ordered if row["ordering_key"] in locked and row["id"] not in blocked]
        ids = {row["id"] for row in ordered}
        waits = ids - _first_of_each(free, begun={row["ordering_key"] for row in rows if row["id"] not in ids})
        if (
            len(self._held_keys) > _HELD_MOST
        ):  # of those that end in other processes nobody tells; all are due soon anyway
            self._held_keys.clear()
        self._held_keys.update(row["ordering_key"] for row in ordered if row["id"] in waits)
        return [row for row in rows if row["id"] not in waits]

    async def _postpone(self, connection: Any, rows: Sequence[Any]) -> None:
        ids, moments = [row["id"] for row in rows], [row["created_at"] for row in rows]
        if self._holds_in_doubt:
            await connection.execute(_POSTPONE_IN_DOUBT, ids, moments, _BLOCKED_S, _IN_DOUBT_S)
        else:
            await connection.execute(_POSTPONE, ids, moments, _BLOCKED_S)

    def _with_room(self, rows: Sequence[Any]) -> list[Any]:
        """Without those beyond a bound: they keep their place, and are looked for when something ends."""
        found, all_of, bulk_of = [], Counter[str](), Counter[str]()
        for row in rows:
            tenant_id, is_bulk = row["tenant_id"], row["priority"] > 0
            has_room = all_of[tenant_id] < self._slots.room_of_tenant(tenant_id)
            if is_bulk and has_room:
                has_room = bulk_of[tenant_id] < self._slots.room_of_tenant(tenant_id, 1)
                has_room = has_room and bulk_of.total() < self._slots.room_for(1)
            if not has_room:
                self.wants_room = True
                continue
            found.append(row)
            all_of[tenant_id] += 1
            bulk_of[tenant_id] += is_bulk
        return found

    def _passes_over(self) -> bool:
        """Whether somebody is not even looked for."""
        has_no_room = self._slots.takes_bulk and not self._slots.room_for(1)
        return has_no_room or bool(self._slots.full_tenants() or self._slots.full_tenants(1))

    async def let_go(self, ended_keys: set[str]) -> bool:
        """An operation of these resources ended: make due at once what waited for it. Whether anything did."""
        keys = ended_keys & self._held_keys
        if not keys:
            return False
        self._held_keys -= keys
        await self._pool.execute(_LET_GO, sorted(keys))
        return True


def _first_of_each(rows: Sequence[Any], *, begun: Collection[str]) -> set[str]:
    """The ids of those that go: of each ordering key the earliest, but what was put off after the others; none of a key
    that is in `begun`."""
    in_turn = sorted(rows, key=lambda row: (row["state"] == "scheduled", row["sequence"]), reverse=True)
    first = {row["ordering_key"]: row["id"] for row in in_turn if row["ordering_key"] not in begun}
    return set(first.values())


def _claimed(row: Any) -> Claimed:
    """The row as `_TAKE` leaves it."""
    op = replace(statements.operation_of(row), generation=row["generation"] + 1)
    return Claimed(op, row["open_attempt_at"], row["traceparent"], row["turn_at"] is not None)
