"""SQL of what providers told us, on its way in and on to the log."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from onerouter_common.db.engine import Pool
from onerouter_webhooks.callback.model import InboundEvent, Stored, Unpublished

# The whole, its records and its question in one statement, hence all or nothing of it. A whole that came before adds
# nothing, whatever else it says now: its sender may have signed less than the body. Neither does an event that another
# callback of the connection told.
_INSERT: Final = """
WITH whole AS (
  INSERT INTO inbound_events (id, tenant_id, environment, connection_id, provider, category, dedupe_key, kind, state,
                              seen, sealed, received_at)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                       $9::text[], $10::int[], $11::bytea[], $12::timestamptz[])
  ON CONFLICT (connection_id, dedupe_key) DO UPDATE SET seen = inbound_events.seen + EXCLUDED.seen
  RETURNING id, connection_id, dedupe_key, xmax = 0 AS is_new
), records AS (
  INSERT INTO callback_records (id, inbound_id, tenant_id, environment, connection_id, provider, category, event_key,
                                resource_key, callback, received_at, publish_at)
  SELECT r.*, now() + $24::interval
  FROM unnest($13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[],
              $21::text[], $22::bytea[], $23::timestamptz[])
    AS r(id, inbound_id, tenant_id, environment, connection_id, provider, category, event_key, resource_key, callback,
         received_at)
  WHERE r.inbound_id IN (SELECT id FROM whole WHERE is_new)
  ON CONFLICT (connection_id, event_key) DO NOTHING
  RETURNING id, inbound_id
), questions AS (
  INSERT INTO callback_handshakes (id, tenant_id, environment, connection_id, provider, category, subject, sealed,
                                   expires_at, created_at, state, due_at)
  SELECT q.*, 'waiting', now()
  FROM unnest($25::text[], $26::text[], $27::text[], $28::text[], $29::text[], $30::text[], $31::text[], $32::text[],
              $33::timestamptz[], $34::timestamptz[])
    AS q(id, tenant_id, environment, connection_id, provider, category, subject, sealed, expires_at, created_at)
  WHERE q.id IN (SELECT id FROM whole WHERE is_new)
)
SELECT id, NULL AS inbound_id FROM whole WHERE is_new UNION ALL SELECT id, inbound_id FROM records
"""

_CLAIM: Final = """
UPDATE callback_records
SET publish_attempts = publish_attempts + 1,
    publish_at = now() + $2::interval * power(2, least(publish_attempts, 3))
WHERE id = ANY(ARRAY(
  SELECT id FROM callback_records WHERE publish_at IS NOT NULL AND publish_at <= now()
  ORDER BY publish_at LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING id, category, provider, resource_key, callback, received_at
"""

# Nobody waits for this, and what a crash of the database forgets of it is only published twice: it does not take the disk's
# time from callbacks that are being stored.
_PUBLISHED: Final = """
WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true) AS set)
UPDATE callback_records SET callback = NULL, publish_at = NULL
WHERE id = ANY($1::text[]) AND (SELECT set FROM unhurried) = 'off'
"""

_WHOLE_COLUMNS: Final = 12
_RECORD_COLUMNS: Final = 11
_QUESTION_COLUMNS: Final = 10


class InboundEvents:
    """Callbacks in the database, for all tenants (the worker role)."""

    def __init__(self, pool: Pool, *, relay_after_s: float) -> None:
        self._pool = pool
        self._relay_after = timedelta(seconds=relay_after_s)

    async def insert(self, events: Sequence[InboundEvent]) -> list[Stored]:
        """Store what is new and count what is not; answers, in order, what was new of each."""
        first: dict[tuple[str, str], InboundEvent] = {}
        seen: dict[tuple[str, str], int] = {}
        for event in events:
            key = _key(event)
            first.setdefault(key, event)
            seen[key] = seen.get(key, 0) + 1
        # In key order, so that two processes storing the same callbacks cannot deadlock.
        wholes = [first[key] for key in sorted(first)]
        answered = await self._pool.fetch(
            _INSERT,
            *_columns([_whole(event, seen[_key(event)]) for event in wholes], _WHOLE_COLUMNS),
            *_columns(_records(wholes), _RECORD_COLUMNS),
            self._relay_after,
            *_columns(_questions(wholes), _QUESTION_COLUMNS),
        )
        new = {row["id"] for row in answered if row["inbound_id"] is None}
        records: dict[str, set[str]] = {}
        for row in answered:
            if row["inbound_id"] is not None:
                records.setdefault(row["inbound_id"], set()).add(row["id"])
        return [Stored(id_ in new, frozenset(records.get(id_, ()))) for id_ in (event.source.id for event in events)]

    async def claim_unpublished(self, limit: int) -> list[Unpublished]:
        """What was stored but not published in time; each is offered again later, later and later."""
        return [Unpublished(**row) for row in await self._pool.fetch(_CLAIM, limit, self._relay_after)]

    async def mark_published(self, ids: Sequence[str]) -> None:
        await self._pool.execute(_PUBLISHED, list(ids))


def _key(event: InboundEvent) -> tuple[str, str]:
    return (event.source.connection_id, event.dedupe_key)


def _whole(event: InboundEvent, seen: int) -> tuple[object, ...]:
    source = event.source
    return (
        source.id,
        source.tenant_id,
        source.environment,
        source.connection_id,
        source.provider,
        source.category,
        event.dedupe_key,
        event.kind,
        event.state,
        seen,
        event.sealed,
        source.received_at,
    )


def _records(events: Sequence[InboundEvent]) -> list[tuple[object, ...]]:
    told = [(event.source, record) for event in events for record in event.records]
    told.sort(key=lambda one: (one[0].connection_id, one[1].event_key))
    return [
        (
            record.id,
            source.id,
            source.tenant_id,
            source.environment,
            source.connection_id,
            source.provider,
            source.category,
            record.event_key,
            record.resource_key,
            record.callback,
            source.received_at,
        )
        for source, record in told
    ]


def _questions(events: Sequence[InboundEvent]) -> list[tuple[object, ...]]:
    return [
        (
            source.id,
            source.tenant_id,
            source.environment,
            source.connection_id,
            source.provider,
            source.category,
            asked.subject,
            asked.sealed,
            asked.expires_at,
            source.received_at,
        )
        for event in events
        if (asked := event.asked_first) is not None and (source := event.source)
    ]


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [[row[place] for row in rows] for place in range(width)]
