# Written by scripts/make_sync.py from _event_pages.py: change that, then `make sdk`.
"""Events, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from onerouter._answer import page_of
from onerouter._object import Object
from onerouter._options import RequestOptions
from onerouter._response import Response

if TYPE_CHECKING:
    from onerouter._sync._base import SyncBase

T = TypeVar("T", bound=Object)

_PAGES: Final = "/v1/events"


class SyncEventPage(Generic[T]):
    """Events in the order in which they were stored."""

    def __init__(self, of: SyncEventPages[T], answer: Object) -> None:
        self._of = of
        self.data: list[T] = list(answer.get("data", ()))
        self.iterator: str = answer.get("iterator", "")
        """Where to go on. There is always one."""
        self.done: bool = bool(answer.get("done", True))
        """There is nothing more for now."""
        self.response: Response = answer.response

    def next_page(self) -> SyncEventPage[T]:
        """What came since; nothing, perhaps."""
        return self._of.page(self.iterator)

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.data)} events, done={self.done})"


class SyncEventPages(Generic[T]):
    """What to ask for, and how."""

    def __init__(
        self, client: SyncBase, cls: type[T], query: Mapping[str, object], options: RequestOptions | None
    ) -> None:
        self._client = client
        self._cls = cls
        self._query = query
        self._options = options

    def page(self, after: str | None) -> SyncEventPage[T]:
        answer: Any = self._client._call(
            page_of(self._cls), "GET", _PAGES, query={**self._query, "after": after}, options=self._options
        )
        if isinstance(answer, Object):
            return SyncEventPage(self, answer)
        whole = SyncEventPages(self._client._client, self._cls, self._query, self._options)  # type: ignore[attr-defined]
        return answer.then(partial(SyncEventPage, whole))  # type: ignore[no-any-return]  # as it came: with_raw_response


def poll(
    client: SyncBase,
    cls: type[T],
    *,
    after: str | None = None,
    types: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: RequestOptions | None = None,
) -> SyncEventPage[T]:
    """One page of what came after `after`: an `iterator`, or `now`; absent: from the oldest that is kept."""
    return SyncEventPages(client, cls, {"types": types, "limit": limit}, options).page(after)
