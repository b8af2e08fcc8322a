"""A connection that its owner shut while nobody used it costs no attempt; nothing else is sent twice at once."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from onerouter_common.egress import StaleConnection
from onerouter_webhooks.delivery.transport import Answer, Limits, Transport, open_transport

from .test_transport import LIMITS, LOOPBACK

TAKEN: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PATIENT: Final = replace(LIMITS, total_s=60.0, connect_s=30.0, stale_s=60.0, slack_s=60.0)
RESET: Final = struct.pack("ii", 1, 0)


@dataclass
class Server:
    """Keeps its connections. `says`: what the nth request (from 1) on the nth connection gets; what is not a whole answer
    ends the connection."""

    says: Callable[[int, int], bytes]
    by_reset: bool = False
    thinks_s: float = 0.0
    """Before it ends a connection."""
    url: str = ""
    got: list[int] = field(default_factory=list)
    """How many requests came, by connection."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.got.append(0)
        number = len(self.got)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(2)
                self.got[number - 1] += 1
                await self.gate.wait()
                said = self.says(number, self.got[number - 1])
                writer.write(said)
                await writer.drain()
                if said != TAKEN:
                    await asyncio.sleep(self.thinks_s)
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            if self.by_reset:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    server.gate.set()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    async with listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        yield server


async def post(transport: Transport, server: Server) -> Answer:
    return await transport.post(server.url, b"{}", {"webhook-id": "evt_1"})


def shut(connection: int, request: int) -> bytes:
    """Of the first connection the second request reaches nobody."""
    return b"" if (connection, request) == (1, 2) else TAKEN


@pytest.mark.parametrize("by_reset", [False, True], ids=["shut", "reset"])
async def test_one_that_was_shut_meanwhile_is_replaced_at_once(by_reset: bool) -> None:
    async with serving(Server(shut, by_reset)) as server, open_transport(LOOPBACK, PATIENT) as transport:
        answers = [await post(transport, server) for _ in range(3)]
        assert [(one.status, one.resent) for one in answers] == [(200, False), (200, True), (200, False)]
        assert server.got == [2, 2]


async def test_and_so_are_those_that_were_kept_beside_it() -> None:
    def all_shut(connection: int, request: int) -> bytes:
        return b"" if connection <= 3 and request == 2 else TAKEN

    async with serving(Server(all_shut)) as server, open_transport(LOOPBACK, PATIENT) as transport:
        server.gate.clear()
        posting = [asyncio.create_task(post(transport, server)) for _ in range(3)]
        async with asyncio.timeout(60):
            while server.got != [1, 1, 1]:
                await asyncio.sleep(0.01)
        server.gate.set()
        assert [(await one).status for one in posting] == [200, 200, 200]
        assert (await post(transport, server)).status == 200
        assert sorted(server.got) == [1, 1, 1, 2]


@pytest.mark.parametrize("by_reset", [False, True], ids=["shut", "reset"])
async def test_a_new_one_that_ends_without_a_word_is_a_failed_attempt(by_reset: bool) -> None:
    async with serving(Server(lambda *_: b"", by_reset)) as server, open_transport(LOOPBACK, PATIENT) as transport:
        answer = await post(transport, server)
        assert (answer.status, answer.failure) == (None, "connection" if by_reset else "disconnected")
        assert server.got == [1]


async def test_also_where_it_replaces_one_that_was_shut() -> None:
    def gone(connection: int, request: int) -> bytes:
        return TAKEN if (connection, request) == (1, 1) else b""

    async with serving(Server(gone)) as server, open_transport(LOOPBACK, PATIENT) as transport:
        assert (await post(transport, server)).status == 200
        answer = await post(transport, server)
        assert (answer.failure, answer.resent) == ("disconnected", True)
        assert server.got == [2, 1]


@pytest.mark.parametrize("said", [b"H", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_who_began_to_answer_has_read_the_request(said: bytes) -> None:
    def begins(connection: int, request: int) -> bytes:
        return said if (connection, request) == (1, 2) else TAKEN

    async with serving(Server(begins)) as server, open_transport(LOOPBACK, PATIENT) as transport:
        assert (await post(transport, server)).status == 200
        assert not (await post(transport, server)).delivered
        assert server.got == [2]


@pytest.mark.parametrize(
    ("limits", "thinks_s"),
    [(replace(PATIENT, stale_s=0.0), 0.0), (replace(PATIENT, slack_s=0.0), 0.2)],
    ids=["than_any_may", "than_the_way_takes"],
)
async def test_who_took_longer_may_have_been_at_work_on_it(limits: Limits, thinks_s: float) -> None:
    server = Server(shut, thinks_s=thinks_s)
    async with serving(server), open_transport(LOOPBACK, limits) as transport:
        assert (await post(transport, server)).status == 200
        answer = await post(transport, server)
        assert (answer.failure, answer.resent) == ("disconnected", False)
        assert server.got == [2]


@pytest.mark.parametrize(
    ("after_s", "round_trip_s", "again"),
    [
        (0.0, 0.0002, True),
        (0.1, 0.0002, True),
        (0.12, 0.0002, False),
        (0.3, 0.15, True),
        (0.5, 0.15, False),
        (0.9, 0.8, True),
        (1.1, 0.8, False),
    ],
)
def test_how_long_is_a_matter_of_how_far_it_is(after_s: float, round_trip_s: float, again: bool) -> None:
    assert LIMITS.may_send_again(StaleConnection(after_s, round_trip_s)) is again
