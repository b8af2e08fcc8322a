"""Tenants' servers, all in one cheap process: it notes which event came when, and answers as it is told for each path.

    python -m tests.bench.deliveries.receiver <port>

`GET /control/count`: requests so far. `GET /control/seen`: a line `<webhook-id> <seconds>` for each request since it was last
asked. `PUT /control/paths`: JSON, path → how it answers from now on; all others answer 200 at once. What hangs is answered
once its path answers again. Seconds are those of CLOCK_MONOTONIC, which all processes of a machine share.
"""

import asyncio
import sys
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

import httptools
import orjson
import uvloop

HANG: Final = "hang"
"""Takes the request and says nothing."""
DRIP: Final = "drip"
"""Says 200 at once, then a byte of its body a second."""
SLOW: Final = "slow"
"""Answers after 200 ms."""
USUAL: Final = "usual"
"""Answers after 50 ms, as a server does that stores what it gets and is not next door."""
FAR_S: Final = {SLOW: 0.2, USUAL: 0.05}

_TAKEN: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\ntaken"
_DRIPPING: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
_CONTROL: Final = b"/control/"


@dataclass(slots=True)
class Book:
    count: int = 0
    seen: list[tuple[bytes, float]] = field(default_factory=list)
    paths: dict[bytes, str] = field(default_factory=dict)
    waiting: dict[bytes, list["Connection"]] = field(default_factory=dict)
    """Connections whose request hangs, by path."""


class Connection(asyncio.Protocol):
    """One keep-alive connection; a sender has one request in flight on it."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._parser = httptools.HttpRequestParser(self)
        self._at = self._began = 0.0
        self._path = self._id = self._body = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._at = perf_counter()
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._began = self._at
        self._id = self._body = b""

    def on_url(self, url: bytes) -> None:
        self._path = url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"webhook-id":
            self._id = value

    def on_body(self, body: bytes) -> None:
        if self._path.startswith(_CONTROL):
            self._body += body

    def on_message_complete(self) -> None:
        if self._path.startswith(_CONTROL):
            self._write(_answer(self._control()))
            return
        self._book.count += 1
        self._book.seen.append((self._id, self._began))
        mode = self._book.paths.get(self._path)
        if mode is None:
            self.take()
        elif mode in FAR_S:
            asyncio.get_running_loop().call_later(FAR_S[mode], self.take)
        elif mode == HANG:
            self._book.waiting.setdefault(self._path, []).append(self)
        else:
            self._write(_DRIPPING)
            self._drip()

    def take(self) -> None:
        self._write(_TAKEN)

    def _drip(self) -> None:
        if self._transport is not None:
            self._write(b"x")
            asyncio.get_running_loop().call_later(1.0, self._drip)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _control(self) -> bytes:
        book, wanted = self._book, self._path.removeprefix(_CONTROL)
        if wanted == b"count":
            return str(book.count).encode()
        if wanted == b"seen":
            seen, book.seen = book.seen, []
            return b"\n".join(b"%b %.6f" % one for one in seen)
        book.paths = {path.encode(): mode for path, mode in orjson.loads(self._body).items()}
        for path in book.waiting.keys() - book.paths.keys():
            for connection in book.waiting.pop(path):
                connection.take()
        return b"{}"


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def serve(port: int) -> None:
    book = Book()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(book), "127.0.0.1", port, backlog=2_048)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
