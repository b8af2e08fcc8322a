"""The registry's public API as the gateway reaches it: one deadline, nothing followed, nothing kept."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
import structlog
from yarl import URL

from onerouter_common.errors import Overloaded
from onerouter_common.once.key import HEADER
from onerouter_gateway.management.headers import response_headers
from onerouter_gateway.upstream import KeyedOutcomeUnknown, OutcomeUnknown

log = structlog.get_logger()

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_RETRY_AFTER_S: Final = 2


@dataclass(frozen=True, slots=True)
class Forwarded:
    """An answer of the registry's, with the headers a client may see."""

    status: int
    body: bytes
    headers: list[tuple[str, str]]


class RegistryApi:
    """An asynchronous context manager. Reads share kept-alive connections; a change gets one of its own, so that one which
    a restarted registry left behind is never taken for a change whose outcome nobody knows.
    """

    def __init__(self, base_url: str, *, timeout_s: float) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._reads: aiohttp.ClientSession | None = None
        self._changes: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._reads = _session(aiohttp.TCPConnector(limit=256, keepalive_timeout=30))
        self._changes = _session(aiohttp.TCPConnector(limit=256, force_close=True))
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in (self._reads, self._changes):
            if session is not None:
                await session.close()

    async def send(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Forwarded:
        """`path` as `headers.path_of` gave it. Raises Overloaded, or OutcomeUnknown for a change without an answer."""
        url = URL(f"{self._base_url}{path}" + (f"?{query}" if query else ""), encoded=True)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._send(method, url, headers, body)
        except aiohttp.ClientConnectorError as error:
            raise _away(type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise without_an_answer(method, type(error).__name__, keyed=HEADER in headers) from error

    async def _send(self, method: str, url: URL, headers: Mapping[str, str], body: bytes) -> Forwarded:
        if method not in _SAFE:
            return await self._send_once(self._changes, method, url, headers, body)
        try:
            return await self._send_once(self._reads, method, url, headers, body)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # A registry that restarted leaves kept-alive connections behind that fail on their next use.
            return await self._send_once(self._changes, method, url, headers, body)

    async def _send_once(
        self, session: aiohttp.ClientSession | None, method: str, url: URL, headers: Mapping[str, str], body: bytes
    ) -> Forwarded:
        if session is None:
            raise RuntimeError("RegistryApi is used outside its context")
        sent = {"Accept-Encoding": "identity", **headers}
        async with session.request(method, url, headers=sent, data=body or None, allow_redirects=False) as response:
            read = await response.read()
            return Forwarded(response.status, read, response_headers(response.headers.items(), self._base_url))


def without_an_answer(method: str, why: str, *, keyed: bool = False) -> Overloaded:
    """What to raise where a request was sent and nothing came back that is the registry's.

    `keyed`: under an idempotency key. A route that takes none refuses it, so a repeat does nothing twice there either.
    """
    if method in _SAFE:
        return _away(why)
    log.warning("management.outcome.unknown", method=method, why=why)
    what = "The registry did not answer, so the change may or may not have been made."
    if keyed:
        return KeyedOutcomeUnknown(
            f"{what} Repeat it with the same Idempotency-Key: it is done once.", retry_after_s=_RETRY_AFTER_S
        )
    return OutcomeUnknown(f"{what} Look before you repeat it.", retry_after_s=_RETRY_AFTER_S)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Content-Type", "Accept"),
        timeout=aiohttp.ClientTimeout(total=None),
    )


def _away(why: str) -> Overloaded:
    log.warning("management.registry.away", why=why)
    return Overloaded(
        "The registry cannot be asked right now; nothing was changed. Try again in a few seconds.",
        retry_after_s=_RETRY_AFTER_S,
    )
