"""One signed request to an address a tenant chose, without letting that address reach us, hold us or flood us."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from onerouter_webhooks.delivery.addresses import AddressPolicy

log = structlog.get_logger()

USER_AGENT: Final = "OneRouter-Webhooks/1.0"
_HEADER_LIMIT: Final = 8 * 1024
_HEADERS_STORED_LIMIT: Final = 4 * 1024
_KEEP_ALIVE_S: Final = 30.0
_NOT_STORED: Final = frozenset({"set-cookie", "set-cookie2"})


class TargetBlocked(Exception):
    """The endpoint's name leads to an address that is not public."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. `status` None: no answer, and `failure` says why in one word."""

    status: int | None
    failure: str | None
    duration_ms: int
    headers: Mapping[str, str]
    body: bytes = b""
    truncated: bool = False
    remote_address: str | None = None
    slow: bool = False
    """The deadline came first: before an answer, or before its end."""

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes one request may take."""

    total_s: float
    connect_s: float
    read: int
    stored: int


class GuardedResolver(AbstractResolver):
    """Names that lead to any address that is not public do not resolve, even when they also lead to a public one."""

    def __init__(self, inner: AbstractResolver, policy: AddressPolicy) -> None:
        self._inner = inner
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not all(self._policy.permits(one["host"], port) for one in found):
            raise TargetBlocked(host)
        return found

    async def close(self) -> None:
        await self._inner.close()


class Transport:
    """Posts. Follows no redirect, uses no proxy, keeps no cookie, decompresses nothing."""

    def __init__(self, session: aiohttp.ClientSession, limits: Limits) -> None:
        self._session = session
        self._limits = limits

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Always answers, within the total limit; only cancellation is raised."""
        started = perf_counter()
        partial = _Partial()
        try:
            async with asyncio.timeout(self._limits.total_s):
                async with self._session.post(URL(url), data=body, headers=headers, allow_redirects=False) as response:
                    partial.response = response
                    partial.remote_address = _peer_of(response)
                    await self._read(response, partial)
        except TimeoutError:
            # Once the status is known it counts; a body that drips on is only cut.
            return partial.answer(started, self._limits.stored, failure="timeout", slow=True)
        except (aiohttp.ClientError, TargetBlocked, OSError, ssl.SSLError, ValueError) as error:
            return partial.answer(started, self._limits.stored, failure=_word(error))
        return partial.answer(started, self._limits.stored)

    async def _read(self, response: aiohttp.ClientResponse, partial: "_Partial") -> None:
        async for chunk in response.content.iter_any():
            room = self._limits.read - len(partial.body)
            partial.body += chunk[:room]
            if len(chunk) > room:
                partial.cut = True
                response.close()  # the rest is not read, so the connection cannot be used again
                return


class _Partial:
    """An answer while it comes in."""

    def __init__(self) -> None:
        self.response: aiohttp.ClientResponse | None = None
        self.remote_address: str | None = None
        self.body = bytearray()
        self.cut = False

    def answer(self, started: float, stored: int, *, failure: str | None = None, slow: bool = False) -> Answer:
        status = self.response.status if self.response is not None else None
        if status is not None:
            failure = None if 200 <= status < 300 else "redirect" if 300 <= status < 400 else "status"
        return Answer(
            status=status,
            failure=failure,
            duration_ms=int((perf_counter() - started) * 1000),
            headers=_headers_to_store(self.response),
            body=bytes(self.body[:stored]),
            truncated=self.cut or slow or len(self.body) > stored,
            remote_address=self.remote_address,
            slow=slow,
        )


@asynccontextmanager
async def open_transport(
    policy: AddressPolicy, limits: Limits, *, resolver: AbstractResolver | None = None
) -> AsyncIterator[Transport]:
    """A transport whose every socket is checked at the last moment, when the address is a number and cannot change."""

    def checked_socket(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        if not policy.permits(address[0], address[1]):
            raise TargetBlocked(address[0])
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(
        limit=0,  # bounded by Slots
        resolver=GuardedResolver(resolver or aiohttp.AsyncResolver(), policy),
        socket_factory=checked_socket,
        keepalive_timeout=_KEEP_ALIVE_S,
        ttl_dns_cache=10,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_s),
        headers={"User-Agent": USER_AGENT, "Content-Type": "application/json"},
        skip_auto_headers=("Accept", "Accept-Encoding"),
        auto_decompress=False,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=_HEADER_LIMIT,
        max_field_size=_HEADER_LIMIT,
    ) as session:
        yield Transport(session, limits)


def _peer_of(response: aiohttp.ClientResponse) -> str | None:
    # An answer without a body has given its connection back already.
    transport = response.connection.transport if response.connection is not None else None
    peer = transport.get_extra_info("peername") if transport is not None else None
    return str(peer[0]) if peer else None


def _headers_to_store(response: aiohttp.ClientResponse | None) -> dict[str, str]:
    kept: dict[str, str] = {}
    size = 0
    for name, value in response.headers.items() if response is not None else ():
        text = value.encode("utf-8", "replace").decode()
        size += len(name) + len(text)
        if size > _HEADERS_STORED_LIMIT:
            break
        if name.lower() not in _NOT_STORED:
            kept[name.lower()] = text
    return kept


def _word(error: BaseException) -> str:
    if isinstance(error, TargetBlocked) or isinstance(error.__cause__, TargetBlocked):
        return "blocked_address"
    words: tuple[tuple[type[BaseException], str], ...] = (
        (aiohttp.ClientConnectorDNSError, "dns"),
        (aiohttp.ClientSSLError, "tls"),
        (ssl.SSLError, "tls"),
        (aiohttp.ServerTimeoutError, "timeout"),
        (aiohttp.InvalidURL, "invalid_url"),
        (aiohttp.ClientConnectorError, "connect"),
        (aiohttp.ServerDisconnectedError, "disconnected"),
        (aiohttp.ClientPayloadError, "disconnected"),
        (aiohttp.ClientResponseError, "protocol"),
    )
    return next((word for kind, word in words if isinstance(error, kind)), "connection")
