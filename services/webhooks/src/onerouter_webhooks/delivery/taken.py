"""SQL of the usual result: everything in a batch was taken. One statement, which commits itself.

What was taken at its first attempt becomes one row: the outcome with the attempt in it.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import orjson

from onerouter_webhooks.delivery.queue import MANUAL, Completion, Finished

# A result whose lease was lost is only noted, as late. `IS TRUE` and `IS NOT TRUE` keep the planner from making joins of the
# questions, which look through all rows for each row: it asks a hash table instead.
_TAKEN: Final = """
WITH result AS (
  SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
                       $9::text[], $10::timestamptz[], $11::int[], $12::int[], $13::text[], $14::text[], $15::bytea[],
                       $16::boolean[], $17::text[], $18::boolean[])
    AS r(id, generation, attempts, finished_at, tenant_id, environment, endpoint_id, attempt_id, trigger, started_at,
         duration_ms, status, failure, remote_address, response_body, response_truncated, response_headers, resent)
), gone AS (
  DELETE FROM delivery_queue q USING result r
  WHERE q.id = r.id AND q.generation = r.generation
  RETURNING q.id, q.tenant_id, q.environment, q.endpoint_id, q.event_id, q.event_at, q.event_type, q.trigger, q.created_at,
            r.attempts, r.finished_at, r.attempt_id, r.started_at, r.duration_ms, r.status, r.remote_address,
            r.response_headers, r.response_body, r.response_truncated, r.resent
), kept AS (
  INSERT INTO deliveries (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, attempts,
                          trigger, created_at, finished_at, attempt_id, attempted_at, duration_ms, status, remote_address,
                          response_headers, response_body, response_truncated, resent)
  SELECT g.id, g.tenant_id, g.environment, g.endpoint_id, g.event_id, g.event_at, g.event_type, 'succeeded', g.attempts,
         g.trigger, g.created_at, g.finished_at, only_one.*
  FROM gone g LEFT JOIN LATERAL (
    SELECT g.attempt_id, g.started_at, g.duration_ms, g.status, g.remote_address, g.response_headers::jsonb,
           g.response_body, g.response_truncated, g.resent
    WHERE g.attempts = 1) only_one ON true
), tried AS (
  INSERT INTO delivery_attempts (id, tenant_id, environment, delivery_id, endpoint_id, number, trigger, created_at,
                                 duration_ms, status, failure, remote_address, response_headers, response_body,
                                 response_truncated, late, resent)
  SELECT r.attempt_id, r.tenant_id, r.environment, r.id, r.endpoint_id, r.attempts, r.trigger, r.started_at, r.duration_ms,
         r.status, r.failure, r.remote_address, r.response_headers::jsonb, r.response_body, r.response_truncated,
         (r.id IN (SELECT id FROM gone)) IS NOT TRUE, r.resent
  FROM result r
  WHERE CASE
    WHEN r.id IN (SELECT id FROM gone) THEN r.attempts > 1
    -- It was committed before, and the answer lost on the way; as after ON CONFLICT.
    ELSE NOT EXISTS (SELECT FROM deliveries d WHERE d.id = r.id AND d.attempt_id = r.attempt_id) END
  ON CONFLICT (created_at, id) DO NOTHING
)
SELECT id, NULL AS endpoint_id FROM gone
UNION ALL
SELECT NULL, w.id FROM webhook_endpoints w
WHERE w.id = ANY($19::text[])
  AND (w.consecutive_failures > 0 OR w.window_at IS NOT NULL OR w.breaker_opens > 0 OR w.told > 0)
"""


class Taken(NamedTuple):
    """What came of a batch."""

    applied: Collection[str]
    """Deliveries; the others were another process's by now."""
    in_trouble: Collection[str]
    """Endpoints among them of which something else than success is remembered."""


def is_usual(one: Completion) -> bool:
    """Taken, by itself, and not what an endpoint that fails is judged by."""
    is_plain = not one.work.is_probe and one.work.trigger != MANUAL
    return is_plain and one.attempt is not None and one.decision == Finished("succeeded")


async def write(executor: Any, completions: Sequence[Completion]) -> Taken:
    """All of them `is_usual`."""
    ordered = sorted(completions, key=lambda one: one.work.delivery_id)
    columns = [list(column) for column in zip(*(_row(one) for one in ordered), strict=True)]
    rows = await executor.fetch(_TAKEN, *columns, sorted({one.work.endpoint_id for one in ordered}))
    return Taken(
        {row["id"] for row in rows if row["id"] is not None},
        {row["endpoint_id"] for row in rows if row["endpoint_id"] is not None},
    )


def _row(one: Completion) -> tuple[object, ...]:
    assert one.attempt is not None  # noqa: S101 - is_usual
    work, attempt, answer = one.work, one.attempt, one.attempt.answer
    return (
        work.delivery_id,
        work.generation,
        attempt.number,
        one.at,
        work.tenant_id,
        work.environment,
        work.endpoint_id,
        attempt.id,
        work.trigger,
        attempt.started_at,
        answer.duration_ms,
        answer.status,
        answer.failure,
        answer.remote_address,
        answer.body,
        answer.truncated,
        orjson.dumps(answer.headers).decode(),
        answer.resent,
    )
