"""SQL of callbacks that were kept: walked through in bounded pages, whatever is looked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onerouter_common.db.engine import Pool
from onerouter_common.ids import CALLBACK, first_id
from onerouter_webhooks.callback.model import InboundRecord, Source, State

_EXAMINED: Final = 2_000
_FOUND: Final = 100

# A page is a piece of the table by id, which is by time; what is looked for is picked out of it. So each statement is short,
# also where only one in a million rows is looked for.
_PAGE: Final = """
WITH page AS (
  SELECT id, tenant_id, environment, connection_id, provider, category, state, received_at, sealed IS NOT NULL AS is_kept
  FROM inbound_events WHERE id > $1 ORDER BY id LIMIT $2
), found AS (
  SELECT id FROM page
  WHERE is_kept AND ($4::text IS NULL OR tenant_id = $4) AND ($5::text IS NULL OR environment = $5)
    AND ($6::text IS NULL OR provider = $6) AND ($7::text IS NULL OR connection_id = $7)
    AND ($8::timestamptz IS NULL OR received_at >= $8) AND ($9::timestamptz IS NULL OR received_at < $9)
    AND ($10::text[] IS NULL OR state = ANY($10))
  ORDER BY id LIMIT $3
)
SELECT array(SELECT id FROM found ORDER BY id) AS ids, (SELECT count(*) FROM page) AS examined,
       (SELECT max(id) FROM page) AS last, (SELECT max(received_at) FROM page) AS reached
"""

_FETCH: Final = """
SELECT id, tenant_id, environment, connection_id, provider, category, received_at, state, sealed
FROM inbound_events WHERE id = ANY($1::text[]) AND sealed IS NOT NULL ORDER BY id
"""

_UNDERSTOOD: Final = """
WITH whole AS (
  UPDATE inbound_events SET state = $2, kind = $3 WHERE id = $1
  RETURNING id, tenant_id, environment, connection_id, provider, category, received_at
), records AS (
  INSERT INTO callback_records (id, inbound_id, tenant_id, environment, connection_id, provider, category, event_key,
                                resource_key, callback, received_at, publish_at)
  SELECT r.id, w.id, w.tenant_id, w.environment, w.connection_id, w.provider, w.category, r.event_key, r.resource_key,
         r.callback, w.received_at, now()
  FROM whole w, unnest($4::text[], $5::text[], $6::text[], $7::bytea[]) AS r(id, event_key, resource_key, callback)
  ON CONFLICT (connection_id, event_key) DO NOTHING
  RETURNING id
)
SELECT count(*) FROM records
"""

_REDACT: Final = """
UPDATE inbound_events SET sealed = NULL, redacted_at = now() WHERE id = ANY($1::text[]) AND sealed IS NOT NULL
"""

_EXPIRE: Final = """
UPDATE inbound_events SET sealed = NULL WHERE id = ANY(ARRAY(
  SELECT id FROM inbound_events WHERE sealed IS NOT NULL AND received_at < now() - $1::interval
  ORDER BY received_at LIMIT $2))
"""

_FORGET: Final = (
    """
DELETE FROM inbound_events WHERE id = ANY(ARRAY(
  SELECT id FROM inbound_events WHERE received_at < now() - $1::interval LIMIT $2))
""",
    """
DELETE FROM callback_records WHERE id = ANY(ARRAY(
  SELECT id FROM callback_records WHERE received_at < now() - $1::interval AND publish_at IS NULL LIMIT $2))
""",
    """
DELETE FROM callback_handshakes WHERE id = ANY(ARRAY(
  SELECT id FROM callback_handshakes WHERE created_at < now() - $1::interval AND state <> 'waiting' LIMIT $2))
""",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which ones; None: whichever."""

    tenant_id: str | None = None
    environment: str | None = None
    provider: str | None = None
    connection_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    states: tuple[State, ...] | None = None

    @property
    def before_first(self) -> str:
        """What sorts before the id of the first."""
        return "" if self.since is None else first_id(CALLBACK, self.since)


@dataclass(frozen=True, slots=True)
class Page:
    """Ids of what was found; `last`: where the next page begins, None when this was the last one."""

    ids: list[str]
    examined: int
    last: str | None
    reached: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    source: Source
    state: State
    sealed: bytes


class StoredCallbacks:
    """For all tenants (the worker role)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, wanted: Wanted, after: str | None) -> Page:
        row = await self._pool.fetchrow(
            _PAGE,
            after or wanted.before_first,
            _EXAMINED,
            _FOUND,
            wanted.tenant_id,
            wanted.environment,
            wanted.provider,
            wanted.connection_id,
            wanted.since,
            wanted.until,
            None if wanted.states is None else list(wanted.states),
        )
        assert row is not None  # noqa: S101 - an aggregate has one row
        is_full = len(row["ids"]) == _FOUND
        is_past = wanted.until is not None and row["reached"] is not None and row["reached"] >= wanted.until
        last = row["ids"][-1] if is_full else (row["last"] if row["examined"] == _EXAMINED and not is_past else None)
        return Page(row["ids"], row["examined"], last, row["reached"])

    async def fetch(self, ids: Sequence[str]) -> list[Kept]:
        """What is still kept of these, oldest first."""
        return [
            Kept(Source(**{name: row[name] for name in Source.__dataclass_fields__}), row["state"], row["sealed"])
            for row in await self._pool.fetch(_FETCH, list(ids))
        ]

    async def understood(self, id: str, state: State, kind: str, records: Sequence[InboundRecord]) -> int:
        """Store what a later reading has made of one; how many of the records are new. The relay publishes them."""
        new: int = await self._pool.fetchval(
            _UNDERSTOOD,
            id,
            state,
            kind,
            [one.id for one in records],
            [one.event_key for one in records],
            [one.resource_key for one in records],
            [one.callback for one in records],
        )
        return new

    async def redact(self, ids: Sequence[str]) -> int:
        """Drop headers and body; what they are known by stays, so that they are not taken a second time."""
        return _count(await self._pool.execute(_REDACT, list(ids)))

    async def expire(self, older_than: timedelta, limit: int) -> int:
        """Drop headers and bodies that were kept long enough; how many."""
        return _count(await self._pool.execute(_EXPIRE, older_than, limit))

    async def forget(self, older_than: timedelta, limit: int) -> int:
        """Delete what is past its retention and done with; how many rows."""
        return sum([_count(await self._pool.execute(statement, older_than, limit)) for statement in _FORGET])


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
