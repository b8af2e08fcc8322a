"""Bodies beyond the ordinary bound: as many at once as there is memory for, and few of one tenant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

from onerouter_common.errors import Overloaded, RateLimited
from onerouter_gateway.edge.json_body import Beyond, read_body

_ARRIVING: Final = 4
"""So many times the places may bodies be on their way: they are held in memory, and nothing is made of them yet."""


@dataclass(slots=True)
class _Tenant:
    places: asyncio.Semaphore
    users: int = field(default=0)


class LargeBodies:
    """So many places for bodies of up to `max_bytes`; one that is of the `ordinary` size as it is sent needs none.

    A body takes its tenant's place when it becomes large, and one of all tenants' only once it is there: who lets it drip
    keeps nobody else waiting.
    """

    def __init__(self, *, max_bytes: int, ordinary: int, places: int, wait_s: float, of_tenant: int = 4) -> None:
        self.max_bytes = max_bytes
        self._ordinary = ordinary
        self._wait_s = wait_s
        self._of_tenant = of_tenant
        self._arriving = asyncio.Semaphore(places * _ARRIVING)
        self._worked_on = asyncio.Semaphore(places)
        self._tenants: dict[str, _Tenant] = {}

    @asynccontextmanager
    async def read(self, request: Request, tenant_id: str, *, most: int | None = None) -> AsyncIterator[bytes]:
        """The body as it was sent; inside, there is memory for all that is made of it. `most` bytes, where that is fewer.

        Raises RateLimited when the tenant's places are taken for too long, Overloaded when all are; what `read_body` does.
        """
        async with AsyncExitStack() as held:
            entered = False

            async def enter() -> None:
                nonlocal entered
                entered = True
                await held.enter_async_context(self._of(tenant_id))
                await held.enter_async_context(self._one_of(self._arriving))

            sent = await read_body(request, max_bytes=most or self.max_bytes, beyond=Beyond(self._ordinary, enter))
            is_plain = request.headers.get("content-encoding", "identity").strip().lower() in {"", "identity"}
            if entered or not is_plain:
                if not entered:
                    await enter()
                await held.enter_async_context(self._one_of(self._worked_on))
            yield sent

    @asynccontextmanager
    async def _of(self, tenant_id: str) -> AsyncIterator[None]:
        tenant = self._tenants.setdefault(tenant_id, _Tenant(asyncio.Semaphore(self._of_tenant)))
        tenant.users += 1
        try:
            async with self._taken(tenant.places, self._too_many_of_tenant()):
                yield
        finally:
            tenant.users -= 1
            if tenant.users == 0:
                del self._tenants[tenant_id]

    @asynccontextmanager
    async def _one_of(self, places: asyncio.Semaphore) -> AsyncIterator[None]:
        busy = Overloaded(
            "Too many large bodies are being taken in right now; nothing was done. Try again in a few seconds.",
            retry_after_s=2,
        )
        async with self._taken(places, busy):
            yield

    @asynccontextmanager
    async def _taken(self, places: asyncio.Semaphore, refusal: Exception) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._wait_s):
                await places.acquire()
        except TimeoutError:
            raise refusal from None
        try:
            yield
        finally:
            places.release()

    def _too_many_of_tenant(self) -> RateLimited:
        return RateLimited(
            f"{self._of_tenant} of your requests with large or compressed bodies are being taken in already, the most at "
            "once; nothing was done. Send the next one when one of them is answered.",
            retry_after_s=2,
        )
