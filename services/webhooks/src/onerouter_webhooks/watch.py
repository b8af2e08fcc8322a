"""Tells what nobody else would notice: deliveries that nobody sends, and transactions that keep readers of events waiting.

One process looks, every quarter of a minute: what it sees is of all of them. The others stand by for its end.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import asyncpg

from onerouter_common.metric_names import DELIVERIES_OVERDUE, EVENT_READERS_HELD_UP
from onerouter_webhooks.database import SESSION

_EVERY_S: Final = 15.0
_TIMEOUT_S: Final = 5.0
_PAGE: Final = 1_000
"""Endpoints of one statement."""
_RESOURCES: Final = 100
"""Of an endpoint that wants its events in order so many are looked at: where nothing is sent they tell as much as all."""

_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended('onerouter.webhooks.watch', 0))"

# A few index probes an endpoint, however much it is owed. What waits for the one before it is not due, nor is what an
# endpoint's own rate leaves for later.
_OVERDUE: Final = """
WITH RECURSIVE lane AS (
  (SELECT endpoint_id, 1 AS turn FROM delivery_queue WHERE state = 0 AND endpoint_id > $1
   ORDER BY endpoint_id, next_at LIMIT 1)
  UNION ALL
  SELECT following.endpoint_id, lane.turn + 1 FROM lane CROSS JOIN LATERAL (
    SELECT q.endpoint_id FROM delivery_queue q
    WHERE q.state = 0 AND q.endpoint_id > lane.endpoint_id ORDER BY q.endpoint_id, q.next_at LIMIT 1) following
  WHERE lane.turn < $2
)
SELECT count(*) AS looked_at, max(lane.endpoint_id) AS last,
       max(extract(epoch FROM now() - least(plain.next_at, in_order.next_at)))::float8 AS overdue_s
FROM lane
LEFT JOIN webhook_endpoints w
  ON w.id = lane.endpoint_id AND w.status = 'enabled' AND w.breaker_opens = 0 AND w.rate_per_s IS NULL
LEFT JOIN LATERAL (
  SELECT q.next_at FROM delivery_queue q
  WHERE q.endpoint_id = w.id AND q.state = 0 AND q.resource IS NULL AND q.next_at <= now()
  ORDER BY q.next_at LIMIT 1) plain ON true
LEFT JOIN LATERAL (
  WITH RECURSIVE first AS (
    (SELECT q.resource, q.state, q.next_at, 1 AS turn FROM delivery_queue q
     WHERE q.endpoint_id = w.id AND q.resource IS NOT NULL ORDER BY q.resource, q.position, q.id LIMIT 1)
    UNION ALL
    SELECT following.*, first.turn + 1 FROM first CROSS JOIN LATERAL (
      SELECT q.resource, q.state, q.next_at FROM delivery_queue q
      WHERE q.endpoint_id = w.id AND q.resource > first.resource
      ORDER BY q.resource, q.position, q.id LIMIT 1) following
    WHERE first.turn < $3
  )
  SELECT min(next_at) AS next_at FROM first WHERE state = 0 AND next_at <= now()) in_order ON true
"""

_HORIZON: Final = """
SELECT pg_snapshot_xmin(s)::text AS finished, pg_snapshot_xmax(s)::text AS begun FROM pg_current_snapshot() AS s
"""


class HeldUp:
    """For how long one transaction, the oldest that is running, has kept readers from what was written after it began.

    By looking again and again: what others do, and what was prepared and is nobody's any more, only a superuser may read.
    """

    def __init__(self, time: Callable[[], float] = monotonic) -> None:
        self._time = time
        self._oldest = ""
        self._since = 0.0

    def seen(self, finished: str, begun: str) -> float:
        """`finished`: all before it have ended; `begun`: all that have ended are before it. Answers seconds."""
        if finished == begun:
            self._oldest = ""
            return 0.0
        if finished != self._oldest:
            self._oldest, self._since = finished, self._time()
        return self._time() - self._since


class Watch:
    """One a process."""

    def __init__(self, dsn: str, *, every_s: float = _EVERY_S, held_up: HeldUp | None = None) -> None:
        self._dsn = dsn
        self._every_s = every_s
        self._held_up = held_up or HeldUp()
        self.is_telling = False

    async def run(self) -> None:
        """Loop. Raises what the database says, to be called again."""
        connection = await asyncpg.connect(
            self._dsn, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S, server_settings=SESSION
        )
        try:
            while True:
                # With the connection ends the lock.
                self.is_telling = self.is_telling or bool(await connection.fetchval(_LOCK))
                if self.is_telling:
                    await self.look(connection)
                await asyncio.sleep(self._every_s)
        finally:
            self.is_telling = False
            for gauge in (DELIVERIES_OVERDUE, EVENT_READERS_HELD_UP):
                gauge.set(0)
            connection.terminate()

    async def look(self, connection: Any) -> None:
        """Once."""
        after, overdue_s = "", 0.0
        while True:
            page = await connection.fetchrow(_OVERDUE, after, _PAGE, _RESOURCES)
            overdue_s = max(overdue_s, page["overdue_s"] or 0.0)
            if page["looked_at"] < _PAGE:
                break
            after = page["last"]
        DELIVERIES_OVERDUE.set(overdue_s)
        horizon = await connection.fetchrow(_HORIZON)
        EVENT_READERS_HELD_UP.set(self._held_up.seen(horizon["finished"], horizon["begun"]))
