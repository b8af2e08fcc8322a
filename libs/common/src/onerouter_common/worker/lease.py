"""Proof that a process lives, for those that would take over what it had marked.

A process is alive while its row in `workers` has not expired. What an expired one had marked as executing is made due
again; whoever claims it raises the generation, so that a late result of the old process is not applied.
"""

import socket
import time
from typing import Final

from onerouter_common.db.engine import Pool
from onerouter_common.ids import WORKER, new_id

# Whatever no living process owns: also what a process that was declared dead marked just before it really died.
_ORPHANS: Final = """
WITH dead AS (DELETE FROM workers WHERE expires_at < now() RETURNING id)
UPDATE operations o SET due_at = now() WHERE o.state = 'executing' AND o.due_at > now() AND NOT EXISTS (
    SELECT 1 FROM workers w WHERE w.id = o.owner AND w.expires_at >= now()
) RETURNING o.id
"""


class Lease:
    """This process's proof of life. Work may be begun only while it surely has not expired."""

    def __init__(self, pool: Pool, *, ttl_s: float) -> None:
        self._pool = pool
        self._ttl_s = ttl_s
        self._valid_until = 0.0
        self.term = 0
        """Another one each time somebody had declared this process dead: what was marked in an earlier one is theirs."""
        self.owner = new_id(WORKER)

    @property
    def is_valid(self) -> bool:
        """By this machine's monotonic clock, from before the last renewal was sent: never longer than the row says."""
        return time.monotonic() < self._valid_until - self._ttl_s / 5

    async def renew(self) -> None:
        asked_at = time.monotonic()
        is_new = await self._pool.fetchval(
            "INSERT INTO workers (id, host, expires_at) VALUES ($1, $2, now() + make_interval(secs => $3)) "
            "ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at RETURNING xmax = 0",
            self.owner,
            socket.gethostname(),
            self._ttl_s,
        )
        self.term += is_new
        self._valid_until = asked_at + self._ttl_s

    async def release(self) -> None:
        """Hand everything over at once: a stopping process need not be waited for."""
        self._valid_until = 0.0
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("DELETE FROM workers WHERE id = $1", self.owner)
            await connection.execute(
                "UPDATE operations SET due_at = now() WHERE state = 'executing' AND owner = $1", self.owner
            )

    async def adopt_orphans(self) -> int:
        """Make due what processes that stopped without a word had marked; how much there was."""
        rows = await self._pool.fetch(_ORPHANS)
        return len(rows)
