"""Questions about keys that never were anybody's here: made-up ones must leave the registry free for the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from onerouter_common.errors import Overloaded
from onerouter_gateway.authentication.address import site_of

_AT_ONCE: Final = 32
_WAITING: Final = 128
_OF_ONE_SITE: Final = 4
"""Of those at once. So it takes forty sites at the same time to keep a new key out."""
_WAITING_OF_ONE_SITE: Final = 160


class Queue:
    """So many at once, so many that wait for it; the next one is refused."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._most_waiting = waiting
        self._waiting = 0
        self._inside = 0

    @property
    def is_empty(self) -> bool:
        return not (self._waiting or self._inside)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises Overloaded."""
        if self._waiting >= self._most_waiting:
            raise Overloaded("Too many unknown API keys at once; try again in a moment.", retry_after_s=1)
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            self._slots.release()


class Strangers:
    """Who wants to ask passes the queue of its site and then everybody's. `check` raises for a site that may not ask now."""

    def __init__(self, check: Callable[[str], Awaitable[None]] | None = None) -> None:
        self._check = check
        self._everybody = Queue(at_once=_AT_ONCE, waiting=_WAITING)
        self._sites: dict[str, Queue] = {}

    @asynccontextmanager
    async def turn(self, address: str | None) -> AsyncIterator[None]:
        """`address` is where the key was presented; None: nowhere one could count. Raises Overloaded or RateLimited."""
        if address is None:
            async with self._everybody.turn():
                yield
            return
        site = site_of(address)
        queue = self._sites.setdefault(site, Queue(at_once=_OF_ONE_SITE, waiting=_WAITING_OF_ONE_SITE))
        try:
            async with queue.turn():
                if self._check is not None:
                    await self._check(site)
                async with self._everybody.turn():
                    yield
        finally:
            if queue.is_empty and self._sites.get(site) is queue:
                del self._sites[site]
