"""Gets results into the database, whatever one of them is like: none keeps those of others from being stored.

A batch that cannot be stored is halved while the database answers, until what is wrong with it is alone. Results that are
not stored with the first try go on beside the others. One whose content the database refuses is stored without it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.db.engine import Pool
from onerouter_common.json_text import strings_without_nul
from onerouter_common.worker.conclusion import was_called
from onerouter_common.worker.execution import Finished
from onerouter_common.worker.handler import Succeeded
from onerouter_common.worker.settlement import Committed, Settlement, TooHeavy

log = structlog.get_logger()

_AT_ONCE: Final = 2
"""Commits beside the others: each needs a connection of the pool."""
_PING_S: Final = 2.0
_MOST_WAIT_S: Final = 2.0
_TRIES: Final = 5
"""Of a result that is ours alone; its database answers, and never takes it."""

Stored = Callable[[Sequence[Finished], Committed | None], Awaitable[None]]


class Storing:
    """Lives on one event loop. `stored` is told of each result once; of those that are left to a claim, with None."""

    def __init__(self, pool: Pool, settlement: Settlement, *, stored: Stored) -> None:
        self._pool = pool
        self._settlement = settlement
        self._stored = stored
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._beside: set[asyncio.Task[None]] = set()

    async def store(self, batch: Sequence[Finished]) -> None:
        """Until the database has taken all of it, or what is left goes on beside."""
        wait_s = 0.05
        while batch:
            try:
                committed = await self._settlement.commit(batch)
            except TooHeavy as heavy:
                for one in heavy.alone:
                    self._go_on([one])
                batch = heavy.rest
                continue
            except DATABASE_AWAY as error:
                log.warning("settlement.postponed", results=len(batch), error=type(error).__name__)
                await asyncio.sleep(wait_s)
                wait_s = min(_MOST_WAIT_S, wait_s * 2)
                if await self._answers():
                    self._split(batch)
                    return
                continue
            except Exception as error:
                if len(batch) == 1:
                    await self._without_content(batch[0], error)
                else:
                    self._split(batch)
                return
            await self._stored(batch, committed)
            return

    async def finish(self, within_s: float) -> None:
        """Wait for what goes on beside; what is not stored then is left to another process."""
        async with asyncio.timeout(within_s):
            while self._beside:
                await asyncio.wait(self._beside)

    async def cancel(self) -> None:
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)

    def _split(self, batch: Sequence[Finished]) -> None:
        half = max(1, len(batch) // 2)
        for part in (batch[:half], batch[half:]):
            if part:
                self._go_on(part)

    def _go_on(self, part: Sequence[Finished]) -> None:
        task = asyncio.create_task(self._beside_the_others(part))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _beside_the_others(self, part: Sequence[Finished]) -> None:
        try:
            if len(part) == 1:
                await self._alone(part[0])
                return
            async with self._room:
                await self.store(part)
        except Exception as error:  # after the commit: what waits for these is found by looking once in a while
            log.exception("settlement.not_told", results=len(part), error=type(error).__name__)

    async def _alone(self, one: Finished) -> None:
        """A call's result is tried until it is stored, or another process has taken its operation over to ask again."""
        tries, wait_s = 0, 0.05
        while True:
            try:
                async with self._room:
                    committed = await self._settlement.commit([one])
                break
            except DATABASE_AWAY as error:
                log.warning(
                    "settlement.postponed", results=1, operation_id=one.started.op.id, error=type(error).__name__
                )
                await asyncio.sleep(wait_s)
                wait_s = min(_MOST_WAIT_S, wait_s * 2)
                tries += await self._answers()
                if tries >= _TRIES and not was_called(one):
                    await self._without_content(one, error)
                    return
            except Exception as error:
                await self._without_content(one, error)
                return
        await self._stored([one], committed)

    async def _without_content(self, one: Finished, error: Exception) -> None:
        """What the database refuses to store is left out: first only characters, then all but how it ended."""
        operation_id = one.started.op.id
        log.error("settlement.refused", operation_id=operation_id, error=type(error).__name__, exc_info=error)
        committed = None
        try:
            committed = await self._cleaned(one) or await self._settlement.commit_bare(one)
        except Exception as again:
            # Its row stays "executing": an open attempt is asked about again when the hard lease ends.
            log.exception("settlement.failed", operation_id=operation_id, error=type(again).__name__)
        await self._stored([one], committed)

    async def _cleaned(self, one: Finished) -> Committed | None:
        """None: that was not it."""
        step = one.next
        if not isinstance(step, Succeeded):
            return None
        try:
            result = strings_without_nul(step.result)
            if result == step.result:
                return None
            return await self._settlement.commit([replace(one, next=Succeeded(result))])
        except DATABASE_AWAY:
            raise
        except Exception as error:
            log.warning("settlement.not_cleaned", operation_id=one.started.op.id, error=type(error).__name__)
            return None

    async def _answers(self) -> bool:
        """Whether the database does: then it is not away, and what it was given was too much for it."""
        try:
            async with asyncio.timeout(_PING_S):
                await self._pool.fetchval("SELECT 1")
        except DATABASE_AWAY:
            return False
        return True
