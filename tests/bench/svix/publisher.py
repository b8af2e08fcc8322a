"""A client that costs little: requests are written ahead, one at a time on each kept connection, answers barely read.

What publishes shares the machine with what is measured. A usual HTTP client would take more of it than the server's own work.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httptools
import orjson

from onerouter_local.ports import LOOPBACK

_ANSWER_S: Final = 30.0
_OK: Final = range(200, 300)


class Refused(Exception):
    """The server answered something else than success, or nothing."""


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Refused(f"the connection was closed: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._answer is None or self._answer.done():
            return  # nobody waits any more
        if status in _OK:
            self._answer.set_result(self._body)
        else:
            self._answer.set_exception(Refused(f"{status}: {self._body[:500]!r}"))

    async def ask(self, request: bytes) -> Any:
        """The answer's JSON. Raises Refused, and TimeoutError when none comes."""
        if self._transport is None:
            raise Refused("the connection is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(_ANSWER_S):
            return orjson.loads(await self._answer)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def post(path: str, token: str, body: Mapping[str, Any] | bytes) -> bytes:
    """A whole request. `body`: JSON, or what is to be it."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """So many to a server of this machine; closed with the block."""
    made: list[Connection] = []
    try:
        for _ in range(count):
            _, connection = await asyncio.get_running_loop().create_connection(Connection, LOOPBACK, port)
            made.append(connection)
        yield made
    finally:
        for connection in made:
            connection.close()
