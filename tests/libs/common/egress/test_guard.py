"""Connections to what a hostile name server says, on real sockets."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

import aiohttp
import pytest
from aiohttp import web

from onerouter_common.egress import AddressPolicy, is_blocked, open_session

LOOPBACK = AddressPolicy(allowed=[ip_network("127.0.0.0/8")])
_KINDS = {1: 4, 28: 6}
"""Type of a DNS record → version of its addresses."""


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers every name; each question of a kind gets the next answer, the last one for ever. Nothing may be remembered."""

    answers: list[list[str]]
    asked: dict[int, int] = field(default_factory=dict)
    port: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, sender: object) -> None:
        end = data.index(b"\0", 12) + 5
        (kind,) = struct.unpack("!H", data[end - 4 : end - 2])
        turn = self.asked.get(kind, 0)
        self.asked[kind] = turn + 1
        addresses = [ip_address(one) for one in self.answers[min(turn, len(self.answers) - 1)]]
        found = [one.packed for one in addresses if one.version == _KINDS.get(kind)]
        records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(packed)) + packed for packed in found)
        head = data[:2] + struct.pack("!HHHHH", 0x8180, 1, len(found), 0, 0)
        self.transport.sendto(head + data[12:end] + records, sender)  # type: ignore[attr-defined]


@asynccontextmanager
async def names(*answers: list[str]) -> AsyncIterator[aiohttp.AsyncResolver]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(list(answers)), local_addr=("127.0.0.1", 0)
    )
    try:
        yield aiohttp.AsyncResolver(nameservers=["127.0.0.1"], udp_port=server.port, tcp_port=server.port)
    finally:
        transport.close()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Of a server on this machine that nobody outside should reach."""
    app = web.Application()
    app.router.add_get("/", _secret)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    await runner.cleanup()


async def _secret(_: web.Request) -> web.Response:
    return web.Response(text="secret", headers={"Connection": "close"})


async def fetch(session: aiohttp.ClientSession, url: str) -> str:
    """What is there, or `blocked`."""
    try:
        async with asyncio.timeout(60), session.get(url, allow_redirects=False) as answer:
            return await answer.text()
    except Exception as error:
        if is_blocked(error):
            return "blocked"
        raise


class TestOpenSession:
    async def test_where_it_is_allowed_it_connects(self, port: int) -> None:
        async with (
            names(["127.0.0.1"]) as resolver,
            open_session(LOOPBACK, connect_s=1, headers={}, resolver=resolver) as session,
        ):
            assert await fetch(session, f"http://shop.example:{port}/") == "secret"

    @pytest.mark.parametrize(
        "answers",
        [
            ["127.0.0.1"],
            ["::1"],
            ["::ffff:127.0.0.1"],
            ["93.184.216.34", "127.0.0.1"],
            ["2606:4700::1111", "10.0.0.1"],
            ["93.184.216.34", "fd00:ec2::254"],
            ["169.254.169.254"],
            ["64:ff9b::7f00:1"],
        ],
    )
    async def test_a_name_with_any_address_that_is_not_public_is_blocked(self, port: int, answers: list[str]) -> None:
        async with (
            names(answers) as resolver,
            open_session(AddressPolicy(ports=(port,)), connect_s=1, headers={}, resolver=resolver) as session,
        ):
            assert await fetch(session, f"http://shop.example:{port}/") == "blocked"

    async def test_a_name_that_is_bound_anew_is_blocked_at_the_next_connection(
        self, port: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("onerouter_common.egress.guard._NAMES_REMEMBERED_S", 0)
        async with (
            names(["127.0.0.1"], ["169.254.169.254"]) as resolver,
            open_session(LOOPBACK, connect_s=1, headers={}, resolver=resolver) as session,
        ):
            assert await fetch(session, f"http://shop.example:{port}/") == "secret"
            assert await fetch(session, f"http://shop.example:{port}/") == "blocked"

    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "localhost"])
    async def test_a_literal_is_met_at_the_socket(self, port: int, host: str) -> None:
        policy = AddressPolicy(ports=(port,))
        async with open_session(policy, connect_s=1, headers={}, resolver=aiohttp.ThreadedResolver()) as session:
            assert await fetch(session, f"http://{host}:{port}/") == "blocked"

    async def test_nothing_of_the_environment_leads_elsewhere(self, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            closed = nobody.getsockname()[1]
        async with open_session(LOOPBACK, connect_s=1, headers={}) as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await fetch(session, f"http://127.0.0.1:{closed}/")

    @pytest.mark.parametrize(
        ("headers", "is_read"),
        [
            ([b"a: 1"] * 63, True),
            ([b"a: 1"] * 64, False),
            ([b"a: " + b"x" * 8_000], True),
            ([b"a: " + b"x" * 8_300], False),
        ],
    )
    async def test_what_is_kept_of_a_head_is_bounded(self, headers: list[bytes], is_read: bool) -> None:
        head = b"\r\n".join([b"HTTP/1.1 200 OK", b"content-length: 2", *headers])

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head + b"\r\n\r\nok")
            await writer.drain()
            writer.close()

        async with (
            await asyncio.start_server(answer, "127.0.0.1", 0) as server,
            open_session(LOOPBACK, connect_s=1, headers={}) as session,
        ):
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            if is_read:
                assert await fetch(session, url) == "ok"
            else:
                with pytest.raises(aiohttp.ClientResponseError):
                    await fetch(session, url)
