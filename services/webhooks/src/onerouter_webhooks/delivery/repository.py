"""SQL of the delivery queue, of outcomes and of attempts. All writes are batches; every result is fenced by generation."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from onerouter_common.db.engine import Pool
from onerouter_webhooks.delivery.queue import HELD, READY, Completion, Due, Finished, Hold, Lease, TryAgain, Work
from onerouter_webhooks.delivery.slots import Lane

# One index probe an endpoint, however deep its backlog is.
_DUE = """
WITH RECURSIVE due AS (
  (SELECT endpoint_id, tenant_id, next_at FROM delivery_queue WHERE state = 0 ORDER BY endpoint_id, next_at LIMIT 1)
  UNION ALL
  SELECT following.* FROM due CROSS JOIN LATERAL (
    SELECT q.endpoint_id, q.tenant_id, q.next_at FROM delivery_queue q
    WHERE q.state = 0 AND q.endpoint_id > due.endpoint_id ORDER BY q.endpoint_id, q.next_at LIMIT 1) following
)
SELECT endpoint_id, tenant_id, extract(epoch FROM next_at - now())::float8 AS wait_s FROM due
"""

# `= ANY(ARRAY(...))` and not a join with the CTE: that one is planned as a scan of the whole queue.
_CLAIM = """
WITH claimed AS (
  UPDATE delivery_queue q
  SET state = 1, generation = generation + 1, owner = $3, lease_until = now() + $4::interval
  WHERE q.id = ANY(ARRAY(
    SELECT due.id FROM unnest($1::text[], $2::int[]) AS lane(endpoint_id, room)
    CROSS JOIN LATERAL (
      SELECT x.id FROM delivery_queue x
      WHERE x.endpoint_id = lane.endpoint_id AND x.state = 0 AND x.next_at <= now()
      ORDER BY x.next_at LIMIT lane.room FOR UPDATE SKIP LOCKED) due))
  RETURNING q.*
)
SELECT c.id AS delivery_id, c.generation, c.attempts, c.tenant_id, c.environment, c.endpoint_id, c.event_id, c.trigger,
       w.url, w.status AS endpoint_status, coalesce(w.version, 0) AS endpoint_version, e.body
FROM claimed c
LEFT JOIN webhook_endpoints w ON w.id = c.endpoint_id
LEFT JOIN events e ON e.occurred_at = c.event_at AND e.id = c.event_id
"""

_RECLAIM = """
UPDATE delivery_queue SET state = 0, next_at = now(), owner = NULL, lease_until = NULL
WHERE id = ANY(ARRAY(
  SELECT id FROM delivery_queue WHERE state = 1 AND lease_until < now() LIMIT $1 FOR UPDATE SKIP LOCKED))
"""

_RELEASE = """
UPDATE delivery_queue SET state = 0, next_at = now(), owner = NULL, lease_until = NULL WHERE state = 1 AND owner = $1
"""

_FINISH = """
WITH result AS (
  SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::int[], $5::timestamptz[])
    AS r(id, generation, outcome, attempts, finished_at)
), gone AS (
  DELETE FROM delivery_queue q USING result r
  WHERE q.id = r.id AND q.id = ANY($1::text[]) AND q.generation = r.generation
  RETURNING q.*, r.outcome, r.attempts AS made, r.finished_at
)
INSERT INTO deliveries (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, attempts,
                        trigger, created_at, finished_at)
SELECT id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, made, trigger, created_at,
       finished_at
FROM gone
RETURNING id
"""

_REQUEUE = """
UPDATE delivery_queue q
SET state = r.state, attempts = r.attempts, next_at = now() + make_interval(secs => r.wait_s), owner = NULL,
    lease_until = NULL
FROM unnest($1::text[], $2::int[], $3::smallint[], $4::int[], $5::float8[])
  AS r(id, generation, state, attempts, wait_s)
WHERE q.id = r.id AND q.id = ANY($1::text[]) AND q.generation = r.generation
RETURNING q.id
"""

_ADD_ATTEMPTS = """
INSERT INTO delivery_attempts (id, tenant_id, environment, delivery_id, endpoint_id, number, trigger, created_at,
                               duration_ms, status, failure, remote_address, response_headers, response_body,
                               response_truncated, late)
SELECT a.id, a.tenant_id, a.environment, a.delivery_id, a.endpoint_id, a.number, a.trigger, a.created_at,
       a.duration_ms, a.status, a.failure, a.remote_address, a.response_headers::jsonb, a.response_body,
       a.response_truncated, a.late
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::timestamptz[],
            $9::int[], $10::int[], $11::text[], $12::text[], $13::text[], $14::bytea[], $15::boolean[], $16::boolean[])
  AS a(id, tenant_id, environment, delivery_id, endpoint_id, number, trigger, created_at, duration_ms, status, failure,
       remote_address, response_headers, response_body, response_truncated, late)
"""

# A healthy endpoint's row is not touched: one write a delivery to one row would be the slowest thing here.
_HEALTH = """
UPDATE webhook_endpoints w
SET consecutive_failures = CASE WHEN h.succeeded THEN 0 ELSE w.consecutive_failures + h.failures END,
    first_failed_at = CASE WHEN h.succeeded THEN NULL ELSE coalesce(w.first_failed_at, now()) END
FROM unnest($1::text[], $2::int[], $3::boolean[]) AS h(id, failures, succeeded)
WHERE w.id = h.id AND (NOT h.succeeded OR w.consecutive_failures > 0)
"""

_DISABLE = """
UPDATE webhook_endpoints
SET status = 'disabled', disabled_reason = $2, version = version + 1, updated_at = now()
WHERE id = $1 AND status = 'enabled'
"""

_HOLD = "UPDATE delivery_queue SET state = 2 WHERE endpoint_id = $1 AND state = 0"


class DeliveryQueue:
    """The queue in the database, for all tenants (the worker role)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def due(self) -> list[Due]:
        """Every endpoint with something ready, now or later."""
        rows = await self._pool.fetch(_DUE)
        return [Due(Lane(row["endpoint_id"], row["tenant_id"]), row["wait_s"]) for row in rows]

    async def claim(self, shares: Mapping[Lane, int], lease: Lease) -> list[Work]:
        """Lease at most so many of each endpoint's due deliveries."""
        lanes = sorted(shares)
        rows = await self._pool.fetch(
            _CLAIM, [lane.endpoint_id for lane in lanes], [shares[lane] for lane in lanes], lease.owner, lease.length
        )
        return [Work(**row) for row in rows]

    async def reclaim_expired(self, limit: int) -> int:
        """Free what a crashed process had leased; answers how many."""
        return _affected(await self._pool.execute(_RECLAIM, limit))

    async def release(self, owner: str) -> int:
        """Free what this process still has leased (it is stopping)."""
        return _affected(await self._pool.execute(_RELEASE, owner))

    async def complete(self, completions: Sequence[Completion]) -> list[bool]:
        """Write results in one transaction; answers, in order, whether each was applied (else another process has it)."""
        async with self._pool.acquire() as connection, connection.transaction():
            applied = await _finish(connection, completions)
            applied |= await _requeue(connection, completions)
            await _add_attempts(connection, completions, applied)
            await _note_health(connection, [one for one in completions if one.work.delivery_id in applied])
        return [one.work.delivery_id in applied for one in completions]


async def _finish(connection: Any, completions: Sequence[Completion]) -> set[str]:
    rows = [
        (one.work.delivery_id, one.work.generation, one.decision.outcome, _attempts_of(one), one.at)
        for one in _ordered(completions)
        if isinstance(one.decision, Finished)
    ]
    if not rows:
        return set()
    return {row["id"] for row in await connection.fetch(_FINISH, *_columns(rows))}


async def _requeue(connection: Any, completions: Sequence[Completion]) -> set[str]:
    rows = []
    for one in _ordered(completions):
        if isinstance(one.decision, TryAgain):
            rows.append((one.work.delivery_id, one.work.generation, READY, _attempts_of(one), one.decision.wait_s))
        elif isinstance(one.decision, Hold):
            rows.append((one.work.delivery_id, one.work.generation, HELD, _attempts_of(one), 0.0))
    if not rows:
        return set()
    return {row["id"] for row in await connection.fetch(_REQUEUE, *_columns(rows))}


async def _add_attempts(connection: Any, completions: Sequence[Completion], applied: set[str]) -> None:
    rows = [
        (
            one.attempt.id,
            one.work.tenant_id,
            one.work.environment,
            one.work.delivery_id,
            one.work.endpoint_id,
            one.attempt.number,
            one.work.trigger,
            one.attempt.started_at,
            one.attempt.answer.duration_ms,
            one.attempt.answer.status,
            one.attempt.answer.failure,
            one.attempt.answer.remote_address,
            orjson.dumps(one.attempt.answer.headers).decode(),
            one.attempt.answer.body,
            one.attempt.answer.truncated,
            one.work.delivery_id not in applied,
        )
        for one in completions
        if one.attempt is not None
    ]
    if rows:
        await connection.execute(_ADD_ATTEMPTS, *_columns(rows))


async def _note_health(connection: Any, completions: Sequence[Completion]) -> None:
    failures: dict[str, int] = {}
    succeeded: set[str] = set()
    disabled: dict[str, str] = {}
    for one in completions:
        if one.attempt is None:
            continue
        failures.setdefault(one.work.endpoint_id, 0)
        if one.attempt.answer.delivered:
            succeeded.add(one.work.endpoint_id)
        else:
            failures[one.work.endpoint_id] += 1
        if isinstance(one.decision, Hold) and one.decision.disable is not None:
            disabled[one.work.endpoint_id] = one.decision.disable
    if failures:
        # In id order, so that two processes cannot deadlock on two endpoints.
        rows = [(endpoint, count, endpoint in succeeded) for endpoint, count in sorted(failures.items())]
        await connection.execute(_HEALTH, *_columns(rows))
    for endpoint_id, reason in sorted(disabled.items()):
        await connection.execute(_DISABLE, endpoint_id, reason)
        await connection.execute(_HOLD, endpoint_id)


def _ordered(completions: Sequence[Completion]) -> list[Completion]:
    return sorted(completions, key=lambda one: one.work.delivery_id)


def _attempts_of(one: Completion) -> int:
    return one.attempt.number if one.attempt is not None else one.work.attempts


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _affected(status: str) -> int:
    return int(status.rpartition(" ")[2])
