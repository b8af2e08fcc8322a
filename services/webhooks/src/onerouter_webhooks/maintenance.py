"""What keeps the database small: partitions made ahead and dropped when they are old, finished callbacks and ended tenants
forgotten."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from onerouter_common.db.engine import Pool
from onerouter_common.errors import Overloaded
from onerouter_webhooks.callback.repository import InboundEvents
from onerouter_webhooks.endpoint.ended import EndedTenants

log = structlog.get_logger()

_EVERY_S: Final = 3_600.0
_PARTITIONED: Final = ("events", "deliveries", "delivery_attempts")
_MONTHS_AHEAD: Final = 3
_CHUNK: Final = 1_000

# Held for longer than its event is kept: there is nothing left to send.
_CANCEL_STALE = """
WITH gone AS (
  DELETE FROM delivery_queue WHERE id = ANY(ARRAY(
    SELECT id FROM delivery_queue WHERE event_at < now() - $1::interval LIMIT $2))
  RETURNING *
)
INSERT INTO deliveries (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, attempts,
                        trigger, created_at, finished_at)
SELECT id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, 'canceled', attempts, trigger,
       created_at, now()
FROM gone
"""


@dataclass(frozen=True, slots=True)
class Maintenance:
    pool: Pool
    callbacks: InboundEvents
    ended: EndedTenants
    callback_retention: timedelta
    event_retention: timedelta

    async def run(self) -> None:
        """Loop: hourly, beginning at start-up."""
        while True:
            await self.once()
            await asyncio.sleep(_EVERY_S)

    async def once(self) -> None:
        """Repeatable, and harmless when several processes do it."""
        for table in _PARTITIONED:
            await self.pool.execute("SELECT onerouter_ensure_partitions($1, $2)", table, _MONTHS_AHEAD)
            await self.pool.execute("SELECT onerouter_drop_partitions($1, $2)", table, self.event_retention)
        forgotten = await _until_done(lambda: self.callbacks.forget(self.callback_retention, _CHUNK))
        canceled = await _until_done(self._cancel_stale)
        try:
            await self.ended.forget()
        except Overloaded:
            log.warning("maintenance.registry.away", consequence="deleted tenants are looked for in an hour")
        if forgotten or canceled:
            log.info("maintenance.finished", callbacks_forgotten=forgotten, deliveries_canceled=canceled)

    async def _cancel_stale(self) -> int:
        status: str = await self.pool.execute(_CANCEL_STALE, self.event_retention, _CHUNK)
        return int(status.rpartition(" ")[2])


async def _until_done(chunk: Callable[[], Awaitable[int]]) -> int:
    """In chunks, so that no statement holds many rows."""
    total = 0
    while count := await chunk():
        total += count
    return total
