"""An object's bytes, from the storage service to the caller as they come: nothing of them is held here."""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack
from typing import Final, Self
from urllib.parse import quote

import aiohttp
import structlog
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import Overloaded
from onerouter_common.web.internal import InternalAuth
from onerouter_common.web.streaming import Broken, Stream
from onerouter_gateway.admission import Reading
from onerouter_gateway.events.places import Places, StreamLimits
from onerouter_gateway.storage.forward import ERROR_HEADER, told
from onerouter_gateway.upstream import Answer

log = structlog.get_logger()

_CHUNK: Final = 64 * 1024
_MOST_PROBLEM: Final = 64 * 1024
_STALL_S: Final = 30.0
_GRACE_S: Final = 30.0
_LEAST_BYTES_PER_S: Final = 32 * 1024
"""On the average, after the grace: else a reader could keep its place for hours."""
_CONDITIONS: Final = ("range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range")
_PASSED_ON: Final = (
    "accept-ranges",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
    "x-onerouter-sha256",
)
_METADATA: Final = "x-onerouter-metadata-"
_AS_KEPT: Final = {
    "cache-control": "X-OneRouter-Object-Cache-Control",
    "content-disposition": "X-OneRouter-Object-Content-Disposition",
}
"""What the object says to who reads it in its bucket. Here an answer is one caller's own, and never a page of ours."""
_WITHOUT_BODY: Final = frozenset({304})
_OUTSIDE: Final = 416
_SIZE: Final = re.compile(r"bytes \*/\d{1,15}", re.ASCII)
"""Of the whole object, where nothing of it is in the range."""


class ObjectStreams:
    """An asynchronous context manager, with connections of its own: a slow reader keeps one for minutes."""

    def __init__(self, base_url: str, auth: InternalAuth, *, limits: StreamLimits, timeout_s: float) -> None:
        """`timeout_s`: to the head of the storage service's answer."""
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._places = Places(limits, "downloads")
        self._most = limits.in_all
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    @property
    def open(self) -> int:
        return self._places.open

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._most + 16, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._timeout_s, sock_read=self._timeout_s),
            read_bufsize=_CHUNK,
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def answer(self, request: Request, reading: Reading, path: str, query: str, *, key: str) -> Response:
        """The object, its head, or the problem in its place. Raises RateLimited or Overloaded."""
        give_back = self._places.take(reading.principal)
        with ExitStack() as stack:
            stack.callback(give_back)
            upstream = await self._open(request, reading, f"{path}?{query}")
            stack.callback(upstream.close)
            if upstream.status >= 400:
                return await _refused(upstream, request, self._timeout_s)
            headers = _headers(upstream.headers, key)
            if request.method == "HEAD" or upstream.status in _WITHOUT_BODY:
                return _head(upstream.status, headers)
            kept = stack.pop_all()
        return Stream(
            _bytes_of(upstream),
            media_type="application/octet-stream",
            stall_s=_STALL_S,
            status=upstream.status,
            headers=headers,
            on_end=kept.close,
        )

    async def _open(self, request: Request, reading: Reading, target: str) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("ObjectStreams is used outside its context")
        headers = self._auth.tenant_headers(reading.principal.tenant_id, reading.environment)
        headers |= {name: request.headers[name] for name in _CONDITIONS if name in request.headers}
        headers["Accept-Encoding"] = "identity"
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._session.request(
                    request.method, self._base_url + target, headers=headers, allow_redirects=False
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("storage.away", why=type(error).__name__)
            raise _away() from error


async def _bytes_of(upstream: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """Raises Broken when they end too early, or the reader takes too long."""
    loop = asyncio.get_running_loop()
    until, sent = loop.time() + _GRACE_S, 0
    try:
        async for chunk in upstream.content.iter_any():
            yield chunk
            sent += len(chunk)
            if loop.time() > until + sent / _LEAST_BYTES_PER_S:
                raise Broken
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Broken from error


def _headers(given: Mapping[str, str], key: str) -> dict[str, str]:
    plain = {name.lower(): value for name, value in given.items() if value.isascii()}
    headers = {name: value for name, value in plain.items() if name in _PASSED_ON or name.startswith(_METADATA)}
    headers |= {ours: plain[name] for name, ours in _AS_KEPT.items() if name in plain}
    headers.setdefault("content-type", "application/octet-stream")
    return {**headers, "content-disposition": attachment(key)}


def attachment(key: str) -> str:
    """Saved under the last part of its key (RFC 6266): whatever it is, it is no page of ours."""
    name = [part for part in key.split("/") if part][-1:] or ["object"]
    plain = "".join(one if one.isascii() and one not in '"%' else "_" for one in name[0])
    extended = "" if plain == name[0] else f"; filename*=UTF-8''{quote(name[0], safe='')}"
    return f'attachment; filename="{plain}"{extended}'


def _head(status: int, headers: Mapping[str, str]) -> Response:
    """Without a body, and with the length that it would have."""
    response = Response(status_code=status)
    del response.headers["content-length"]
    for name, value in headers.items():
        if not (status in _WITHOUT_BODY and name in ("content-length", "content-type")):
            response.headers[name] = value
    return response


async def _refused(upstream: aiohttp.ClientResponse, request: Request, timeout_s: float) -> Response:
    """Raises Overloaded, also where the problem does not come whole."""
    if upstream.status in (401, 403):  # what it has against us is not the caller's to know
        raise _away()
    try:
        async with asyncio.timeout(timeout_s):
            problem = await _problem_of(upstream)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.warning("storage.away", why=type(error).__name__)
        raise _away() from error
    passed_on = {name: upstream.headers[name] for name in ("retry-after", ERROR_HEADER) if name in upstream.headers}
    answer = told(Answer(upstream.status, problem, passed_on), request)
    size = _SIZE.fullmatch(upstream.headers.get("content-range", ""))
    if upstream.status == _OUTSIDE and size is not None:
        answer.headers["Content-Range"] = size[0]
    return answer


async def _problem_of(upstream: aiohttp.ClientResponse) -> bytes:
    """All of it, however many pieces it comes in; cut off where it is no problem any more."""
    found = bytearray()
    async for piece in upstream.content.iter_any():
        found += piece
        if len(found) > _MOST_PROBLEM:
            break
    return bytes(found[:_MOST_PROBLEM])


def _away() -> Overloaded:
    return Overloaded("The storage service cannot be asked right now. Try again in a few seconds.", retry_after_s=2)
