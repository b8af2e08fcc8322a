"""When keys were last used: gathered in memory, written in batches, lost without harm."""

import asyncio
import contextlib
from datetime import datetime
from typing import Final, Self

import asyncpg
import structlog

from onerouter_common.db.engine import Pool
from onerouter_registry.api_key import repository

log = structlog.get_logger()

_MOST_KEYS: Final = 50_000
"""Beyond it further keys wait for the next batch: memory stays bounded whatever is sent to us."""


class KeyUsage:
    """Callers keep principals for at most a minute, so a key in use is seen about once a minute: that is the grain."""

    def __init__(self, pool: Pool, *, flush_s: float) -> None:
        self._pool = pool
        self._flush_s = flush_s
        self._used: dict[str, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    def record(self, key_id: str, at: datetime) -> None:
        if key_id in self._used or len(self._used) < _MOST_KEYS:
            self._used[key_id] = at

    async def flush(self) -> None:
        """Write what was gathered; a database that is away costs this batch."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await repository.touch(self._pool, used)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            log.warning("registry.key_usage.lost", keys=len(used), error=type(error).__name__)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="key-usage")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._flush_s)
            await self.flush()
