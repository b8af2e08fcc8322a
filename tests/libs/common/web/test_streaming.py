"""What happens to a stream whose reader leaves, or takes nothing."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from onerouter_common.web.streaming import ABORT, Broken, Stream


class Wire:
    """The server's side of one connection."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.aborted = self.ended = 0
        self.closed = False
        self.takes = asyncio.Event()
        self.takes.set()
        self.gone = asyncio.Event()
        self.scope: Any = {"type": "http", "path": "/x", "extensions": {ABORT: {"call": self._abort}}}

    def _abort(self) -> None:
        self.aborted += 1

    def _end(self) -> None:
        self.ended += 1

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.takes.wait()
        self.sent.append(message.get("body", b"head"))

    async def chunks(self, count: int, then: BaseException | None = None) -> AsyncGenerator[bytes, None]:
        try:
            for number in range(count):
                yield b"%d" % number
                await asyncio.sleep(0)
            if then is not None:
                raise then
        finally:
            self.closed = True

    async def run(self, count: int = 3, then: BaseException | None = None, stall_s: float = 5.0) -> None:
        stream = Stream(self.chunks(count, then), media_type="text/plain", stall_s=stall_s, on_end=self._end)
        async with asyncio.timeout(60):
            await stream(self.scope, self.receive, self.send)


async def test_all_of_it_is_sent_and_ended() -> None:
    wire = Wire()
    await wire.run()
    assert wire.sent == [b"head", b"0", b"1", b"2", b""]
    assert (wire.closed, wire.ended, wire.aborted) == (True, 1, 0)


async def test_a_reader_that_leaves_ends_it() -> None:
    wire = Wire()
    running = asyncio.create_task(wire.run(1_000_000_000))
    while len(wire.sent) < 10:
        await asyncio.sleep(0)
    wire.gone.set()
    await running
    assert (wire.closed, wire.ended, wire.aborted) == (True, 1, 0)


async def test_a_reader_that_takes_nothing_has_its_connection_aborted() -> None:
    wire = Wire()
    running = asyncio.create_task(wire.run(1_000_000_000, stall_s=0.05))
    while len(wire.sent) < 10:
        await asyncio.sleep(0)
    wire.takes.clear()
    await running
    assert (wire.closed, wire.ended, wire.aborted) == (True, 1, 1)


async def test_what_breaks_it_is_not_hidden() -> None:
    wire = Wire()
    with pytest.raises(ValueError, match="broken"):
        await wire.run(2, ValueError("broken"))
    assert wire.sent == [b"head", b"0", b"1"]
    assert (wire.closed, wire.ended) == (True, 1)


async def test_what_breaks_off_is_not_taken_for_all_of_it() -> None:
    wire = Wire()
    await wire.run(then=Broken())
    assert wire.sent == [b"head", b"0", b"1", b"2"], "its end was not said"
    assert (wire.closed, wire.ended, wire.aborted) == (True, 1, 1)


@pytest.mark.parametrize("takes", [True, False], ids=["slowly", "nothing"])
async def test_a_reader_is_cut_off_for_others(takes: bool) -> None:
    wire = Wire()
    stream = Stream(wire.chunks(1_000_000_000), media_type="text/plain", stall_s=60, on_end=wire._end)
    running = asyncio.create_task(stream(wire.scope, wire.receive, wire.send))
    while len(wire.sent) < 10:
        await asyncio.sleep(0)
    if not takes:
        wire.takes.clear()
        await asyncio.sleep(0)
    stream.cut_off()
    await running
    assert (wire.closed, wire.ended, wire.aborted) == (True, 1, 1)


async def test_a_reader_is_cut_off_before_it_began() -> None:
    wire = Wire()
    stream = Stream(wire.chunks(3), media_type="text/plain", stall_s=60, on_end=wire._end)
    stream.cut_off()
    await stream(wire.scope, wire.receive, wire.send)
    assert (wire.sent, wire.ended, wire.aborted) == ([b"head"], 1, 1)


async def test_who_has_all_is_not_cut_off_any_more() -> None:
    wire = Wire()
    stream = Stream(wire.chunks(3), media_type="text/plain", stall_s=60, on_end=wire._end)
    await stream(wire.scope, wire.receive, wire.send)
    stream.cut_off()
    assert (wire.sent[-1], wire.ended, wire.aborted) == (b"", 1, 0)
