"""What a cache hears of changes, to be waited for."""

import asyncio
import time
from collections.abc import Callable

from onerouter_common.change_feed import ChangeFeed
from onerouter_common.contracts.registry import RegistryChange


class Heard:
    """What a cache was told, to be waited for."""

    feed: ChangeFeed

    def __init__(self) -> None:
        self.changes: list[RegistryChange] = []
        self.heard_at: list[float] = []
        self.gaps = 0
        self._something = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def change(self, change: RegistryChange) -> None:
        self.changes.append(change)
        self.heard_at.append(time.monotonic())
        self._tell()

    def gap(self) -> None:
        self.gaps += 1
        self._tell()

    async def until(self, holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
        async with self._something:
            await asyncio.wait_for(self._something.wait_for(holds), timeout_s)

    async def heartbeats(self, count: int) -> None:
        """Wait until so many have come: however late one is, whoever tells them still does."""
        async with asyncio.timeout(60):
            for _ in range(count):
                last = self.feed._heartbeat_at
                while self.feed._heartbeat_at == last:
                    await asyncio.sleep(0.01)

    def _tell(self) -> None:
        task = asyncio.create_task(self._notify())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _notify(self) -> None:
        async with self._something:
            self._something.notify_all()
