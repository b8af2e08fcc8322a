# Written by scripts/make_sync.py from _raw.py: change that, then `make sdk`.
"""`with_raw_response`: the same methods, whose answers are left as they came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from onerouter._answer import result_of, results_of
from onerouter._object import Object
from onerouter._options import RequestOptions
from onerouter._response import RawResponse, Response
from onerouter._sync._pages import SyncList

if TYPE_CHECKING:
    from onerouter._sync._base import SyncBase
    from onerouter._sync._resource import SyncResource

T = TypeVar("T", bound=Object)


class SyncRaw:
    """A resource whose methods return a RawResponse. Of a list it is the first page.

    What takes more than one request has no one answer, and is not here: AttributeError.
    """

    def __init__(self, of: SyncResource) -> None:
        self._of: Any = of
        self._resource: Any = type(of)(_SyncRawClient(of._client))  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Callable[..., RawResponse]:
        if name.startswith("_"):
            raise AttributeError(name)
        kind = type(self._of)
        if name in kind._of_several_requests:
            raise AttributeError(
                f"{kind.__name__}.{name} is not one request, so there is no one answer that could be left as it came: "
                "call it without with_raw_response."
            )
        method = getattr(self._resource, name)
        if not callable(method):
            raise AttributeError(f"{name} is no method: it has a with_raw_response of its own, or none.")  # noqa: TRY004

        def call(*args: Any, **kwargs: Any) -> RawResponse:
            returned = method(*args, **kwargs)
            if isinstance(returned, SyncList):
                raw: RawResponse = returned.answer()  # type: ignore[assignment]
                whole = getattr(self._of, name)(*args, **kwargs)  # asks nothing before it is read
                return raw.then(whole.made)
            found: RawResponse = returned
            return found

        return call


class _SyncRawClient:
    """In place of the client of such a resource."""

    def __init__(self, client: SyncBase) -> None:
        self._client = client

    def _call(
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
    ) -> RawResponse:
        def parse(raw: RawResponse) -> T:
            waits = (options or {}).get("wait", True) is not False
            result = result_of(cls, raw.json() if raw.content else {}, raw, waits=waits)
            result._follow = self._client._follower(options)
            return result

        return self._client._call_raw(
            method,
            path,
            body=body,
            query=query,
            options=options,
            parse=parse,
            once=once,
            gone=gone,
            content=content,
            headers=headers,
        )

    def _call_bytes(
        self,
        make: Callable[[bytes, Response], Any],
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        options: RequestOptions | None = None,
    ) -> RawResponse:
        return self._client._call_raw(
            method,
            path,
            body=None,
            query=query,
            options=options,
            parse=lambda raw: make(raw.content, raw),
            headers=headers,
        )

    def _call_array(
        self,
        cls: type[T],
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        options: RequestOptions | None = None,
    ) -> RawResponse:
        return self._client._call_raw(
            method,
            path,
            body=None,
            query=query,
            options=options,
            parse=lambda raw: results_of(cls, raw.json() if raw.content else {}, raw),
        )
