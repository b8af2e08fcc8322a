"""One suite for both clients: their methods by name."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from tests.e2e.world import until

from onerouter import Accepted, OneRouter, OneRouterSync


class Sdk(Protocol):
    """`call("payments.create", amount="1.00")`."""

    async def call(self, method: str, /, *arguments: Any, **keywords: Any) -> Any: ...

    async def all_of(self, method: str, /, *arguments: Any, **keywords: Any) -> list[Any]:
        """A list to its end."""

    async def pages_of(self, method: str, /, **keywords: Any) -> list[list[Any]]:
        """A list page by page."""

    async def waited(self, accepted: Accepted, timeout: float) -> Any:
        """What a 202 came to."""

    async def first(self, count: int, method: str, /, **keywords: Any) -> list[Any]:
        """So many of what does not end."""


@dataclass(frozen=True)
class Asynchronous:
    client: OneRouter

    async def call(self, method: str, /, *arguments: Any, **keywords: Any) -> Any:
        return await _found(self.client, method)(*arguments, **keywords)

    async def all_of(self, method: str, /, *arguments: Any, **keywords: Any) -> list[Any]:
        return [one async for one in _found(self.client, method)(*arguments, **keywords)]

    async def pages_of(self, method: str, /, **keywords: Any) -> list[list[Any]]:
        pages, page = [], await _found(self.client, method)(**keywords).page()
        while page is not None:
            pages.append(page.data)
            page = await page.next_page()
        return pages

    async def waited(self, accepted: Accepted, timeout: float) -> Any:
        return await accepted.wait(timeout)

    async def first(self, count: int, method: str, /, **keywords: Any) -> list[Any]:
        found: list[Any] = []
        async with _found(self.client, method)(**keywords) as events:
            async for one in events:
                found.append(one)
                if len(found) == count:
                    break
        return found


@dataclass(frozen=True)
class Synchronous:
    """In a thread, as this suite's own servers run on the loop."""

    client: OneRouterSync

    async def call(self, method: str, /, *arguments: Any, **keywords: Any) -> Any:
        return await asyncio.to_thread(_found(self.client, method), *arguments, **keywords)

    async def all_of(self, method: str, /, *arguments: Any, **keywords: Any) -> list[Any]:
        return await asyncio.to_thread(list, _found(self.client, method)(*arguments, **keywords))

    async def pages_of(self, method: str, /, **keywords: Any) -> list[list[Any]]:
        def read() -> list[list[Any]]:
            pages, page = [], _found(self.client, method)(**keywords).page()
            while page is not None:
                pages.append(page.data)
                page = page.next_page()
            return pages

        return await asyncio.to_thread(read)

    async def waited(self, accepted: Accepted, timeout: float) -> Any:
        return await asyncio.to_thread(accepted.wait, timeout)

    async def first(self, count: int, method: str, /, **keywords: Any) -> list[Any]:
        def read() -> list[Any]:
            with _found(self.client, method)(**keywords) as events:
                return list(islice(events, count))

        return await asyncio.to_thread(read)


async def reached(sdk: Sdk, method: str, of: str, status: str) -> Any:
    """The resource once it has the status."""
    seen: dict[str, Any] = {}

    async def has_status() -> bool:
        seen["last"] = await sdk.call(method, of)
        return bool(seen["last"].status == status)

    await until(has_status, f"{of} to become {status}", lambda: seen, timeout_s=60)
    return seen["last"]


def _found(client: object, method: str) -> Callable[..., Any]:
    found: Any = client
    for part in method.split("."):
        found = getattr(found, part)
    made: Callable[..., Any] = found
    return made
