"""Calls to issuers: bounded in time and size, no redirect, no cookie, no proxy of the environment.

It is httpx's transport without its client, which would keep an issuer's cookies for everyone.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from onerouter_registry.oidc.errors import IssuerUnavailable

TIMEOUT_S: Final = 5.0
"""One whole call, from connecting to the last byte."""
MAX_ANSWER_BYTES: Final = 262_144
_POOL: Final = httpx.Limits(max_connections=20, max_keepalive_connections=5, keepalive_expiry=15.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object with a status of 2xx or 4xx."""

    status: int
    body: Mapping[str, Any] = field(repr=False)

    @property
    def ok(self) -> bool:
        return self.status < 300


def open_pool() -> httpx.AsyncHTTPTransport:
    """The connections to all issuers; close it when the process ends."""
    return httpx.AsyncHTTPTransport(trust_env=False, limits=_POOL)


class Fetcher:
    def __init__(self, pool: httpx.AsyncBaseTransport, *, plain_http: bool, timeout_s: float = TIMEOUT_S) -> None:
        """`plain_http`: whether http:// is good enough; true in local mode only."""
        self._pool = pool
        self._schemes = ("https://", "http://") if plain_http else ("https://",)
        self._timeout_s = timeout_s

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Raises IssuerUnavailable."""
        return await self._send("GET", url, headers or {}, None)

    async def post(self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str]) -> Answer:
        """Raises IssuerUnavailable."""
        return await self._send("POST", url, headers, form)

    def require_allowed(self, url: str) -> str:
        """The address itself. Raises IssuerUnavailable where it is plain http and that is not good enough."""
        if not url.startswith(self._schemes):
            raise IssuerUnavailable("The identity provider has an address that is not https.")
        return url

    async def _send(self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None) -> Answer:
        # `identity`: a compressed answer could be small on the wire and endless in memory.
        wire = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "OneRouter", **headers}
        timeout = httpx.Timeout(self._timeout_s).as_dict()
        try:
            request = httpx.Request(
                method, self.require_allowed(url), headers=wire, data=form, extensions={"timeout": timeout}
            )
            async with asyncio.timeout(self._timeout_s):
                response = await self._pool.handle_async_request(request)
                try:
                    raw = await _read(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise IssuerUnavailable(f"The identity provider did not answer ({type(error).__name__}).") from None
        if not 200 <= response.status_code < 300 and not 400 <= response.status_code < 500:
            raise IssuerUnavailable(f"The identity provider answered with status {response.status_code}.")
        return Answer(response.status_code, _object(raw))


async def _read(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise IssuerUnavailable("The identity provider's answer is compressed, although that was refused.")
    raw = bytearray()
    async for chunk in response.aiter_raw():
        raw += chunk
        if len(raw) > MAX_ANSWER_BYTES:
            raise IssuerUnavailable("The identity provider's answer is too long.")
    return bytes(raw)


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise IssuerUnavailable("The identity provider's answer is no JSON object.")
    return value
