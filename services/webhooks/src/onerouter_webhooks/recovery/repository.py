"""SQL of the job that carries recoveries out, for all tenants (the worker role)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from onerouter_common.ids import DELIVERY, made_at, new_id
from onerouter_webhooks.event.bodies import unpack
from onerouter_webhooks.event.matching import matches, takes_as_kept
from onerouter_webhooks.recovery.model import Candidate, Job, Step

PAGE: Final = 200
"""Deliveries or events a step looks at."""
SKEW: Final = timedelta(days=1)
"""Ids begin with the time of another machine than the moments beside them."""

# One step of one job is one transaction: another process takes another job.
_TAKE = """
SELECT id, tenant_id, environment, endpoint_id, what, since, until, types, cursor FROM recoveries
WHERE status = 'running' AND id <> ALL($1::text[]) ORDER BY stepped_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""

_ENDPOINT = """
SELECT status, coalesce(max_in_flight, $2) AS max_in_flight, event_types, channels, filter,
  (SELECT count(*) FROM delivery_queue q
   WHERE q.endpoint_id = w.id AND q.trigger = 'recovery' AND q.state = 0 AND q.attempts = 0)
  + (SELECT count(*) FROM delivery_queue q
     WHERE q.endpoint_id = w.id AND q.trigger = 'recovery' AND q.state = 1 AND q.attempts = 0) AS on_its_way,
  EXISTS (SELECT FROM delivery_queue q
          WHERE q.endpoint_id = w.id AND q.state = 0 AND q.next_at <= now() AND q.trigger <> 'recovery') AS has_live
FROM webhook_endpoints w WHERE w.id = $1
"""

_OF_DELIVERIES = """
SELECT id, event_id, event_at, event_type, created_at AS at, outcome = 'exhausted' AS is_wanted
FROM deliveries
WHERE endpoint_id = $1 AND id > $2 AND created_at >= $3 AND created_at < $4 ORDER BY id LIMIT $5
"""

_OF_EVENTS = """
SELECT id, id AS event_id, occurred_at AS event_at, type AS event_type, occurred_at AS at, body
FROM events
WHERE tenant_id = $1 AND environment = $2 AND id > $3 AND occurred_at >= $4 AND occurred_at < $5 ORDER BY id LIMIT $6
"""

# Left out: what is on its way to the endpoint anyhow and, of what failed, what was taken since. In the order of each
# resource, where the endpoint wants that: what is new waits behind what it missed.
_QUEUE = """
INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, next_at,
                            trigger, created_at, resource, position)
SELECT DISTINCT ON (c.event_id) c.id, $1, $2, $3, c.event_id, c.event_at, c.event_type, 0, now(), 'recovery', now(),
       CASE WHEN w.ordering = 'resource' THEN e.resource_id END, e.sequence
FROM unnest($4::text[], $5::text[], $6::timestamptz[], $7::text[]) AS c(id, event_id, event_at, event_type)
JOIN events e ON e.occurred_at = c.event_at AND e.id = c.event_id
JOIN webhook_endpoints w ON w.id = $3
WHERE NOT EXISTS (
    SELECT FROM delivery_queue q WHERE q.event_id = c.event_id AND q.endpoint_id = $3 AND q.state <> 1)
  AND (c.event_id IN (SELECT q.event_id FROM delivery_queue q WHERE q.endpoint_id = $3 AND q.state = 1)) IS NOT TRUE
  AND ($8 OR NOT EXISTS (
    SELECT FROM deliveries d WHERE d.event_id = c.event_id AND d.endpoint_id = $3 AND d.outcome = 'succeeded'
      AND d.created_at >= c.event_at - interval '1 day'))
"""

_NOTE = """
UPDATE recoveries
SET cursor = coalesce($2, cursor), reached_at = coalesce($3, reached_at), looked_at = looked_at + $4,
    queued = queued + $5, skipped = skipped + $6, stepped_at = now(),
    status = CASE WHEN $7 THEN 'finished' ELSE status END, finished_at = CASE WHEN $7 THEN now() END
WHERE id = $1
"""

_PUT_OFF = "UPDATE recoveries SET stepped_at = now() WHERE id = $1"

_CANCEL = "UPDATE recoveries SET status = 'canceled', stepped_at = now(), finished_at = now() WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Target:
    """The endpoint as it is now."""

    status: str
    max_in_flight: int
    event_types: Sequence[str] | None
    channels: Sequence[str] | None
    filter: dict[str, Any] | None
    on_its_way: int
    has_live: bool


class Recoveries:
    """Within one transaction."""

    def __init__(self, connection: Any, max_in_flight: int) -> None:
        self._connection = connection
        self._max_in_flight = max_in_flight

    async def take(self, waiting: Sequence[str]) -> Job | None:
        """The job that has waited longest, and that no other process works at; locked until the transaction ends.

        `waiting`: the ids of those to leave alone.
        """
        row = await self._connection.fetchrow(_TAKE, waiting)
        return None if row is None else Job(**row)

    async def find_target(self, job: Job) -> Target | None:
        row = await self._connection.fetchrow(_ENDPOINT, job.endpoint_id, self._max_in_flight)
        return None if row is None else Target(**row)

    async def candidates(self, job: Job, target: Target) -> list[Candidate]:
        """The next ones behind the cursor, at most `PAGE`."""
        since = _since(job)
        if job.what == "all":
            owner = (job.tenant_id, job.environment)
            rows = await self._connection.fetch(_OF_EVENTS, *owner, job.cursor, since, job.until, PAGE)
            return [_of_event(dict(row), job, target) for row in rows]
        rows = await self._connection.fetch(_OF_DELIVERIES, job.endpoint_id, job.cursor, since, job.until, PAGE)
        found = [Candidate(**row) for row in rows]
        return [one if matches(job.types, one.event_type) else _unwanted(one) for one in found]

    async def queue(self, job: Job, chosen: Sequence[Candidate]) -> int:
        """Put them on their way; answers how many of them were to be."""
        if not chosen:
            return 0
        status = await self._connection.execute(
            _QUEUE,
            job.tenant_id,
            job.environment,
            job.endpoint_id,
            [new_id(DELIVERY) for _ in chosen],
            [one.event_id for one in chosen],
            [one.event_at for one in chosen],
            [one.event_type for one in chosen],
            job.what == "all",
        )
        return _affected(status)

    async def note(self, job: Job, step: Step, queued: int) -> None:
        """How far it came."""
        await self._connection.execute(
            _NOTE,
            job.id,
            None if step.last is None else step.last.id,
            None if step.last is None else step.last.at,
            step.looked_at,
            queued,
            len(step.chosen) - queued,
            step.is_last,
        )

    async def put_off(self, job: Job) -> None:
        """There is no room for any of it: others have their turn first."""
        await self._connection.execute(_PUT_OFF, job.id)

    async def cancel(self, job: Job) -> None:
        await self._connection.execute(_CANCEL, job.id)


def _of_event(row: dict[str, Any], job: Job, target: Target) -> Candidate:
    body, type_ = row.pop("body"), row["event_type"]
    is_wanted = matches(job.types, type_) and takes_as_kept(target, type_, lambda: orjson.loads(unpack(body)))
    return Candidate(**row, is_wanted=is_wanted)


def _since(job: Job) -> datetime:
    """The days that are behind the job are not opened again."""
    reached = made_at(job.cursor)
    return job.since if reached is None else max(job.since, reached - SKEW)


def _unwanted(one: Candidate) -> Candidate:
    return Candidate(one.id, one.event_id, one.event_at, one.event_type, one.at, is_wanted=False)


def _affected(status: str) -> int:
    return int(status.rpartition(" ")[2])
