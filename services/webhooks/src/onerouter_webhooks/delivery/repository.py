"""SQL of the delivery queue, of outcomes and of attempts. All writes are batches; every result is fenced by generation."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson
import structlog

from onerouter_common.db.engine import Pool
from onerouter_webhooks.database import DATABASE_AWAY
from onerouter_webhooks.delivery import claims, taken, trouble
from onerouter_webhooks.delivery.queue import (
    HELD,
    MANUAL,
    READY,
    Completion,
    Due,
    Finished,
    Hold,
    Lease,
    TryAgain,
    Work,
)
from onerouter_webhooks.delivery.rate import WAKE_S, room_of, used
from onerouter_webhooks.delivery.slots import Lane

log = structlog.get_logger()

# A few index probes an endpoint, however deep its backlog is.
_OF_LANES = """
SELECT first.endpoint_id, first.tenant_id, w.status, w.max_in_flight, w.rate_per_s, w.ordering = 'resource' AS in_order,
       extract(epoch FROM greatest(first.next_at, w.breaker_until, paced.at) - now())::float8 AS wait_s,
       CASE WHEN asked.next_at IS NOT NULL THEN
         extract(epoch FROM greatest(asked.next_at, paced.at) - now())::float8 END AS asked_s,
       extract(epoch FROM later.next_at - now())::float8 AS later_s
FROM lane
CROSS JOIN LATERAL (
  SELECT q.endpoint_id, q.tenant_id, q.next_at FROM delivery_queue q
  WHERE q.endpoint_id = lane.endpoint_id AND q.state = 0 ORDER BY q.next_at LIMIT 1) first
LEFT JOIN webhook_endpoints w ON w.id = lane.endpoint_id
CROSS JOIN LATERAL (
  SELECT w.rate_used_until + make_interval(secs => greatest(1 / w.rate_per_s, $1)) AS at) paced
LEFT JOIN LATERAL (
  SELECT q.next_at FROM delivery_queue q WHERE q.endpoint_id = lane.endpoint_id AND q.state = 0 AND q.trigger = 'manual'
  ORDER BY q.next_at LIMIT 1) asked ON true
LEFT JOIN LATERAL (
  SELECT q.next_at FROM delivery_queue q WHERE q.endpoint_id = lane.endpoint_id AND q.state = 0 AND q.next_at > now()
  ORDER BY q.next_at LIMIT 1) later ON true
"""

_ASK = f"WITH lane AS (SELECT unnest($2::text[]) AS endpoint_id) {_OF_LANES}"

_DUE = f"""
WITH RECURSIVE lane AS (
  (SELECT endpoint_id, 1 AS turn FROM delivery_queue WHERE state = 0 AND endpoint_id > $2
   ORDER BY endpoint_id, next_at LIMIT 1)
  UNION ALL
  SELECT following.endpoint_id, lane.turn + 1 FROM lane CROSS JOIN LATERAL (
    SELECT q.endpoint_id FROM delivery_queue q
    WHERE q.state = 0 AND q.endpoint_id > lane.endpoint_id ORDER BY q.endpoint_id, q.next_at LIMIT 1) following
  WHERE lane.turn < $3
)
{_OF_LANES} ORDER BY first.endpoint_id
"""  # noqa: S608

_ASKED = """
WITH RECURSIVE lane AS (
  (SELECT endpoint_id, tenant_id, 1 AS turn FROM delivery_queue WHERE state = 0 AND trigger = 'manual'
   ORDER BY endpoint_id, next_at LIMIT 1)
  UNION ALL
  SELECT following.*, lane.turn + 1 FROM lane CROSS JOIN LATERAL (
    SELECT q.endpoint_id, q.tenant_id FROM delivery_queue q
    WHERE q.state = 0 AND q.trigger = 'manual' AND q.endpoint_id > lane.endpoint_id
    ORDER BY q.endpoint_id, q.next_at LIMIT 1) following
  WHERE lane.turn < $1
)
SELECT endpoint_id, tenant_id FROM lane
"""

_RATES = """
SELECT id, rate_per_s, rate_used_until, now() AS now FROM webhook_endpoints
WHERE id = ANY($1::text[]) AND rate_per_s IS NOT NULL ORDER BY id FOR UPDATE SKIP LOCKED
"""

_USED = """
UPDATE webhook_endpoints w SET rate_used_until = u.until FROM unnest($1::text[], $2::timestamptz[]) AS u(id, until)
WHERE w.id = u.id AND w.id = ANY($1::text[])
"""

_RECLAIM = """
UPDATE delivery_queue SET state = 0, next_at = now(), owner = NULL, lease_until = NULL
WHERE id = ANY(ARRAY(
  SELECT id FROM delivery_queue
  WHERE state = 1 AND lease_until < now() AND lease_until >= coalesce(now() - $2::interval, '-infinity')
  LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING endpoint_id, tenant_id
"""

# Only this puts aside and takes up again what an endpoint is owed: no order of commits can then leave any of it behind.
_PUT_ASIDE = """
UPDATE delivery_queue SET state = 2 WHERE id = ANY(ARRAY(
  SELECT x.id FROM unnest($1::text[]) AS stopped(endpoint_id)
  CROSS JOIN LATERAL (
    SELECT q.id FROM delivery_queue q WHERE q.endpoint_id = stopped.endpoint_id AND q.state = 0
    ORDER BY q.next_at LIMIT $2 FOR UPDATE SKIP LOCKED) x))
"""

# Their endpoint is gone: nobody is owed anything any more.
_CANCEL = """
WITH gone AS (
  DELETE FROM delivery_queue WHERE id = ANY(ARRAY(
    SELECT x.id FROM unnest($1::text[]) AS former(endpoint_id)
    CROSS JOIN LATERAL (
      SELECT q.id FROM delivery_queue q WHERE q.endpoint_id = former.endpoint_id AND q.state = 0
      ORDER BY q.next_at LIMIT $2 FOR UPDATE SKIP LOCKED) x))
  RETURNING *
)
INSERT INTO deliveries (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, attempts,
                        trigger, created_at, finished_at)
SELECT id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, 'canceled', attempts, trigger,
       created_at, now()
FROM gone
"""

# By so many in all, however many endpoints they are of. What came before the event that it follows goes on waiting for it.
_TAKE_UP = """
WITH RECURSIVE held AS (
  (SELECT endpoint_id FROM delivery_queue WHERE state = 2 ORDER BY endpoint_id LIMIT 1)
  UNION ALL
  SELECT following.* FROM held CROSS JOIN LATERAL (
    SELECT q.endpoint_id FROM delivery_queue q
    WHERE q.state = 2 AND q.endpoint_id > held.endpoint_id ORDER BY q.endpoint_id LIMIT 1) following
), taken AS (
  UPDATE delivery_queue
  SET state = 0,
      next_at = CASE WHEN resource IS NOT NULL AND attempts = 0 AND next_at > now() THEN next_at ELSE created_at END
  WHERE id = ANY(ARRAY(
    SELECT x.id FROM held LEFT JOIN webhook_endpoints w ON w.id = held.endpoint_id
    CROSS JOIN LATERAL (
      SELECT q.id FROM delivery_queue q WHERE q.endpoint_id = held.endpoint_id AND q.state = 2
      ORDER BY q.id LIMIT $1 FOR UPDATE SKIP LOCKED) x
    WHERE coalesce(w.status, 'enabled') = 'enabled' LIMIT $1))
  RETURNING endpoint_id, tenant_id
)
SELECT endpoint_id, tenant_id, count(*) AS count FROM taken GROUP BY endpoint_id, tenant_id
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

# By the attempts made before as well: one that is written again, its commit's answer lost, is not counted twice.
_REQUEUE = """
UPDATE delivery_queue q
SET state = r.state, attempts = r.attempts, next_at = now() + make_interval(secs => r.wait_s), owner = NULL,
    lease_until = NULL
FROM unnest($1::text[], $2::int[], $3::smallint[], $4::int[], $5::float8[], $6::int[])
  AS r(id, generation, state, attempts, wait_s, attempts_before)
WHERE q.id = r.id AND q.id = ANY($1::text[]) AND q.generation = r.generation AND q.attempts = r.attempts_before
RETURNING q.id
"""

_ADD_ATTEMPTS = """
INSERT INTO delivery_attempts (id, tenant_id, environment, delivery_id, endpoint_id, number, trigger, created_at,
                               duration_ms, status, failure, remote_address, response_headers, response_body,
                               response_truncated, late, resent)
SELECT a.id, a.tenant_id, a.environment, a.delivery_id, a.endpoint_id, a.number, a.trigger, a.created_at,
       a.duration_ms, a.status, a.failure, a.remote_address, a.response_headers::jsonb, a.response_body,
       a.response_truncated, a.late, a.resent
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::timestamptz[],
            $9::int[], $10::int[], $11::text[], $12::text[], $13::text[], $14::bytea[], $15::boolean[], $16::boolean[],
            $17::boolean[])
  AS a(id, tenant_id, environment, delivery_id, endpoint_id, number, trigger, created_at, duration_ms, status, failure,
       remote_address, response_headers, response_body, response_truncated, late, resent)
-- It may have been committed, and the answer lost on the way: here, or as the only attempt of a delivery.
WHERE NOT EXISTS (SELECT FROM deliveries d WHERE d.id = a.delivery_id AND d.attempt_id = a.id)
ON CONFLICT (created_at, id) DO NOTHING
"""

# Who sends it right now may put it back at this moment: what follows sees what came of that, or is seen by it.
_AWAIT_OTHERS = """
SELECT q.id FROM delivery_queue q
WHERE q.id = ANY(ARRAY(
  SELECT sent.id FROM unnest($1::text[], $2::text[]) AS r(event_id, endpoint_id)
  CROSS JOIN LATERAL (
    SELECT x.id FROM delivery_queue x WHERE x.event_id = r.event_id AND x.endpoint_id = r.endpoint_id AND x.state = 1) sent))
ORDER BY q.id FOR UPDATE
"""

# Sent by hand it was taken while this one was under way.
_CANCEL_TAKEN = """
WITH gone AS (
  DELETE FROM delivery_queue q WHERE q.id = ANY(ARRAY(
    SELECT x.id FROM delivery_queue x
    WHERE x.id = ANY($1::text[]) AND EXISTS (
      SELECT FROM deliveries d
      WHERE d.event_id = x.event_id AND d.endpoint_id = x.endpoint_id AND d.trigger = 'manual' AND d.outcome = 'succeeded'
        AND d.finished_at >= x.created_at AND d.created_at >= x.created_at - interval '1 day')))
  RETURNING *
)
INSERT INTO deliveries (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, attempts,
                        trigger, created_at, finished_at)
SELECT id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, 'canceled', attempts, trigger,
       created_at, now()
FROM gone
"""

# The endpoint has it now: what was still to be tried by itself is not owed any more.
_SUPERSEDE = """
WITH gone AS (
  DELETE FROM delivery_queue q USING unnest($1::text[], $2::text[]) AS r(event_id, endpoint_id)
  WHERE q.event_id = ANY($1::text[]) AND q.event_id = r.event_id AND q.endpoint_id = r.endpoint_id AND q.state <> 1
  RETURNING q.*
)
INSERT INTO deliveries (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, attempts,
                        trigger, created_at, finished_at)
SELECT id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, 'canceled', attempts, trigger,
       created_at, now()
FROM gone
"""


class DeliveryQueue:
    """The queue in the database, for all tenants (the worker role)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def due(self, after: str = "", most: int = 1_000) -> list[Due]:
        """Endpoints with something ready, now or later: the first so many behind this id."""
        return [_due(row) for row in await self._pool.fetch(_DUE, WAKE_S, after, most)]

    async def ask(self, endpoint_ids: Sequence[str]) -> list[Due]:
        """Those of these that have something ready."""
        return [_due(row) for row in await self._pool.fetch(_ASK, WAKE_S, list(endpoint_ids))]

    async def asked(self, most: int) -> list[Lane]:
        """Endpoints to which somebody asked for something to be sent by hand that is not sent yet."""
        return [Lane(*row) for row in await self._pool.fetch(_ASKED, most)]

    async def put_aside(self, endpoint_ids: Sequence[str], most: int) -> int:
        """Hold what is ready for endpoints that are not enabled, of each at most so many; answers how many."""
        return _affected(await self._pool.execute(_PUT_ASIDE, list(endpoint_ids), most))

    async def cancel(self, endpoint_ids: Sequence[str], most: int) -> int:
        """End what is ready for endpoints that are gone, of each at most so many; answers how many."""
        return _affected(await self._pool.execute(_CANCEL, list(endpoint_ids), most))

    async def take_up(self, most: int) -> Counter[Lane]:
        """Make ready what is held for endpoints that are enabled or gone, of each the oldest first, at most so many in all.
        Answers how many of each."""
        rows = await self._pool.fetch(_TAKE_UP, most)
        return Counter({Lane(row["endpoint_id"], row["tenant_id"]): row["count"] for row in rows})

    async def claim(
        self,
        shares: Mapping[Lane, int],
        lease: Lease,
        *,
        rated: Collection[str] = (),
        in_order: bool = False,
        asked: bool = False,
    ) -> list[Work]:
        """Lease at most so many of each endpoint's due deliveries; of those with a rate no more than that allows.

        `in_order`: one of the endpoints wants its events so. `asked`: only what somebody asked for by hand.
        """
        if not rated:
            return await claims.claim(self._pool, shares, lease, in_order=in_order, asked=asked)
        async with self._pool.acquire() as connection, connection.transaction():
            # Who finds an endpoint locked leaves it to the process that gives out its requests right now.
            rates = {row["id"]: row for row in await connection.fetch(_RATES, sorted(rated))}
            rooms = {id_: room_of(row["rate_per_s"], row["rate_used_until"], row["now"]) for id_, row in rates.items()}
            allowed = {
                lane: min(share, rooms.get(lane.endpoint_id, 0)) if lane.endpoint_id in rated else share
                for lane, share in shares.items()
            }
            claimed = await claims.claim(connection, allowed, lease, in_order=in_order, asked=asked)
            counts = Counter(work.endpoint_id for work in claimed if work.endpoint_id in rates)
            moments = {
                id_: used(rates[id_]["rate_per_s"], rates[id_]["rate_used_until"], rates[id_]["now"], count)
                for id_, count in sorted(counts.items())
            }
            if moments:
                await connection.execute(_USED, list(moments), list(moments.values()))
            return claimed

    async def reclaim_expired(self, limit: int, back_s: float | None = None) -> list[Lane]:
        """Free what a crashed process had leased, where the lease ended within the last `back_s`; answers whose each was."""
        back = None if back_s is None else timedelta(seconds=back_s)
        return [Lane(*row) for row in await self._pool.fetch(_RECLAIM, limit, back)]

    async def release(self, owner: str) -> int:
        """Free what this process still has leased (it is stopping)."""
        return _affected(await self._pool.execute(_RELEASE, owner))

    async def complete(self, completions: Sequence[Completion]) -> list[bool]:
        """Write results, all or none; answers, in order, whether each was applied (else another process has it)."""
        if all(taken.is_usual(one) for one in completions):
            return await self._complete_taken(completions)
        async with self._pool.acquire() as connection, connection.transaction():
            applied = await _finish(connection, completions)
            applied |= await _requeue(connection, completions)
            await _supersede(connection, completions)
            await _add_attempts(connection, completions, applied)
            await trouble.note(connection, [one for one in completions if one.work.delivery_id in applied])
        return [one.work.delivery_id in applied for one in completions]

    async def _complete_taken(self, completions: Sequence[Completion]) -> list[bool]:
        written = await taken.write(self._pool, completions)
        applied = [one.work.delivery_id in written.applied for one in completions]
        recovering = [
            one
            for one, is_applied in zip(completions, applied, strict=True)
            if is_applied and one.work.endpoint_id in written.in_trouble
        ]
        if recovering:
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    await trouble.note(connection, recovering)
            except DATABASE_AWAY as error:
                # What was taken is written. That its endpoint is well again, the next one that is taken will show.
                log.info("delivery.health.postponed", error=type(error).__name__)
        return applied


def _due(row: Any) -> Due:
    return Due(
        Lane(row["endpoint_id"], row["tenant_id"]),
        row["wait_s"],
        row["status"],
        row["max_in_flight"],
        row["rate_per_s"],
        bool(row["in_order"]),
        row["asked_s"],
        row["later_s"],
    )


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
            rows.append((*_lease_of(one), READY, _attempts_of(one), one.decision.wait_s, one.work.attempts))
        elif isinstance(one.decision, Hold):
            rows.append((*_lease_of(one), HELD, _attempts_of(one), 0.0, one.work.attempts))
    if not rows:
        return set()
    applied = {row["id"] for row in await connection.fetch(_REQUEUE, *_columns(rows))}
    if applied:
        await connection.execute(_CANCEL_TAKEN, sorted(applied))
    return applied


async def _supersede(connection: Any, completions: Sequence[Completion]) -> None:
    superseding = [
        (one.work.event_id, one.work.endpoint_id)
        for one in _ordered(completions)
        if one.work.trigger == MANUAL and one.decision == Finished("succeeded")
    ]
    if superseding:
        await connection.execute(_AWAIT_OTHERS, *_columns(superseding))
        await connection.execute(_SUPERSEDE, *_columns(superseding))


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
            one.attempt.answer.resent,
        )
        for one in completions
        if one.attempt is not None
    ]
    if rows:
        await connection.execute(_ADD_ATTEMPTS, *_columns(rows))


def _ordered(completions: Sequence[Completion]) -> list[Completion]:
    return sorted(completions, key=lambda one: one.work.delivery_id)


def _lease_of(one: Completion) -> tuple[str, int]:
    return one.work.delivery_id, one.work.generation


def _attempts_of(one: Completion) -> int:
    return one.attempt.number if one.attempt is not None else one.work.attempts


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _affected(status: str) -> int:
    return int(status.rpartition(" ")[2])
