"""The connections, and one attempt over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import httpx2

from onerouter import _logging
from onerouter._answer import Answer
from onerouter._errors import APIConnectionError, APITimeoutError, ConfigurationError
from onerouter._secret import Secret, SecretBytes, redacted
from onerouter._wait import Place, bounded, place, until_then, within

if TYPE_CHECKING:
    import ssl

    from onerouter._options import Timeout
    from onerouter._request import Call

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of one answer, unpacked."""

AS_KEPT: Final = "identity"
"""The Accept-Encoding of who wants bytes as they are kept: an object may be gzip itself, and says so in the same header."""

_LIMITS: Final = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)
_MOST_URLS: Final = 64

_NOT_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)


class AsyncTransport:
    """Shared by all clients that `with_options` made of one."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        http: httpx2.AsyncClient | None,
        proxy: str | None,
    ) -> None:
        if http is not None and not isinstance(http, httpx2.AsyncClient):
            raise ConfigurationError(
                f"http_client must be an {httpx2.AsyncClient.__name__} of httpx2, not {type(http)}."
            )
        _logging.hide_signatures()
        self._given = http
        self._proxy = None if proxy is None else Secret(proxy)  # it may have a password
        self._made: WeakKeyDictionary[Place, httpx2.AsyncClient] = WeakKeyDictionary()
        self._tls: ssl.SSLContext | None = None
        self._is_closed = False
        self._base_url = base_url
        # As bytes, so that it is done once; and such as do not show the key in a traceback.
        self._headers = [(name.encode(), SecretBytes(value.encode())) for name, value in headers.items()]
        self._urls: dict[str, httpx2.URL] = {}
        self._names = frozenset(name.lower() for name in headers)
        here = place()
        if here is not None and http is None:
            self._made[here] = self._new()

    async def close(self) -> None:
        """A client that was given is closed by who made it."""
        self._is_closed = True
        here = place()
        http = self._made.pop(here, None) if here is not None else None
        if http is not None:
            await http.aclose()

    def _http(self) -> httpx2.AsyncClient:
        """The connections of this place. Raises RuntimeError after `close`."""
        if self._is_closed:
            raise RuntimeError("This client is closed.")
        if self._given is not None:
            return self._given
        here = place()
        http = self._made.get(here) if here is not None else None
        if http is None:
            http = self._new()
            if here is not None:
                for gone in [each for each in self._made if each.is_closed()]:
                    del self._made[gone]
                self._made[here] = http
        return http

    def _new(self) -> httpx2.AsyncClient:
        if self._tls is None:
            self._tls = httpx2.create_ssl_context()
        return bounded(httpx2.AsyncClient(proxy=self._proxy, limits=_LIMITS, verify=self._tls))

    async def send(self, call: Call, headers: Mapping[str, str], limit_s: float) -> Answer:
        """One attempt, within `limit_s` seconds from connecting to the last byte. Raises APIConnectionError."""
        try:
            return await within(limit_s, self._attempt(call, headers, limit_s))
        except (httpx2.TimeoutException, TimeoutError) as error:
            raise _timeout(error, limit_s) from _bare(error)
        except httpx2.RequestError as error:
            raise _broken(error) from _bare(error)

    async def _attempt(self, call: Call, headers: Mapping[str, str], limit_s: float) -> Answer:
        until = monotonic() + limit_s
        as_kept = headers.get("Accept-Encoding") == AS_KEPT
        return await self._whole(self._request(call, headers, call.timeout, limit_s), until, as_kept=as_kept)

    async def _whole(self, request: httpx2.Request, until: float, *, as_kept: bool = False) -> Answer:
        """`as_kept`: what is encoded is so by whoever put it there, and its bytes are wanted as they are."""
        with until_then(until):
            response = await self._http().send(request, stream=True, follow_redirects=False, auth=None)
            try:
                pieces: list[bytes] = []
                size = 0
                async for piece in response.aiter_raw() if as_kept else response.aiter_bytes():
                    pieces.append(piece)
                    size += len(piece)
                    if size > MOST_BYTES:
                        raise httpx2.ReadError(f"The answer is larger than {MOST_BYTES} bytes.")
                    if monotonic() > until:
                        raise TimeoutError
            finally:
                await response.aclose()
        return Answer(response.status_code, response.headers, pieces[0] if len(pieces) == 1 else b"".join(pieces))

    async def put(self, url: str, headers: Mapping[str, str], content: bytes, limit_s: float) -> Answer:
        """One attempt to put something at a signed address, which is its own permission: without the API key.

        Raises APIConnectionError.
        """
        request = _signed("PUT", url, headers, limit_s, content)
        try:
            return await within(limit_s, self._whole(request, monotonic() + limit_s))
        except (httpx2.TimeoutException, TimeoutError) as error:
            raise _timeout(error, limit_s) from _bare(error)
        except httpx2.RequestError as error:
            raise _broken(error) from _bare(error)

    @asynccontextmanager
    async def fetch(
        self, url: str, headers: Mapping[str, str], silence_s: float
    ) -> AsyncIterator[tuple[int, Mapping[str, str], AsyncIterator[bytes]]]:
        """What is at a signed address, as it is kept there. Raises APIConnectionError, also while it is read."""
        try:
            response = await self._http().send(
                _signed("GET", url, headers, silence_s), stream=True, follow_redirects=False, auth=None
            )
            try:
                yield response.status_code, response.headers, response.aiter_raw()
            finally:
                await response.aclose()
        except (httpx2.TimeoutException, TimeoutError) as error:
            raise _timeout(error, silence_s) from _bare(error)
        except httpx2.RequestError as error:
            raise _broken(error) from _bare(error)

    @asynccontextmanager
    async def open(
        self, call: Call, headers: Mapping[str, str], silence_s: float
    ) -> AsyncIterator[tuple[int, Mapping[str, str], AsyncIterator[bytes]]]:
        """An answer that is read as it comes, which ends when nothing comes for `silence_s` seconds.

        Raises APIConnectionError, also while it is read.
        """
        request = self._request(call, headers, call.timeout, silence_s)
        try:
            response = await self._http().send(request, stream=True, follow_redirects=False)
            try:
                yield response.status_code, response.headers, response.aiter_bytes()
            finally:
                await response.aclose()
        except (httpx2.TimeoutException, TimeoutError) as error:
            raise _timeout(error, silence_s) from _bare(error)
        except httpx2.RequestError as error:
            raise _broken(error) from _bare(error)

    def _request(self, call: Call, headers: Mapping[str, str], timeout: Timeout, limit_s: float) -> httpx2.Request:
        sent = self._headers
        own = self._names.intersection(map(str.lower, headers))
        if own:
            sent = [pair for pair in sent if pair[0].decode().lower() not in own]
        sent = [*sent, *((name.encode(), SecretBytes(value.encode())) for name, value in headers.items())]
        if call.body is not None and "content-type" not in map(str.lower, headers):
            sent.append(_JSON)
        waits = {"connect": min(timeout.connect, limit_s), "read": limit_s, "write": limit_s, "pool": limit_s}
        return httpx2.Request(
            call.method,
            self._url(call.target),
            headers=sent,
            content=call.body,
            extensions={"timeout": waits},
        )

    def _url(self, target: str) -> httpx2.URL:
        """Parsed once where it stands for a route; what is asked for in a query is not kept."""
        url = self._urls.get(target)
        if url is None:
            url = httpx2.URL(self._base_url + target)
            if len(self._urls) < _MOST_URLS and "?" not in target:
                self._urls[target] = url
        return url


def _signed(
    method: str, url: str, headers: Mapping[str, str], limit_s: float, content: bytes | None = None
) -> httpx2.Request:
    waits = dict.fromkeys(("connect", "read", "write", "pool"), limit_s)
    return httpx2.Request(method, url, headers=dict(headers), content=content, extensions={"timeout": waits})


_JSON: Final = (b"Content-Type", SecretBytes(b"application/json"))


def _timeout(error: Exception, limit_s: float) -> APITimeoutError:
    failure = APITimeoutError(f"No answer within {limit_s:.3g} s.")
    failure.sent = not isinstance(error, _NOT_SENT)
    return failure


def _broken(error: httpx2.RequestError) -> APIConnectionError:
    said = redacted(str(error)) or type(error).__name__
    failure = APIConnectionError(f"The connection failed: {said.rstrip('.')}.")
    failure.sent = not isinstance(error, _NOT_SENT)
    return failure


def _bare(error: Exception) -> Exception:
    """Without the frames it came through, in which the request stands with all its headers."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
