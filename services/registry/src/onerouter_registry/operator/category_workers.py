"""What the registry asks of the services that carry out operations, on behalf of an operator."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import httpx

from onerouter_common.errors import CallerError, NotFound, Overloaded
from onerouter_common.reads.merging import merged
from onerouter_common.web.internal import InternalAuth
from onerouter_registry.operator.internal_service import Answer, InternalService, away

_OPERATIONS: Final = "/internal/admin/operations"

AnswerT = TypeVar("AnswerT")


class CategoryWorkers:
    """The operations of every tenant and category, over the services that carry them out."""

    def __init__(
        self, base_urls: Mapping[str, str], auth: InternalAuth | None, transport: httpx.AsyncBaseTransport
    ) -> None:
        """`base_urls`: a service's name → its address. `auth` None: this process was not given the internal token, so it
        cannot ask."""
        self._services = [InternalService(name, base_url, auth, transport) for name, base_url in base_urls.items()]

    async def list_unknown(self, *, tenant_id: str | None, limit: int, cursor: str | None) -> Answer:
        """Oldest first. One that is away fails the page: what it has would be missing in all pages behind it, too."""
        asked = {"tenant_id": tenant_id, "limit": str(limit), "cursor": cursor}
        params = {name: value for name, value in asked.items() if value is not None}
        async with _at_once(service.ask("GET", _OPERATIONS, params) for service in self._services) as pages:
            return merged(await asyncio.gather(*pages), limit, oldest_first=True)

    async def get(self, operation_id: str) -> Answer:
        """Raises NotFound, Overloaded."""
        _, found = await self._find(operation_id)
        return found

    async def resolve(self, operation_id: str, decision: Mapping[str, str]) -> Answer:
        """May be repeated: the same decision is made once."""
        service, _ = await self._find(operation_id)
        return await service.ask("POST", f"{_OPERATIONS}/{operation_id}/resolve", body=decision)

    async def _find(self, operation_id: str) -> tuple[InternalService, Answer]:
        """Who knows it, even while others are away. Raises NotFound when all say that they do not, Overloaded when one
        that may know it is away."""
        refused: CallerError | Overloaded | None = None
        async with _at_once(_ask_for(service, operation_id) for service in self._services) as asked:
            for answered in asyncio.as_completed(asked):
                try:
                    return await answered
                except (CallerError, Overloaded) as error:
                    refused = error if refused is None or isinstance(refused, NotFound) else refused
        raise refused or away("worker")


async def _ask_for(service: InternalService, operation_id: str) -> tuple[InternalService, Answer]:
    return service, await service.ask("GET", f"{_OPERATIONS}/{operation_id}")


@asynccontextmanager
async def _at_once(asked: Iterable[Coroutine[None, None, AnswerT]]) -> AsyncIterator[list[asyncio.Task[AnswerT]]]:
    """What is not waited for any more is given up."""
    tasks = [asyncio.create_task(one) for one in asked]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
