"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from onerouter._answer import page_of
from onerouter._object import Object
from onerouter._options import RequestOptions, check_names, given, refuse_key
from onerouter._response import Response

if TYPE_CHECKING:
    from onerouter._base import AsyncBase

T = TypeVar("T", bound=Object)


class AsyncPage(Generic[T]):
    """One page: iterate it, or ask for the next one."""

    def __init__(self, of: AsyncList[T], answer: Object) -> None:
        self._of = of
        self.data: list[T] = list(answer.get("data", ()))
        self.next_cursor: str | None = answer.get("next_cursor")
        self.has_more: bool = bool(answer.get("has_more")) and self.next_cursor is not None
        self.prefixes: list[str] = list(answer.get("prefixes", ()))
        """Of objects, listed with a `delimiter`: what keys of further ones begin with."""
        self.response: Response = answer.response

    async def next_page(self) -> AsyncPage[T] | None:
        """None: this was the last."""
        return await self._of.page(self.next_cursor) if self.has_more else None

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.data)} of it, has_more={self.has_more})"


class AsyncList(Generic[T]):
    """All of it when iterated, a page at a time and no earlier than needed.

    Awaited, it is the first page.
    """

    def __init__(
        self,
        client: AsyncBase,
        cls: type[T],
        path: str,
        *,
        query: Mapping[str, object] | None,
        options: RequestOptions | None,
    ) -> None:
        self._client = client
        self._cls = cls
        self._path = path
        self._query = given(query or {})
        self._options = options
        check_names(options or {})
        refuse_key(options or {})

    async def page(self, cursor: str | None = None) -> AsyncPage[T]:
        """One page: the first, or the one a `next_cursor` names."""
        return self.made(await self.answer(cursor))

    def made(self, answer: Any) -> AsyncPage[T]:
        """Of what `answer` gave."""
        return AsyncPage(self, answer)

    async def answer(self, cursor: str | None = None) -> Object:
        """The page as the API sends it."""
        query = self._query if cursor is None else {**self._query, "cursor": cursor}
        return await self._client._call(page_of(self._cls), "GET", self._path, query=query, options=self._options)

    async def collect(self, *, limit: int) -> list[T]:
        """The first `limit` of it, as a list."""
        found: list[T] = []
        if limit <= 0:
            return found
        async for each in self:
            found.append(each)
            if len(found) >= limit:
                break
        return found

    async def __aiter__(self) -> AsyncIterator[T]:
        page: AsyncPage[T] | None = await self.page()
        while page is not None:
            for each in page.data:
                yield each
            page = await page.next_page()

    # sync: leave out
    def __await__(self) -> Generator[Any, None, AsyncPage[T]]:
        return self.page().__await__()

    # sync: go on

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._path})"
