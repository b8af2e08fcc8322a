"""The program that is being written: gets each event as a delivery, signed as endpoints get theirs."""

import binascii
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import aiohttp
from pydantic import SecretStr

from onerouter_webhooks.delivery.transport import USER_AGENT, Answer, Limits, Transport
from onerouter_webhooks.signing import headers

_PREFIX: Final = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64
"""Of a secret: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (1.0.0)"""
_READ_LIMIT: Final = 64 * 1024
_CONNECT_S: Final = 5.0


def is_secret(text: str) -> bool:
    """`whsec_` and 24 to 64 bytes in base64, as libraries of Standard Webhooks take it."""
    try:
        key = b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(_PREFIX) and _LEAST_BYTES <= len(key) <= _MOST_BYTES


class Target:
    def __init__(self, url: str, secrets: Sequence[SecretStr], transport: Transport) -> None:
        self._url = url
        self._secrets = secrets
        self._transport = transport

    async def send(self, event_id: str, body: bytes) -> Answer:
        """What came of one request: always an answer, in time."""
        now = int(datetime.now(UTC).timestamp())
        return await self._transport.post(self._url, body, headers(self._secrets, event_id, now, body))


@asynccontextmanager
async def open_target(url: str, secrets: Sequence[SecretStr], timeout_s: float) -> AsyncIterator[Target]:
    """A target at an address of the user's own, so wherever it leads; `timeout_s` is of a whole request. Each of the secrets
    signs, as each live one of an endpoint does."""
    # A connection for each: a server that is started again while it is being written leaves none that is dead.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
        headers={"User-Agent": USER_AGENT, "Content-Type": "application/json"},
        skip_auto_headers=("Accept", "Accept-Encoding"),
        auto_decompress=False,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        limits = Limits(total_s=timeout_s, connect_s=_CONNECT_S, read=_READ_LIMIT, stored=0)
        yield Target(url, secrets, Transport(session, limits))
