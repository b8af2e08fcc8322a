"""Reading events over real connections that break: none is missed, none comes twice, in both clients."""

from __future__ import annotations

import inspect
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sdks.python.tests import faulty
from sdks.python.tests.faulty import Came, Faulty, Step, says

from onerouter import OneRouter, OneRouterSync, PermissionDeniedError, ValidationError
from onerouter._sse import MOST_BYTES, Decoder, Frame, FrameTooLarge
from onerouter.testing import API_KEY, event, problem

OPENS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"


def numbered(*numbers: int) -> list[dict[str, Any]]:
    return [event("payment.succeeded", {"id": f"pay_{number}"}, id=f"evt_{number}") for number in numbers]


def frames(*numbers: int) -> bytes:
    return b"".join(
        f"id: c{number}\nevent: payment.succeeded\ndata: {json.dumps(made)}\n\n".encode()
        for number, made in zip(numbers, numbered(*numbers), strict=True)
    )


def streams(content: bytes, *, stays: bool = False) -> Step:
    """A stream that brings this and then ends, or stays open until somebody goes."""

    def step(server: Faulty, connection: socket.socket, came: Came) -> bool:
        connection.sendall(OPENS)
        for at in range(0, len(content), 50):
            piece = content[at : at + 50]
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        if stays:
            with suppress(OSError):
                faulty.until_gone(server, connection)
        return False

    return step


def page(*numbers: int, iterator: str, done: bool = True) -> Step:
    return says(200, {"data": numbered(*numbers), "iterator": iterator, "done": done})


@pytest.fixture
def server() -> Iterator[Faulty]:
    with faulty.serving() as server:
        yield server


class Reader:
    """Either client, whose waits take no time."""

    def __init__(self, client: OneRouter | OneRouterSync) -> None:
        self.client: Any = client
        self.waits: list[float] = []
        vars(client)["_sleep"] = self._wait if isinstance(client, OneRouterSync) else self._wait_async

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def _wait_async(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def read(self, most: int, **options: Any) -> list[Any]:
        """The first events; then it is closed."""
        stream = self.client.events.stream(**options)
        found: list[Any] = []
        while len(found) < most:
            coming = stream.__anext__() if hasattr(stream, "__anext__") else next(stream)
            found.append(await coming if inspect.isawaitable(coming) else coming)
        closed = stream.close()
        if closed is not None:
            await closed
        return found


@pytest.fixture(params=[OneRouter, OneRouterSync], ids=["async", "sync"])
async def reader(request: pytest.FixtureRequest, server: Faulty) -> AsyncIterator[Reader]:
    client = request.param(API_KEY, server.url)
    yield Reader(client)
    closed = client.close()
    if closed is not None:
        await closed


def ids(events: list[Any]) -> list[str]:
    return [each.id for each in events]


class TestStream:
    async def test_it_goes_on_behind_the_last_one(self, server: Faulty, reader: Reader) -> None:
        server.plan(
            streams(b"retry: 2000\nid: c0\n\n" + frames(1, 2) + frames(3)[:-9]),
            faulty.closes_before_the_answer,
            streams(b":hb\n\n" + frames(2, 3)),
            streams(frames(4), stays=True),
        )
        found = await reader.read(4, types=["payment.*", "refund.failed"])
        assert ids(found) == ["evt_1", "evt_2", "evt_3", "evt_4"]
        assert [each.cursor for each in found] == ["c1", "c2", "c3", "c4"]
        assert found[0].data.id == "pay_1" and found[0]["resource"]["kind"] == "payment"
        asked = [came.headers.get("last-event-id") for came in server.came]
        assert asked == [None, "c2", "c2", "c3"]
        assert "types=payment.%2A%2Crefund.failed" in server.came[0].line
        assert reader.waits[0] == 2.0  # as the server wants it

    async def test_a_place_to_begin_at(self, server: Faulty, reader: Reader) -> None:
        server.plan(streams(frames(8), stays=True))
        assert ids(await reader.read(1, after="c7")) == ["evt_8"]
        assert server.came[0].headers["last-event-id"] == "c7" and "after=c7" in server.came[0].line
        assert server.came[0].headers["accept"] == "text/event-stream"

    async def test_a_place_without_an_event_is_kept(self, server: Faulty, reader: Reader) -> None:
        server.plan(streams(b"id: c5\n\n"), streams(frames(6), stays=True))
        assert ids(await reader.read(1)) == ["evt_6"]
        assert server.came[1].headers["last-event-id"] == "c5"

    @pytest.mark.parametrize(
        ("status", "error"), [(403, PermissionDeniedError), (422, ValidationError)], ids=["not permitted", "no cursor"]
    )
    async def test_a_refusal_is_raised(
        self, server: Faulty, reader: Reader, status: int, error: type[Exception]
    ) -> None:
        server.plan(says(status, problem(status, "NO").json))
        with pytest.raises(error):
            await reader.read(1)
        assert len(server.came) == 1

    async def test_too_many_streams_is_waited_for(self, server: Faulty, reader: Reader) -> None:
        server.plan(
            says(429, problem(429, "RATE_LIMIT_EXCEEDED").json, Retry_After="9"), streams(frames(1), stays=True)
        )
        assert ids(await reader.read(1)) == ["evt_1"]
        assert reader.waits == [9.0]


class TestPolling:
    @pytest.mark.parametrize(
        "refusals",
        [
            [says(404, problem(404, "NOT_FOUND").json)],
            [says(200, b"<html></html>", Content_Type="text/html")],
            [faulty.closes_before_the_answer, faulty.closes_before_the_answer],
        ],
        ids=["no such route", "another answer", "nothing comes through"],
    )
    async def test_pages_where_streams_do_not_get_through(
        self, server: Faulty, reader: Reader, refusals: list[Step]
    ) -> None:
        server.plan(
            *refusals,
            page(iterator="c0"),
            page(1, 2, iterator="c2", done=False),
            page(2, 3, iterator="c3"),
            faulty.closes_mid_answer,
            page(4, iterator="c4"),
        )
        found = await reader.read(4)
        assert ids(found) == ["evt_1", "evt_2", "evt_3", "evt_4"]
        assert [each.cursor for each in found] == ids(found)  # a page tells no places but its end
        lines = [came.line for came in server.came[len(refusals) :]]
        assert [line.partition("after=")[2].partition(" ")[0] for line in lines] == ["now", "c0", "c2", "c3", "c3"]

    async def test_list_goes_on_with_its_iterator(self, server: Faulty, reader: Reader) -> None:
        server.plan(page(1, iterator="c1", done=False), page(iterator="c1"))
        first = reader.client.events.list(limit=1)
        first = await first if inspect.isawaitable(first) else first
        after = first.next_page()
        after = await after if inspect.isawaitable(after) else after
        assert ids(list(first)) == ["evt_1"] and not first.done
        assert len(after) == 0 and after.done and after.iterator == "c1"


class TestDecoder:
    @settings(deadline=None)
    @given(
        cuts=st.lists(st.integers(1, 40), min_size=1),
        ending=st.sampled_from([b"\n", b"\r\n"]),
    )
    def test_pieces_of_any_size_are_the_same(self, cuts: list[int], ending: bytes) -> None:
        content = "retry: 50\nid: a\n\n: hb\n\nevent: x\ndata: {\ndata:  é}\nid: b\n\ndata\n\ndata: lost".encode()
        content = content.replace(b"\n", ending)
        decoder, turn = Decoder(), 0
        found: list[Frame] = []
        while content:
            size = cuts[turn % len(cuts)]
            found.extend(decoder.feed(content[:size]))
            content, turn = content[size:], turn + 1
        assert found == [Frame("a", None), Frame("b", "{\n é}"), Frame(None, "")]
        assert decoder.retry_s == 0.05

    def test_an_event_without_an_end_is_refused(self) -> None:
        decoder = Decoder()
        with pytest.raises(FrameTooLarge):
            for _ in range(MOST_BYTES // 65536 + 1):
                list(decoder.feed(b"data: " + b"x" * 65536))
