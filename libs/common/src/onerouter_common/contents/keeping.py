"""Keeping bytes until what names them is done: bounded for each tenant, and forgotten."""

import asyncio
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.contents.repository import ContentTable
from onerouter_common.db.engine import Pool
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.errors import RateLimited
from onerouter_common.web.internal import TenantContext

UNUSED_S: Final = 3_600.0
"""How long bytes wait for the command that names them, and are kept after what was to be done with them."""
_FORGET_MOST: Final = 100
READ_S: Final = 300.0
"""In which what waited in the log is read."""
_FULL_S: Final = 60.0
"""After which a tenant that keeps as much as it may should try again."""


class Keeping:
    def __init__(
        self, engine: AsyncEngine, pool: Pool, table: ContentTable, *, most_bytes: int, kept_s: float, full: str
    ) -> None:
        """`most_bytes`: of a tenant and environment, at a time; `full` is the sentence for one that keeps so many.

        `kept_s`: the longest any is kept, whatever still names it.
        """
        self._engine = engine
        self._pool = pool
        self._table = table
        self._most_bytes = most_bytes
        self._kept_s = kept_s
        self._full = full

    async def store(self, tenant: TenantContext, id_: str, content: bytes, content_type: str) -> None:
        """Raises RateLimited while the tenant keeps as much as it may."""
        async with tenant_transaction(self._engine, tenant.tenant_id, tenant.environment) as connection:
            if not await self._table.hand_over(connection, id_, content_type, unused_s=UNUSED_S):
                # Asked before, so that what is refused is not sent to the database; others may be at it, so after it as well.
                self._check(await self._table.total(connection, tenant) + len(content))
                self._check(await self._table.insert(connection, tenant, id_, content, content_type, unused_s=UNUSED_S))

    def _check(self, total: int) -> None:
        """Raises RateLimited."""
        if total > self._most_bytes:
            raise RateLimited(self._full, retry_after_s=_FULL_S)

    async def tend(self, interval_s: float, *, first_after_s: float | None = None) -> None:
        """For ever: forgets what nobody needs any more.

        Not at once: what names it may have waited in the log as long as nobody was here to read it.
        """
        await asyncio.sleep(min(interval_s, READ_S) if first_after_s is None else first_after_s)
        while True:
            while await self.forget_once() == _FORGET_MOST:
                pass
            await asyncio.sleep(interval_s)

    async def forget_once(self) -> int:
        """One batch; how many were looked at."""
        return await self._table.forget(self._pool, unused_s=UNUSED_S, kept_s=self._kept_s, most=_FORGET_MOST)
