"""How long what is due waits for somebody to begin it: measured by every process, also of what is not its own duty.

Processes that share the work leave each other's part alone, so nothing else would show that nobody does one.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from onerouter_common import metric_names as metrics
from onerouter_common.db.engine import Pool
from onerouter_common.worker import statements
from onerouter_common.worker.duty import Duty

log = structlog.get_logger()

PRIORITIES: Final = ("transactional", "bulk")
_LOOK_EVERY_S: Final = 15.0
LATE_S: Final = 60.0
"""Of what is not this process's duty: nobody does it, or those who do cannot keep up."""

# One step of the index for each tenant and priority. What is being executed is due when its lease has ended, and what waits
# for a turn, a retry or its time is due then: none of them counts before.
_OLDEST: Final = f"""
WITH RECURSIVE {statements.TENANTS_WITH_WORK}
SELECT wanted.priority, extract(epoch FROM now() - min(due.due_at))::float8 AS seconds
FROM tenants CROSS JOIN (VALUES (0::smallint), (1::smallint)) AS wanted (priority) CROSS JOIN LATERAL (
    SELECT o.due_at FROM operations o
    WHERE o.tenant_id = tenants.tenant_id AND o.priority = wanted.priority AND o.due_at <= now()
    ORDER BY o.due_at LIMIT 1
) AS due
WHERE tenants.tenant_id IS NOT NULL GROUP BY wanted.priority
"""  # noqa: S608 - made of constants


class Overdue:
    def __init__(self, pool: Pool, *, category: str, duty: Duty) -> None:
        self._pool = pool
        self._category = category
        self._duty = duty

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> Mapping[str, float]:
        """By priority: since how many seconds the oldest is due; 0: none is."""
        rows = await self._pool.fetch(_OLDEST)
        found = dict.fromkeys(PRIORITIES, 0.0) | {PRIORITIES[row["priority"]]: row["seconds"] for row in rows}
        for priority, seconds in found.items():
            metrics.OPERATIONS_OVERDUE.labels(self._category, priority).set(seconds)
            if seconds >= LATE_S and not self._is_ours(priority):
                log.warning("operations.overdue", priority=priority, seconds=round(seconds), duty=self._duty.value)
        return found

    def _is_ours(self, priority: str) -> bool:
        return self._duty.takes_background if priority == "bulk" else self._duty.takes_urgent
