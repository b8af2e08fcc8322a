"""One policy for every call to a provider: bounded in time and size, and each fault told apart by what it means.

What a fault means depends on whether a request can have reached the provider:

    no connection was ever held           nothing was sent            ProviderUnavailable     (no effect)
    a connection was held, then anything  it may have been carried    ProviderOutcomeUnknown  when the call has an effect
    went wrong, or the answer is a 5xx    out                         ProviderUnavailable     when it only reads
    or unreadable
    429                                   refused before acceptance   ProviderThrottled       (no effect)

"Held" is seen, not guessed: aiohttp reports when it has opened a connection or taken one from its pool (`TraceConfig`),
and it writes not one byte before that. Exception classes would not do: httpx-aiohttp gives a server that hung up after it
read the request the same class (`ConnectTimeout`) as one that was never reached. A kept-alive connection that the server
closed while idle counts as held, because a reset upon sending does not tell which side of the request it came.

No redirect is followed, no proxy or credential is taken from the environment, no cookie is kept, nothing of ours (trace
headers) goes out, and neither bodies nor headers are logged.
"""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import urlencode

import aiohttp
import httpx
import pydantic_core
import structlog
from opentelemetry.trace import SpanKind

from onerouter_common import telemetry
from onerouter_common.errors import ProviderError, ProviderOutcomeUnknown, ProviderThrottled, ProviderUnavailable
from onerouter_common.json_text import without_nul
from onerouter_providers.exact import ExactTransport

log = structlog.get_logger()

CONNECT_TIMEOUT_S: Final = 5.0
KEEP_ALIVE_S: Final = 15.0
"""Shorter than what servers usually grant an idle connection: the fewer are reset upon use, the fewer are ambiguous."""
MAX_ANSWER_BYTES: Final = 1_048_576
MAX_RETRY_AFTER_S: Final = 86_400.0
_TEXT_BYTES: Final = 2_000

_EXTENSIONS: Final = {
    "timeout": httpx.Timeout(None, connect=CONNECT_TIMEOUT_S, pool=CONNECT_TIMEOUT_S).as_dict(),
}
"""Opening a connection is bounded by itself; the whole call by its deadline."""

T = TypeVar("T")
Admit = Callable[[int], Awaitable[None]]
"""Told of so many bytes before the first of them is read; raises where there is no room for them."""
_FAULTS: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, TimeoutError, OSError)


@dataclass(slots=True)
class _Progress:
    """How far one request came, as aiohttp tells it."""

    traced: bool = False
    held_connection: bool = False


_progress: ContextVar[_Progress | None] = ContextVar("provider_call_progress", default=None)


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete JSON answer with a status of 2xx or 4xx."""

    status: int
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(default="", repr=False)
    """Of a refusal that is no JSON, where those were asked for; then `body` is empty."""

    @property
    def ok(self) -> bool:
        return self.status < 300


@dataclass(frozen=True, slots=True)
class Raw:
    """A complete answer, whatever its status and form."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


class AnswerTooLarge(Exception):
    """The provider gives more than was asked to be read; nothing of it was kept."""


class _Unreadable(Exception):
    """An answer came, but not one that says what was done."""


def open_pool(*, max_connections: int = 1_000, keep_alive_s: float = KEEP_ALIVE_S) -> httpx.AsyncBaseTransport:
    """The connection pool of a process, shared by all connections of all tenants; close it when the process ends.

    Open it on the running event loop. It is httpx's transport without its client: redirects, cookies and a merged
    configuration are what we do not want, and cost a third of a call (docs/adr/0006-httpx-on-aiohttp.md).
    """
    limits = httpx.Limits(max_connections=max_connections, keepalive_expiry=keep_alive_s)
    transport = ExactTransport(trust_env=False, limits=limits)
    transport.client = lambda: _open_session(transport, max_connections, keep_alive_s)
    return transport


def _open_session(transport: ExactTransport, max_connections: int, keep_alive_s: float) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=max_connections, keepalive_timeout=keep_alive_s, ssl=transport.ssl_context, ttl_dns_cache=30
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[_trace_config()],
        trust_env=False,
    )


def _trace_config() -> aiohttp.TraceConfig:
    async def started(*_: object) -> None:
        if (progress := _progress.get()) is not None:
            progress.traced = True

    async def held(*_: object) -> None:
        if (progress := _progress.get()) is not None:
            progress.held_connection = True

    config = aiohttp.TraceConfig()
    config.on_request_start.append(started)
    config.on_connection_create_end.append(held)
    config.on_connection_reuseconn.append(held)
    return config


class ProviderHttp:
    """The pool as one provider's client uses it. Holds no credentials."""

    def __init__(
        self,
        pool: httpx.AsyncBaseTransport,
        *,
        provider: str,
        display_name: str | None = None,
        timeout_s: float = 30.0,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._pool = pool
        self.provider = provider
        self.display_name = display_name or provider
        self.timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes

    def deadline(self) -> float:
        """For a capability that needs several calls: the loop time by which they all must have ended."""
        return asyncio.get_running_loop().time() + self.timeout_s

    async def send(
        self,
        capability: str,
        method: str,
        url: str,
        *,
        effect: bool,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Sequence[tuple[str, str]] | None = None,
        content: bytes | None = None,
        content_type: str = "application/json",
        any_refusal: bool = False,
        deadline: float | None = None,
    ) -> Answer:
        """One wire call. `effect`: whether it changes anything at the provider; `body` goes as JSON, `form` as a form,
        `content` goes byte by byte as it is, and is `content_type`.

        Returns 2xx and 4xx answers (a 4xx is the provider's word on the request; its mapping knows the words); raises
        ProviderUnavailable, ProviderThrottled or ProviderOutcomeUnknown for everything else.
        `any_refusal`: a 429 and a 4xx that is no JSON are returned, too, for a mapping that reads more in them than we do.
        """
        call = _Call(self, capability, effect=effect)
        request = self._build(method, url, headers, params, body, form, content, content_type)
        return await self._exchange(
            call, request, deadline, lambda response, raw: call.judge(response, raw, any_refusal=any_refusal)
        )

    async def send_raw(
        self,
        capability: str,
        method: str,
        url: str,
        *,
        effect: bool,
        headers: Mapping[str, str],
        content: bytes,
        deadline: float | None = None,
        most_bytes: int | None = None,
        admit: Admit | None = None,
    ) -> Raw:
        """One wire call exactly as it is given, for a library that makes requests and reads answers itself.

        Raises ProviderUnavailable or ProviderOutcomeUnknown when no complete answer came; what it is worth is for the caller.
        `most_bytes`: for a call whose answer is content that is passed on as it is stored, compressed or not. Raises
        AnswerTooLarge for a 2xx with more. `admit`: waited for before such content is read, outside the deadline.
        """
        call = _Call(self, capability, effect=effect)
        wire = {**headers, "Accept-Encoding": "identity"}
        request = httpx.Request(method, _parsed(url), headers=wire, content=content, extensions=_EXTENSIONS)
        return await self._exchange(
            call,
            request,
            deadline,
            lambda response, raw: Raw(response.status_code, response.headers, raw),
            most_bytes,
            admit,
        )

    async def _exchange(
        self,
        call: "_Call",
        request: httpx.Request,
        deadline: float | None,
        judge: Callable[[httpx.Response, bytes], T],
        most_bytes: int | None = None,
        admit: Admit | None = None,
    ) -> T:
        """What the complete answer is worth; when none came in time, that is raised as what it means."""
        token = _progress.set(call.progress)
        try:
            with telemetry.span(
                "provider.call",
                kind=SpanKind.CLIENT,
                attributes={"provider": self.provider, "capability": call.capability},
            ) as span:
                try:
                    async with asyncio.timeout_at(self.deadline() if deadline is None else deadline) as limit:
                        response = await self._pool.handle_async_request(request)
                        span.set_attribute("http.status_code", response.status_code)
                        try:
                            if admit is not None and most_bytes is not None and response.status_code < 300:
                                await _admitted(admit, response, most_bytes, limit)
                            raw = await self._read(response, most_bytes)
                        finally:
                            await response.aclose()
                except (*_FAULTS, _Unreadable) as error:
                    call.fail(error)
                return judge(response, raw)
        finally:
            _progress.reset(token)

    def _build(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        form: Sequence[tuple[str, str]] | None,
        content: bytes | None,
        content_type: str,
    ) -> httpx.Request:
        # `identity`: a compressed answer could be small on the wire and endless in memory.
        wire = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "OneRouter", **headers}
        if body is not None:
            content = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
        if content is not None:
            wire["Content-Type"] = content_type
        elif form is not None:
            content = urlencode(form).encode()
            wire["Content-Type"] = "application/x-www-form-urlencoded"
        target = _parsed(url) if params is None else httpx.URL(url, params=params)
        return httpx.Request(method, target, headers=wire, content=content, extensions=_EXTENSIONS)

    async def _read(self, response: httpx.Response, most_bytes: int | None) -> bytes:
        if response.status_code >= 300:
            most_bytes = None  # a refusal is no content
        raw = await self._bytes_of(response, most_bytes)
        # Of bytes alone: to HEAD, and with a 304, the header says how something is stored that is not in the answer.
        if (
            raw
            and most_bytes is None
            and (response.headers.get("content-encoding") or "identity").lower() != "identity"
        ):
            raise _Unreadable("compressed although that was refused")
        return raw

    async def _bytes_of(self, response: httpx.Response, most_bytes: int | None) -> bytes:
        if most_bytes is not None and _length(response, 0) > most_bytes:
            raise AnswerTooLarge
        chunks: list[bytes] = []
        size = 0
        if response.is_stream_consumed:  # a transport that answers from memory (httpx.MockTransport)
            return response.content
        async for chunk in response.aiter_raw():
            size += len(chunk)
            if most_bytes is not None and size > most_bytes:
                raise AnswerTooLarge
            if most_bytes is None and size > self._max_answer_bytes:
                raise _Unreadable(f"larger than {self._max_answer_bytes} bytes")
            chunks.append(chunk)
        return b"".join(chunks)


class _Call:
    """Turns what happened to one call into an Answer or the error that says what it means."""

    def __init__(self, http: ProviderHttp, capability: str, *, effect: bool) -> None:
        self._http = http
        self.capability = capability
        self._effect = effect
        self.progress = _Progress()

    def fail(self, error: BaseException) -> NoReturn:
        """The call did not end in a complete answer."""
        if self._surely_unsent(error):
            raise self._logged(
                ProviderUnavailable(
                    f"{self._http.display_name} could not be reached; nothing was sent.",
                    provider=self._http.provider,
                    reason="provider_unavailable",
                ),
                type(error).__name__,
            ) from error
        raise self._doubt("gave no complete answer", type(error).__name__) from error

    def judge(self, response: httpx.Response, raw: bytes, *, any_refusal: bool = False) -> Answer:
        """A complete answer came: what is it worth?"""
        status = response.status_code
        retry_after_s = parse_retry_after(response.headers.get("retry-after"))
        if status == 429 and not any_refusal:
            raise self._logged(
                ProviderThrottled(
                    f"{self._http.display_name} is limiting how often it may be called; nothing was done.",
                    provider=self._http.provider,
                    reason="rate_limited",
                    http_status_seen=status,
                    retry_after_s=retry_after_s,
                ),
                "429",
            )
        if status >= 500 or status < 200 or 300 <= status < 400 or status == 408:
            raise self._doubt(f"answered with status {status}", str(status), status, retry_after_s)
        try:
            body = pydantic_core.from_json(without_nul(raw), allow_inf_nan=False) if raw else {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            if any_refusal and 400 <= status < 500:
                return Answer(status, {}, response.headers, raw[:_TEXT_BYTES].decode("utf-8", "replace"))
            raise self._doubt("gave an answer that cannot be read", "not a JSON object", status)
        return Answer(status, body, response.headers)

    def _surely_unsent(self, error: BaseException) -> bool:
        if self.progress.traced:
            return not self.progress.held_connection
        # Another transport than ours (a test's): only the classes that cannot mean anything else.
        return isinstance(error, httpx.ConnectError | httpx.PoolTimeout | httpx.UnsupportedProtocol | httpx.InvalidURL)

    def _doubt(
        self, what: str, fault: str, status: int | None = None, retry_after_s: float | None = None
    ) -> ProviderError:
        """Something went wrong when the request may have been carried out."""
        name = self._http.display_name
        if self._effect:
            return self._logged(
                ProviderOutcomeUnknown(
                    f"{name} {what}; whether it was done is being found out.",
                    provider=self._http.provider,
                    reason="indeterminate",
                    http_status_seen=status,
                    retry_after_s=retry_after_s,
                ),
                fault,
            )
        return self._logged(
            ProviderUnavailable(
                f"{name} {what} when it was only asked; nothing was changed.",
                provider=self._http.provider,
                reason="provider_unavailable",
                http_status_seen=status,
                retry_after_s=retry_after_s,
            ),
            fault,
        )

    def _logged(self, error: ProviderError, fault: str) -> ProviderError:
        log.info(
            "provider.call_failed",
            provider=self._http.provider,
            capability=self.capability,
            error=type(error).__name__,
            fault=fault,
        )
        return error


async def _admitted(admit: Admit, response: httpx.Response, most_bytes: int, limit: asyncio.Timeout) -> None:
    size = _length(response, most_bytes)
    if size > most_bytes:
        raise AnswerTooLarge
    with paused(limit):
        await admit(size)


@contextmanager
def paused(limit: asyncio.Timeout) -> Iterator[None]:
    """What is waited for here is no fault of the provider's: its time stands still meanwhile."""
    loop, until = asyncio.get_running_loop(), limit.when()
    began = loop.time()
    limit.reschedule(None)
    yield
    limit.reschedule(None if until is None else until + loop.time() - began)


def _length(response: httpx.Response, unless_told: int) -> int:
    told = response.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() else unless_told


@lru_cache(maxsize=1_024)
def _parsed(url: str) -> httpx.URL:
    """Most calls go to a few addresses, and parsing one costs as much as sending to it."""
    return httpx.URL(url)


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds from now, from a number of seconds or an HTTP date; None when absent or unreadable. Never more than a day."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            until = parsedate_to_datetime(value)
        except ValueError:
            return None
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        seconds = (until - (now or datetime.now(UTC))).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
