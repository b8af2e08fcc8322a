"""What every resource stands on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, TypeVar

from onerouter._object import Object, Objects
from onerouter._options import RequestOptions
from onerouter._pages import AsyncList
from onerouter._raw import AsyncRaw

if TYPE_CHECKING:
    from onerouter._base import AsyncBase

T = TypeVar("T", bound=Object)


class AsyncResource:
    """A part of the API. Methods are a line: the path, and the arguments under their names."""

    _of_several_requests: ClassVar[frozenset[str]] = frozenset()
    """Methods that ask more than once, or without an end: `with_raw_response` does not have them."""

    def __init__(self, client: AsyncBase) -> None:
        self._client = client

    @property
    def with_raw_response(self) -> AsyncRaw:
        """The same methods, whose answers are left as they came: `client.payments.with_raw_response.get("pay_…")`."""
        return AsyncRaw(self)

    async def _call(
        self,
        cls: type[T],
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        options: RequestOptions | None = None,
        once: bool = False,
        gone: Mapping[str, object] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """One call. In `body` and `query` what is NOT_GIVEN is not sent. Raises what stands in `_errors`.

        `once`: the route knows no idempotency key, so what may have been done is not asked for again. `gone`: it deletes, and
        knows none either, so this is what came of an attempt whose answer was lost when a later one finds nothing any more.
        `content`: a body that is no JSON.
        """
        return await self._client._call(
            cls,
            method,
            path,
            body=body,
            query=query,
            options=options,
            once=once,
            gone=gone,
            content=content,
            headers=headers,
        )

    async def _call_array(
        self,
        cls: type[T],
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        options: RequestOptions | None = None,
    ) -> Objects[T]:
        """One call whose answer is a bare array."""
        return await self._client._call_array(cls, method, path, query=query, options=options)

    def _list(
        self,
        cls: type[T],
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        options: RequestOptions | None = None,
    ) -> AsyncList[T]:
        """A list in pages, `{data, has_more, next_cursor}`. Nothing is asked before it is read."""
        return AsyncList(self._client, cls, path, query=query, options=options)
