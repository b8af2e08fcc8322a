"""Changes one after the other: few of one tenant and of one person at once, before any of them takes a database connection.

All changes of a tenant end in one audit chain, where each waits for the one before. Waiting there they would hold connections
that all tenants share; so they wait here, and beyond a bound they are refused.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from onerouter_common.errors import Overloaded, RateLimited

_WAITING: Final = 64
_WAIT_S: Final = 5.0


class _Line:
    """Of one subject."""

    def __init__(self, at_once: int) -> None:
        self.slots = asyncio.Semaphore(at_once)
        self.waiting = 0
        self.inside = 0


class Turns:
    """`connections` are those that changes share: a tenant has half of them at most, a person a quarter."""

    def __init__(self, connections: int = 8, *, waiting: int = _WAITING, wait_s: float = _WAIT_S) -> None:
        self._of_tenant = max(1, connections // 2)
        self._of_person = max(1, connections // 4)
        self._waiting = waiting
        self._wait_s = wait_s
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def of(self, *, tenant_id: str | None, user_id: str | None) -> AsyncIterator[None]:
        """A change's, as a person, on a tenant, or both. Raises RateLimited or Overloaded: nothing was done."""
        async with self._turn(user_id, self._of_person), self._turn(tenant_id, self._of_tenant):
            yield

    @asynccontextmanager
    async def _turn(self, subject: str | None, at_once: int) -> AsyncIterator[None]:
        if subject is None:
            yield
            return
        line = self._lines.setdefault(subject, _Line(at_once))
        if line.waiting >= self._waiting:
            raise RateLimited(
                "Too many changes at once; nothing was done. Send fewer of them at the same time.", retry_after_s=1
            )
        try:
            await self._wait(line)
            try:
                yield
            finally:
                line.inside -= 1
                line.slots.release()
        finally:
            if not (line.waiting or line.inside) and self._lines.get(subject) is line:
                del self._lines[subject]

    async def _wait(self, line: _Line) -> None:
        line.waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await line.slots.acquire()
        except TimeoutError as error:
            raise Overloaded(
                "Earlier changes take long; nothing was done. Try again in a few seconds.", retry_after_s=2
            ) from error
        finally:
            line.waiting -= 1
        line.inside += 1
