"""What keeps the database small: partitions made ahead and dropped when they are old, finished callbacks and ended tenants
forgotten."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from onerouter_common.clock import Clock
from onerouter_common.db.engine import Pool
from onerouter_common.errors import Overloaded
from onerouter_common.ids import EVENT, first_id
from onerouter_common.once import repository as once
from onerouter_webhooks.callback.stored.repository import StoredCallbacks
from onerouter_webhooks.endpoint.ended import EndedTenants

log = structlog.get_logger()

_EVERY_S: Final = 3_600.0
_DAYS_AHEAD: Final = 7
_CHUNK: Final = 1_000
_SKEW: Final = timedelta(days=1)
"""Between the time in an event's id and when it happened."""

# Held for longer than its event is kept: there is nothing left to send. What is under way has its turn in an hour.
_CANCEL_STALE = """
WITH gone AS (
  DELETE FROM delivery_queue WHERE id = ANY(ARRAY(
    SELECT id FROM delivery_queue WHERE event_id < $1 AND event_at < $2 AND state <> 1
    ORDER BY event_id LIMIT $3))
  RETURNING *
)
INSERT INTO deliveries (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, attempts,
                        trigger, created_at, finished_at)
SELECT id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, 'canceled', attempts, trigger,
       created_at, $4
FROM gone
"""

# Of resources that nothing was told of since: what may come next waits a moment for what is not known any more.
_FORGET_ORDER = """
DELETE FROM known_sequences WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM known_sequences WHERE touched_on < $1 ORDER BY touched_on LIMIT $2 FOR UPDATE SKIP LOCKED))
"""

_FORGET_RECOVERIES = "DELETE FROM recoveries WHERE finished_at < $1"


@dataclass(frozen=True, slots=True)
class Maintenance:
    pool: Pool
    callbacks: StoredCallbacks
    ended: EndedTenants
    callback_retention: timedelta
    raw_retention: timedelta
    """Of headers and bodies of callbacks; what they are known by is kept for `callback_retention`."""
    event_retention: timedelta
    delivery_retention: timedelta
    """Of deliveries and attempts."""
    clock: Clock

    async def run(self) -> None:
        """Loop: hourly, beginning at start-up."""
        while True:
            await self.once()
            await asyncio.sleep(_EVERY_S)

    async def once(self) -> None:
        """Repeatable, and harmless when several processes do it."""
        await self.make_days()
        now = self.clock.now()
        await self._forget_days("events", "occurred_at", now - self.event_retention)
        for table in ("deliveries", "delivery_attempts"):
            await self._forget_days(table, "created_at", now - self.delivery_retention)
        expired = await _until_done(lambda: self.callbacks.expire(self.raw_retention, _CHUNK))
        forgotten = await _until_done(lambda: self.callbacks.forget(self.callback_retention, _CHUNK))
        canceled = await _until_done(self._cancel_stale)
        await _until_done(self._forget_order)
        await self.pool.execute(_FORGET_RECOVERIES, now - self.delivery_retention)
        await _until_done(lambda: once.forget(self.pool, now, _CHUNK))
        try:
            await self.ended.forget()
        except Overloaded:
            log.warning("maintenance.registry.away", consequence="deleted tenants are looked for in an hour")
        if expired or forgotten or canceled:
            log.info(
                "maintenance.finished",
                bodies_expired=expired,
                callback_rows_forgotten=forgotten,
                deliveries_canceled=canceled,
            )

    async def make_days(self) -> None:
        """Today's and those to come. Before anything is written: after a long rest even today's is missing, and what falls
        into no day keeps it from being made."""
        today = self.clock.now().astimezone(UTC).date()
        ahead = today + timedelta(days=_DAYS_AHEAD)
        for table in ("events", "deliveries", "delivery_attempts"):
            await self.pool.execute("SELECT onerouter_ensure_days($1, $2, $3)", table, today, ahead)

    async def _forget_days(self, table: str, column: str, before: datetime) -> None:
        """Drop the days that are over for long enough, and what is in no day once it is as old."""
        await self.pool.execute("SELECT onerouter_drop_days($1, $2)", table, before)
        await self.pool.execute(f"DELETE FROM {table}_default WHERE {column} < $1", before)  # noqa: S608
        if await self.pool.fetchval(f"SELECT EXISTS (SELECT FROM {table}_default)"):  # noqa: S608 - our own names
            log.warning("maintenance.partition.missed", table=table, consequence="a day with such rows cannot be made")

    async def _cancel_stale(self) -> int:
        now = self.clock.now()
        stale = now - self.event_retention
        status: str = await self.pool.execute(_CANCEL_STALE, first_id(EVENT, stale + _SKEW), stale, _CHUNK, now)
        return int(status.rpartition(" ")[2])

    async def _forget_order(self) -> int:
        before = (self.clock.now() - self.event_retention).astimezone(UTC).date()
        status: str = await self.pool.execute(_FORGET_ORDER, before, _CHUNK)
        return int(status.rpartition(" ")[2])


async def _until_done(chunk: Callable[[], Awaitable[int]]) -> int:
    """In chunks, so that no statement holds many rows."""
    total = 0
    while count := await chunk():
        total += count
    return total
