"""SQL of claims: which of what is due is sent next, and by whom."""

import zlib
from collections.abc import Mapping
from typing import Any, Final

import structlog

from onerouter_webhooks.delivery.queue import Lease, Work
from onerouter_webhooks.delivery.slots import Lane
from onerouter_webhooks.event.bodies import unpack

log = structlog.get_logger()

_MORE_RESOURCES: Final = 200
"""How many resources more are looked at than there is room for: among them those go first that have waited longest."""

# `= ANY(ARRAY(...))` and not a join with the CTE: that one is planned as a scan of the whole queue.
_CLAIM: Final = """
WITH probe AS (
  {probe}
), claimed AS (
  UPDATE delivery_queue q
  SET state = 1, generation = generation + 1, owner = $3,
      lease_until = now() + $4::interval + coalesce((
        SELECT greatest(make_interval(secs => w.timeout_s) - $5::interval, interval '0')
        FROM webhook_endpoints w WHERE w.id = q.endpoint_id), interval '0')
  WHERE q.id = ANY(ARRAY(
    SELECT due.id FROM unnest($1::text[], $2::int[]) AS lane(endpoint_id, share)
    LEFT JOIN webhook_endpoints w ON w.id = lane.endpoint_id
    LEFT JOIN probe ON probe.id = lane.endpoint_id
    CROSS JOIN LATERAL (SELECT {room} AS room) allowed
    CROSS JOIN LATERAL ({due}) due))
  RETURNING q.*
)
SELECT c.id AS delivery_id, c.generation, c.attempts, c.tenant_id, c.environment, c.endpoint_id, c.event_id, c.trigger,
       w.url, w.status AS endpoint_status, coalesce(w.version, 0) AS endpoint_version, e.body, w.timeout_s,
       w.retry_schedule_s, c.event_type, c.resource,
       probe.id IS NOT NULL AS is_probe
FROM claimed c
LEFT JOIN probe ON probe.id = c.endpoint_id
LEFT JOIN webhook_endpoints w ON w.id = c.endpoint_id
LEFT JOIN events e ON e.occurred_at = c.event_at AND e.id = c.event_id
"""

# An endpoint whose breaker is open gets nothing; once that time is over one process may send one delivery, and has as long
# as a lease to show what came of it.
_PROBE: Final = """UPDATE webhook_endpoints w SET breaker_until = now() + $4::interval
  WHERE w.id = ANY(ARRAY(
    SELECT x.id FROM webhook_endpoints x
    WHERE x.id = ANY($1::text[]) AND x.breaker_opens > 0 AND x.breaker_until <= now() FOR UPDATE SKIP LOCKED))
  RETURNING w.id"""
_ROOM: Final = "CASE WHEN coalesce(w.breaker_opens, 0) = 0 THEN lane.share WHEN probe.id IS NULL THEN 0 ELSE 1 END"

# Whoever asked for it waits for it, and knows better than the breaker whether it is worth a try.
_NO_PROBE: Final = "SELECT NULL::text AS id WHERE false"
_ASKED: Final = """
      SELECT x.id FROM delivery_queue x
      WHERE x.endpoint_id = lane.endpoint_id AND x.state = 0 AND x.trigger = 'manual' AND x.next_at <= now()
      ORDER BY x.next_at LIMIT allowed.room FOR UPDATE SKIP LOCKED"""

# Of one resource only the first is taken, also where nobody asks for that any more.
_DUE: Final = """
      SELECT x.id FROM delivery_queue x
      WHERE x.endpoint_id = lane.endpoint_id AND x.state = 0 AND x.next_at <= now()
        AND (x.resource IS NULL OR NOT EXISTS (
          SELECT FROM delivery_queue y WHERE y.endpoint_id = x.endpoint_id AND y.resource = x.resource
            AND (y.position, y.id) < (x.position, x.id)))
      ORDER BY x.next_at LIMIT allowed.room FOR UPDATE SKIP LOCKED"""

# The same, however much waits for the one before it: from resource to resource by one index probe each, past those whose
# first is not due, until there are enough to choose the oldest of. `x.state + 0`: each by its id; `x.state = 0` would allow
# a walk through a whole index of what is ready, which looks as cheap where the queue was counted when it was empty.
_DUE_IN_ORDER: Final = """
      SELECT candidate.id FROM (
        SELECT * FROM (
          SELECT x.id, x.next_at FROM delivery_queue x
          WHERE x.endpoint_id = lane.endpoint_id AND x.state = 0 AND x.resource IS NULL AND x.next_at <= now()
          ORDER BY x.next_at LIMIT allowed.room FOR UPDATE SKIP LOCKED) unordered
        UNION ALL
        SELECT * FROM (
          SELECT x.id, x.next_at FROM (
            WITH RECURSIVE first AS (
              (SELECT q.id, q.resource, q.state, q.next_at FROM delivery_queue q
               WHERE q.endpoint_id = lane.endpoint_id AND q.resource IS NOT NULL
               ORDER BY q.resource, q.position, q.id LIMIT 1)
              UNION ALL
              SELECT following.* FROM first CROSS JOIN LATERAL (
                SELECT q.id, q.resource, q.state, q.next_at FROM delivery_queue q
                WHERE q.endpoint_id = lane.endpoint_id AND q.resource > first.resource
                ORDER BY q.resource, q.position, q.id LIMIT 1) following
            )
            SELECT id FROM first WHERE state = 0 AND next_at <= now() LIMIT allowed.room + $6
          ) heads JOIN delivery_queue x ON x.id = heads.id
          WHERE x.state + 0 = 0
          ORDER BY x.next_at LIMIT allowed.room FOR UPDATE OF x SKIP LOCKED) in_order
      ) candidate
      ORDER BY candidate.next_at LIMIT allowed.room"""

CLAIM: Final = _CLAIM.format(probe=_PROBE, room=_ROOM, due=_DUE)
CLAIM_IN_ORDER: Final = _CLAIM.format(probe=_PROBE, room=_ROOM, due=_DUE_IN_ORDER)
CLAIM_ASKED: Final = _CLAIM.format(probe=_NO_PROBE, room="lane.share", due=_ASKED)


async def claim(
    executor: Any, shares: Mapping[Lane, int], lease: Lease, *, in_order: bool = False, asked: bool = False
) -> list[Work]:
    """`executor`: a connection or a pool. `asked`: only what somebody asked for, also where the breaker is open."""
    # Whose rate leaves no room now keeps its probe for later, if it is left alone.
    lanes = sorted(lane for lane, room in shares.items() if room > 0)
    if not lanes:
        return []
    in_order = in_order and not asked
    rows = await executor.fetch(
        CLAIM_ASKED if asked else CLAIM_IN_ORDER if in_order else CLAIM,
        [lane.endpoint_id for lane in lanes],
        [shares[lane] for lane in lanes],
        lease.owner,
        lease.length,
        lease.attempt,
        *((_MORE_RESOURCES,) if in_order else ()),
    )
    return [Work(**{**row, "body": _body_of(row)}) for row in rows]


def _body_of(row: Mapping[str, Any]) -> bytes | None:
    """None: it is gone, or cannot be read any more, which must not keep what was claimed with it from being sent."""
    if row["body"] is None:
        return None
    try:
        return unpack(row["body"])
    except zlib.error:
        log.exception("delivery.body.damaged", delivery_id=row["id"])
        return None
