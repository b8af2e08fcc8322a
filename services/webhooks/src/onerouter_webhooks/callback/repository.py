"""SQL of what providers told us."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import orjson

from onerouter_common.db.engine import Pool

State = Literal["pending", "published", "unhandled", "unparsed"]


@dataclass(frozen=True, slots=True)
class InboundEvent:
    """One verified callback, as stored. `callback` is the normalized record that the worker gets, when there is one."""

    id: str
    tenant_id: str
    environment: str
    connection_id: str
    provider: str
    category: str
    dedupe_key: str
    kind: str
    state: State
    headers: Mapping[str, str]
    raw: bytes
    received_at: datetime
    resource_key: str | None = None
    callback: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unpublished:
    """A normalized callback that the log does not have yet."""

    id: str
    category: str
    provider: str
    resource_key: str
    callback: bytes
    received_at: datetime


_INSERT = """
INSERT INTO inbound_events (id, tenant_id, environment, connection_id, provider, category, dedupe_key, kind, state, seen,
                            headers, raw, resource_key, callback, publish_at, received_at)
SELECT r.id, r.tenant_id, r.environment, r.connection_id, r.provider, r.category, r.dedupe_key, r.kind, r.state, r.seen,
       r.headers::jsonb, r.raw, r.resource_key, r.callback,
       CASE WHEN r.state = 'pending' THEN now() + $16::interval END, r.received_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::int[], $11::text[], $12::bytea[], $13::text[], $14::bytea[], $15::timestamptz[])
  AS r(id, tenant_id, environment, connection_id, provider, category, dedupe_key, kind, state,
       seen, headers, raw, resource_key, callback, received_at)
ON CONFLICT (connection_id, dedupe_key) DO UPDATE SET seen = inbound_events.seen + EXCLUDED.seen
RETURNING connection_id, dedupe_key, xmax = 0 AS is_new
"""

_CLAIM = """
UPDATE inbound_events
SET publish_attempts = publish_attempts + 1,
    publish_at = now() + $2::interval * power(2, least(publish_attempts, 3))
WHERE id = ANY(ARRAY(
  SELECT id FROM inbound_events WHERE state = 'pending' AND publish_at <= now()
  ORDER BY publish_at LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING id, category, provider, resource_key, callback, received_at
"""

_PUBLISHED = "UPDATE inbound_events SET state = 'published', publish_at = NULL WHERE id = ANY($1::text[])"

_REPLAYABLE = """
SELECT id, tenant_id, environment, connection_id, provider, category, dedupe_key, kind, state, headers, raw, received_at
FROM inbound_events WHERE state IN ('unhandled', 'unparsed') AND id > $1 ORDER BY id LIMIT $2
"""

_REPLAY = """
UPDATE inbound_events SET state = 'pending', kind = $2, resource_key = $3, callback = $4, publish_at = now()
WHERE id = $1 AND state IN ('unhandled', 'unparsed')
"""

_FORGET = """
DELETE FROM inbound_events WHERE id = ANY(ARRAY(
  SELECT id FROM inbound_events WHERE received_at < now() - $1::interval AND state <> 'pending' LIMIT $2))
"""


class InboundEvents:
    """Callbacks in the database, for all tenants (the worker role)."""

    def __init__(self, pool: Pool, *, relay_after_s: float) -> None:
        self._pool = pool
        self._relay_after = timedelta(seconds=relay_after_s)

    async def insert(self, events: Sequence[InboundEvent]) -> list[bool]:
        """Store what is new and count what is not; answers, in order, whether each was new."""
        first: dict[tuple[str, str], InboundEvent] = {}
        seen: dict[tuple[str, str], int] = {}
        for event in events:
            key = (event.connection_id, event.dedupe_key)
            first.setdefault(key, event)
            seen[key] = seen.get(key, 0) + 1
        # In key order, so that two processes storing the same callbacks cannot deadlock.
        rows = [(first[key], seen[key]) for key in sorted(first)]
        answered = await self._pool.fetch(_INSERT, *_columns(rows), self._relay_after)
        new = {(row["connection_id"], row["dedupe_key"]) for row in answered if row["is_new"]}
        return [(key := (event.connection_id, event.dedupe_key)) in new and first[key] is event for event in events]

    async def claim_unpublished(self, limit: int) -> list[Unpublished]:
        """What was stored but not published in time; each is offered again later, later and later."""
        return [Unpublished(**row) for row in await self._pool.fetch(_CLAIM, limit, self._relay_after)]

    async def mark_published(self, ids: Sequence[str]) -> None:
        await self._pool.execute(_PUBLISHED, list(ids))

    async def replayable(self, after: str, limit: int) -> list[InboundEvent]:
        """Stored callbacks that no mapping understood when they came, by id."""
        return [InboundEvent(**row) for row in await self._pool.fetch(_REPLAYABLE, after, limit)]

    async def replay(self, event_id: str, kind: str, resource_key: str, callback: bytes) -> None:
        """Have the relay publish what is understood now."""
        await self._pool.execute(_REPLAY, event_id, kind, resource_key, callback)

    async def forget(self, older_than: timedelta, limit: int = 1_000) -> int:
        """Delete finished ones past their retention; answers how many."""
        status: str = await self._pool.execute(_FORGET, older_than, limit)
        return int(status.rpartition(" ")[2])


def _columns(rows: Sequence[tuple[InboundEvent, int]]) -> list[list[object]]:
    table = [
        (
            event.id,
            event.tenant_id,
            event.environment,
            event.connection_id,
            event.provider,
            event.category,
            event.dedupe_key,
            event.kind,
            event.state,
            seen,
            orjson.dumps(event.headers).decode(),
            event.raw,
            event.resource_key,
            event.callback,
            event.received_at,
        )
        for event, seen in rows
    ]
    return [list(column) for column in zip(*table, strict=True)]
