"""Answers without an end: sent as they come, given up when nobody takes them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from onerouter_common.loops import end

log = structlog.get_logger()

ABORT: Final = "onerouter.abort"
"""The ASGI extension by which a connection is closed without sending what is left for it (`web/bounded.py`)."""


class Broken(Exception):
    """Raised by chunks that end before they should: the connection is closed, so that the reader sees it."""


class Stream(Response):
    """Chunks, each sent before the next one is asked for, so that nothing piles up for a slow reader.

    A reader that takes nothing for `stall_s` is cut off, and so is one by `cut_off`. `on_end` is called once, however it
    ends.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        stall_s: float,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self._chunks = chunks
        self._stall_s = stall_s
        self._on_end = on_end
        self._sending: asyncio.Task[None] | None = None
        self._is_cut = False
        self.status_code = status
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)

    def cut_off(self) -> None:
        """Others need what this reader keeps; it sees that it has not got all."""
        self._is_cut = True
        if self._sending is not None:
            self._sending.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            self._sending = sending = asyncio.create_task(self._send_all(scope, send), name="stream")
            if self._is_cut:
                sending.cancel()
            leaving = asyncio.create_task(_until_gone(receive), name="stream-reader")
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end(leaving)
                await end(sending)
            if not sending.cancelled():
                sending.result()
            elif self._is_cut:
                _abort(scope, "others wait")
        finally:
            await self._chunks.aclose()
            if self._on_end is not None:
                self._on_end()

    async def _send_all(self, scope: Scope, send: Send) -> None:
        try:
            async for chunk in self._chunks:
                await self._send(send, {"type": "http.response.body", "body": chunk, "more_body": True})
            await self._send(send, {"type": "http.response.body", "body": b"", "more_body": False})
        except (_Stalled, Broken) as ended:
            _abort(scope, "stalled" if isinstance(ended, _Stalled) else "broken")

    async def _send(self, send: Send, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._stall_s):
                await send(message)
        except TimeoutError:
            raise _Stalled from None


class _Stalled(Exception):
    """The reader took nothing for too long."""


def _abort(scope: Scope, why: str) -> None:
    log.info("stream.cut_off", why=why)
    abort = (scope.get("extensions") or {}).get(ABORT)
    if abort is not None:
        abort["call"]()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
