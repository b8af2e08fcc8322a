"""The webhooks service's stream of events, passed on as it comes, for as long as the caller may have it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
import structlog
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import NotPermitted, Overloaded, RateLimited, Unauthenticated
from onerouter_common.web.internal import InternalAuth
from onerouter_common.web.streaming import Stream
from onerouter_gateway.admission import Admission, Reading
from onerouter_gateway.edge.forward import to_response
from onerouter_gateway.events.places import Places, StreamLimits
from onerouter_gateway.upstream import Answer

log = structlog.get_logger()

MEDIA_TYPE: Final = "text/event-stream"
SCOPE: Final = "events:read"
_PATH: Final = "/internal/events/stream"
_CHUNK: Final = 64 * 1024
_MOST_PROBLEM: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class StreamPace:
    """In seconds."""

    connect: float = 5.0
    silence: float = 45.0
    """Three heartbeats without one: the other end is gone."""
    stall: float = 30.0
    """A reader that takes nothing for so long is cut off."""
    check: float = 5.0
    """How often it is asked whether the key still may."""
    look_up: float = 1.0
    """How often it is asked whether this process is to stop."""


class EventStreams:
    """An asynchronous context manager, with connections of its own: a stream keeps one for hours."""

    def __init__(
        self,
        base_url: str,
        auth: InternalAuth,
        admission: Admission,
        *,
        limits: StreamLimits,
        is_draining: Callable[[], bool],
        pace: StreamPace,
    ) -> None:
        self._url = base_url.rstrip("/") + _PATH
        self._auth = auth
        self._admission = admission
        self._places = Places(limits)
        self._most = limits.in_all
        self._is_draining = is_draining
        self._pace = pace
        self._session: aiohttp.ClientSession | None = None

    @property
    def open(self) -> int:
        return self._places.open

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._most + 16),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._pace.connect, sock_read=self._pace.silence),
            read_bufsize=_CHUNK,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def answer(self, request: Request, reading: Reading) -> Response:
        """The stream, or the problem in its place. Raises RateLimited or Overloaded."""
        give_back = self._places.take(reading.principal)
        with ExitStack() as stack:
            stack.callback(give_back)
            upstream = await self._open(request, reading)
            stack.callback(upstream.close)
            if upstream.status != 200:
                return await _refused(upstream, request)
            kept = stack.pop_all()
        return Stream(
            self._passed_on(request, upstream),
            media_type=MEDIA_TYPE,
            stall_s=self._pace.stall,
            headers={"X-Accel-Buffering": "no"},
            on_end=kept.close,
        )

    async def _open(self, request: Request, reading: Reading) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("EventStreams is used outside its context")
        headers = self._auth.tenant_headers(reading.principal.tenant_id, reading.environment)
        if "last-event-id" in request.headers:
            headers["Last-Event-ID"] = request.headers["last-event-id"]
        query = request.url.query
        try:
            async with asyncio.timeout(self._pace.connect):
                return await self._session.get(
                    self._url + (f"?{query}" if query else ""), headers=headers, allow_redirects=False
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("events.stream.away", why=type(error).__name__)
            raise Overloaded("Events cannot be streamed right now. Try again.", retry_after_s=2) from error

    async def _passed_on(self, request: Request, upstream: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        """Until either side ends it, the key may not any more, or this process is to stop."""
        loop = asyncio.get_running_loop()
        check_at = loop.time() + self._pace.check
        reading: asyncio.Task[bytes] | None = None
        try:
            while not self._is_draining():
                if loop.time() >= check_at:
                    if not await self._still_may(request):
                        return
                    check_at = loop.time() + self._pace.check
                reading = reading or asyncio.create_task(_read(upstream), name="event-stream")
                await asyncio.wait({reading}, timeout=self._pace.look_up)
                if not reading.done():
                    continue
                chunk, reading = reading.result(), None
                if not chunk:
                    return
                yield chunk
        finally:
            if reading is not None:
                reading.cancel()

    async def _still_may(self, request: Request) -> bool:
        try:
            caller = await self._admission.authenticate(request)
        except (Overloaded, RateLimited):
            return True  # it cannot be told now, and it was let in before
        except (Unauthenticated, NotPermitted) as refused:
            log.info("events.stream.ended", why=refused.error_code)
            return False
        return caller.principal.may(SCOPE)


async def _read(upstream: aiohttp.ClientResponse) -> bytes:
    """Nothing: it has ended, in whichever way. The reader comes back, and goes on where it was."""
    with suppress(aiohttp.ClientError, TimeoutError, OSError):
        return await upstream.content.readany()
    return b""


async def _refused(upstream: aiohttp.ClientResponse, request: Request) -> Response:
    if upstream.status in (401, 403):  # what it has against us is not the caller's to know
        raise Overloaded("Events cannot be streamed right now. Try again.", retry_after_s=2)
    passed_on = {name: upstream.headers[name] for name in ("retry-after",) if name in upstream.headers}
    return to_response(Answer(upstream.status, await upstream.content.read(_MOST_PROBLEM), passed_on), request)
