# Written by scripts/make_sync.py from _pages.py: change that, then `make sdk`.
"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from onerouter._answer import page_of
from onerouter._object import Object
from onerouter._options import RequestOptions, check_names, given, refuse_key
from onerouter._response import Response

if TYPE_CHECKING:
    from onerouter._sync._base import SyncBase

T = TypeVar("T", bound=Object)


class SyncPage(Generic[T]):
    """One page: iterate it, or ask for the next one."""

    def __init__(self, of: SyncList[T], answer: Object) -> None:
        self._of = of
        self.data: list[T] = list(answer.get("data", ()))
        self.next_cursor: str | None = answer.get("next_cursor")
        self.has_more: bool = bool(answer.get("has_more")) and self.next_cursor is not None
        self.prefixes: list[str] = list(answer.get("prefixes", ()))
        """Of objects, listed with a `delimiter`: what keys of further ones begin with."""
        self.response: Response = answer.response

    def next_page(self) -> SyncPage[T] | None:
        """None: this was the last."""
        return self._of.page(self.next_cursor) if self.has_more else None

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.data)} of it, has_more={self.has_more})"


class SyncList(Generic[T]):
    """All of it when iterated, a page at a time and no earlier than needed.

    Awaited, it is the first page.
    """

    def __init__(
        self,
        client: SyncBase,
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

    def page(self, cursor: str | None = None) -> SyncPage[T]:
        """One page: the first, or the one a `next_cursor` names."""
        return self.made(self.answer(cursor))

    def made(self, answer: Any) -> SyncPage[T]:
        """Of what `answer` gave."""
        return SyncPage(self, answer)

    def answer(self, cursor: str | None = None) -> Object:
        """The page as the API sends it."""
        query = self._query if cursor is None else {**self._query, "cursor": cursor}
        return self._client._call(page_of(self._cls), "GET", self._path, query=query, options=self._options)

    def collect(self, *, limit: int) -> list[T]:
        """The first `limit` of it, as a list."""
        found: list[T] = []
        if limit <= 0:
            return found
        for each in self:
            found.append(each)
            if len(found) >= limit:
                break
        return found

    def __iter__(self) -> Iterator[T]:
        page: SyncPage[T] | None = self.page()
        while page is not None:
            for each in page.data:
                yield each
            page = page.next_page()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._path})"
