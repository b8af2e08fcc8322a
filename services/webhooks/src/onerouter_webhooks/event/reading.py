"""SQL of readers of events, always within one tenant's transaction.

Events are read by `(xid, seq)`: the transaction that wrote them, then their turn in it. A transaction is read only once no
older one is running, so nothing can appear behind a reader: no gap and no repeat, whoever writes at the same time. Who holds
a transaction open holds readers up; they then see all at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.ids import made_at
from onerouter_webhooks.event.bodies import unpack
from onerouter_webhooks.event.cursor import Position

SKEW: Final = timedelta(days=1)
"""At most between the time in an event's id and when it happened: two machines' clocks, or a transaction that took long."""

# Transactions of the whole cluster count, not of this database alone.
_HORIZON = text("""
SELECT CAST(pg_snapshot_xmin(s) AS text) AS finished, CAST(pg_snapshot_xmax(s) AS text) AS begun
FROM pg_current_snapshot() AS s
""")

LOOKED_AT: Final = 5_000
"""Events that are looked at for one page: what is asked for may be rarer than that."""

# Ordered by the column: its bare name would be that of the text, of which 1000 comes before 999. The last that may be looked
# at is told also when it is not wanted: the next page begins there.
PAGE = text("""
SELECT CAST(xid AS text) AS xid, seq, is_wanted, turn = :most AS is_last, CASE WHEN is_wanted THEN type END AS type,
       CASE WHEN is_wanted THEN body END AS body
FROM (
  SELECT *, :all OR type = ANY(CAST(:exact AS text[]))
            OR EXISTS (SELECT 1 FROM unnest(CAST(:below AS text[])) AS name WHERE starts_with(type, name)) AS is_wanted
  FROM (
    SELECT events.xid, events.seq, type, body, row_number() OVER (ORDER BY events.xid, events.seq) AS turn FROM events
    WHERE tenant_id = :tenant AND environment = :environment
      AND (xid, seq) > (CAST(CAST(:xid AS text) AS xid8), CAST(:seq AS bigint))
      AND xid < CAST(CAST(:finished AS text) AS xid8)
    ORDER BY events.xid, events.seq LIMIT :most
  ) AS looked_at
) AS judged
WHERE is_wanted OR turn = :most
ORDER BY judged.xid, judged.seq LIMIT :limit
""")

# Its id tells its day: of all the partitions three are opened at most.
GET = text("""
SELECT id, type, occurred_at, body FROM events WHERE id = :id AND occurred_at >= :since AND occurred_at < :until
""")

PLACE = text("""
SELECT CAST(xid AS text) AS xid, seq FROM events WHERE id = :id AND occurred_at >= :since AND occurred_at < :until
""")

_DELIVERIES = text("""
SELECT * FROM (
  SELECT id, endpoint_id, CASE state WHEN 2 THEN 'held' ELSE 'pending' END AS status, trigger,
         attempts AS attempt_count, CASE state WHEN 0 THEN next_at END AS next_attempt_at, created_at,
         CAST(NULL AS timestamptz) AS finished_at
  FROM delivery_queue WHERE event_id = :event AND state <> 1
  UNION ALL
  -- Few are under way, of whatever events.
  SELECT id, endpoint_id, 'pending', trigger, attempts, NULL, created_at, NULL
  FROM delivery_queue WHERE event_id = :event AND state = 1
  UNION ALL
  SELECT id, endpoint_id, outcome, trigger, attempts, NULL, created_at, finished_at
  FROM deliveries WHERE event_id = :event AND created_at >= :since
) both_kinds ORDER BY id DESC LIMIT :limit
""")

_TARGETS = text("""
SELECT id, status, event_types, channels, filter FROM webhook_endpoints
WHERE CAST(:id AS text) IS NULL OR id = :id ORDER BY id LIMIT :limit
""")

# Asked for twice in a hurry is asked for once.
_ADD = text("""
INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, next_at,
                            trigger, created_at)
SELECT d.id, :tenant, :environment, d.endpoint_id, :event, :at, :type, 0, now(), 'manual', :now
FROM unnest(CAST(:ids AS text[]), CAST(:endpoints AS text[])) AS d(id, endpoint_id)
WHERE (d.endpoint_id IN (
  SELECT endpoint_id FROM delivery_queue WHERE event_id = :event AND state <> 1 AND trigger = 'manual'
  UNION ALL
  SELECT endpoint_id FROM delivery_queue WHERE event_id = :event AND state = 1 AND trigger = 'manual')) IS NOT TRUE
""")


class Horizon(NamedTuple):
    """How far can be read at a moment."""

    finished: int
    """All transactions before this one have ended."""
    begun: int
    """No transaction from this one on has begun."""

    @property
    def is_clear(self) -> bool:
        """Nothing is being written that could hold readers up."""
        return self.finished == self.begun


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which types of events. Nothing in either: all."""

    exact: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    """Beginnings of types: `payment.`."""


@dataclass(frozen=True, slots=True)
class ReadEvent:
    position: Position
    type: str
    body: bytes


class Found(NamedTuple):
    """What a page holds."""

    events: list[ReadEvent]
    more_behind: Position | None
    """Where to go on; None: all there is up to the horizon was looked at."""


@dataclass(frozen=True, slots=True)
class FoundEvent:
    id: str
    type: str
    occurred_at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint an event may be sent to again."""

    id: str
    status: str
    event_types: list[str] | None
    channels: list[str] | None
    filter: dict[str, Any] | None


class EventReads:
    """Within one `tenant_transaction`: row-level security limits every statement to the tenant it names."""

    def __init__(self, connection: AsyncConnection, tenant_id: str, environment: str) -> None:
        self._connection = connection
        self._owner = {"tenant": tenant_id, "environment": environment}

    async def horizon(self) -> Horizon:
        """Of now: what a later statement reads below it is complete."""
        row = (await self._connection.execute(_HORIZON)).one()
        return Horizon(int(row.finished), int(row.begun))

    async def page(self, after: Position, horizon: Horizon, wanted: Wanted, limit: int) -> Found:
        """At most `limit` of the next `LOOKED_AT` events, in the order of commits."""
        rows = await self._connection.execute(
            PAGE,
            {
                **self._owner,
                "xid": str(after.xid),
                "seq": after.seq,
                "finished": str(horizon.finished),
                "all": not (wanted.exact or wanted.below),
                "exact": list(wanted.exact),
                "below": list(wanted.below),
                "most": LOOKED_AT,
                "limit": limit + 1,
            },
        )
        events: list[ReadEvent] = []
        for row in rows:
            if len(events) == limit and row.is_wanted:
                return Found(events, events[-1].position)
            position = Position(int(row.xid), row.seq)
            if row.is_wanted:
                events.append(ReadEvent(position, row.type, unpack(bytes(row.body))))
            if row.is_last:
                return Found(events, position)
        return Found(events, None)

    async def find(self, event_id: str) -> FoundEvent | None:
        row = await self._one(GET, event_id)
        return None if row is None else FoundEvent(**{**row, "body": unpack(bytes(row["body"]))})

    async def place(self, event_id: str) -> Position | None:
        row = await self._one(PLACE, event_id)
        return None if row is None else Position(int(row["xid"]), row["seq"])

    async def _one(self, statement: TextClause, event_id: str) -> RowMapping | None:
        made = made_at(event_id)
        if made is None:
            return None
        period = {"since": made - SKEW, "until": made + SKEW}
        return (await self._connection.execute(statement, {"id": event_id, **period})).mappings().one_or_none()

    async def deliveries(self, event_id: str, since: datetime, limit: int) -> list[Mapping[str, Any]]:
        """Newest first, finished or not. None was made before `since`."""
        rows = await self._connection.execute(_DELIVERIES, {"event": event_id, "since": since, "limit": limit})
        return [dict(row) for row in rows.mappings()]

    async def targets(self, endpoint_id: str | None, limit: int) -> list[Target]:
        """The endpoint of this id; None: every one."""
        rows = await self._connection.execute(_TARGETS, {"id": endpoint_id, "limit": limit})
        return [Target(**row) for row in rows.mappings()]

    async def add_manual(self, event: FoundEvent, ids: Sequence[str], endpoints: Sequence[str], now: datetime) -> None:
        """One delivery for each endpoint that has none of these waiting."""
        await self._connection.execute(
            _ADD,
            {
                **self._owner,
                "event": event.id,
                "at": event.occurred_at,
                "type": event.type,
                "ids": list(ids),
                "endpoints": list(endpoints),
                "now": now,
            },
        )
