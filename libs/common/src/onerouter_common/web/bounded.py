"""uvicorn's HTTP protocol with the bounds it lacks: how large a request's head may be, and how long it may take.

uvicorn keeps every header a client sends before anything of ours runs (seen with 0.54: 100 MB of headers are 100 MB of
memory, asked for by nobody we know), takes a chunked body's trailers for headers, and never gives up on a connection that
says nothing.
"""

from asyncio import Transport
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from onerouter_common.web.streaming import ABORT

_MOST_BYTES: Final = 64 * 1024
_FRAMING: Final = 16
"""Bytes of chunk framing allowed for each byte of a chunked body: more than a client needs that sends byte by byte."""
_HEAD_S: Final = 30.0
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """For `uvicorn.Config(http=…)`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._begins = False
        self._surplus = 0
        """Bytes of the current message that are not its body; the read that began it is not counted."""
        self._deadline: Any = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._begins = False
        super().data_received(data)
        if self.transport.is_closing():
            return
        if not self._begins:
            self._surplus += len(data)
        if self._surplus > _MOST_BYTES:
            if self._in_head:
                self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._in_head and self._begins:
            self._watch_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._begins = True
        self._surplus = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # what comes after the body is a trailer, and must not pass for a header
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._unwatch_head()
        # uvicorn only knows how to close a connection politely, which waits for a reader that takes nothing.
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._surplus -= len(body) * (1 + _FRAMING)
        super().on_body(body)

    def _watch_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(_HEAD_S, self.transport.close)

    def _unwatch_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
