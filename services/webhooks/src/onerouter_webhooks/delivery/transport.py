"""One signed request to an address a tenant chose, without letting that address reach us, hold us or flood us."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver
from pydantic import SecretStr
from yarl import URL

from onerouter_common.egress import AddressPolicy, StaleConnection, TargetBlocked, is_blocked, open_session, peer_of

log = structlog.get_logger()

USER_AGENT: Final = "OneRouter-Webhooks/1.0"
_HEADERS_STORED_LIMIT: Final = 4 * 1024
UNSIGNED: Final = "unsigned"
"""The failure of an attempt that could not be signed: nothing was sent, and the endpoint has shown nothing."""
_NOT_STORED: Final = frozenset({"set-cookie", "set-cookie2"})


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
    retry_after: str | None = None
    """Its header of that name, whether it is among `headers` or not: of those only so much is kept."""
    resent: bool = False
    """It went out twice, on a new connection the second time: the one that was kept ended without a word."""

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
    stale_s: float = 1.0
    """From the sending, at most, in which a kept connection that ends without a word is one that had been shut before. Such
    a one shows it within a round trip: twice that is allowed for, and `slack_s` for what we take ourselves."""
    slack_s: float = 0.1

    def may_send_again(self, ended: StaleConnection) -> bool:
        """Whether the target cannot well have read it: later it may have been at work on it."""
        return ended.after_s <= min(self.stale_s, 2 * ended.round_trip_s + self.slack_s)


class Transport:
    """Posts. Follows no redirect, uses no proxy but ours, keeps no cookie, decompresses nothing."""

    def __init__(self, session: aiohttp.ClientSession, limits: Limits) -> None:
        self._session = session
        self._limits = limits

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, total_s: float | None = None) -> Answer:
        """Answers, within the total limit (`total_s` in place of the usual one), whatever the target does. Raises ProxyAway:
        then nothing was sent, for a reason of ours."""
        started = perf_counter()
        partial = _Partial()
        all_s = total_s or self._limits.total_s
        # By `connect` a proxy that is away is known before all the time is over, which would be held against the target.
        timeout = aiohttp.ClientTimeout(total=None, connect=all_s, sock_connect=self._limits.connect_s)
        try:
            async with asyncio.timeout(all_s):
                try:
                    await self._send(URL(url), body, headers, timeout, partial)
                except StaleConnection as ended:
                    # As a rule the target shut it while nobody used it, and has read nothing.
                    if not self._limits.may_send_again(ended):
                        raise
                    partial.resent = True
                    await self._send(URL(url), body, headers, timeout, partial)
        except TimeoutError:
            # Once the status is known it counts; a body that drips on is only cut.
            return partial.answer(started, self._limits.stored, failure="timeout", slow=True)
        except (aiohttp.ClientError, TargetBlocked, OSError, ssl.SSLError, ValueError) as error:
            return partial.answer(started, self._limits.stored, failure=_word(error))
        return partial.answer(started, self._limits.stored)

    async def _send(
        self, url: URL, body: bytes, headers: Mapping[str, str], timeout: aiohttp.ClientTimeout, partial: "_Partial"
    ) -> None:
        data = aiohttp.BytesPayload(body)
        async with self._session.post(
            url, data=data, headers=headers, allow_redirects=False, timeout=timeout
        ) as response:
            partial.response = response
            partial.remote_address = peer_of(response)
            await self._read(response, partial)

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
        self.resent = False

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
            retry_after=self.response.headers.get("Retry-After") if self.response is not None else None,
            resent=self.resent,
        )


@asynccontextmanager
async def open_transport(
    policy: AddressPolicy,
    limits: Limits,
    *,
    resolver: AbstractResolver | None = None,
    proxy: SecretStr | None = None,
) -> AsyncIterator[Transport]:
    """A transport over connections that are guarded (`onerouter_common.egress`); `proxy`: through which all of them go."""
    headers = {"User-Agent": USER_AGENT, "Content-Type": "application/json"}
    session = open_session(policy, connect_s=limits.connect_s, headers=headers, resolver=resolver, proxy=proxy)
    async with session as opened:
        yield Transport(opened, limits)


def _headers_to_store(response: aiohttp.ClientResponse | None) -> dict[str, str]:
    kept: dict[str, str] = {}
    size = 0
    for name, value in response.headers.items() if response is not None else ():
        text = value.encode("utf-8", "replace").decode()
        if name.lower() in _NOT_STORED or size + len(name) + len(text) > _HEADERS_STORED_LIMIT:
            continue
        size += len(name) + len(text)
        kept[name.lower()] = text
    return kept


def _word(error: BaseException) -> str:
    if is_blocked(error):
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
        (aiohttp.ClientHttpProxyError, "proxy"),
        (aiohttp.ClientResponseError, "protocol"),
    )
    return next((word for kind, word in words if isinstance(error, kind)), "connection")
