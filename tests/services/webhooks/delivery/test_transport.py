"""Requests to addresses that tenants chose, on real sockets."""

import asyncio
import gzip
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from onerouter_common.egress import AddressPolicy
from onerouter_webhooks.delivery import transport
from onerouter_webhooks.delivery.transport import Answer, Limits, Transport, open_transport

from ..conftest import Receiver, receiving

LOOPBACK = AddressPolicy(allowed=[ip_network("127.0.0.0/8")])
LIMITS = Limits(total_s=60.0, connect_s=30.0, read=64 * 1024, stored=16 * 1024)
IMPATIENT = replace(LIMITS, total_s=0.3, connect_s=0.5)


class Names(AbstractResolver):
    """A name server under somebody else's control: each question gets the next answer, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        return None


async def post(
    url: str, policy: AddressPolicy = LOOPBACK, resolver: AbstractResolver | None = None, limits: Limits = LIMITS
) -> Answer:
    async with open_transport(policy, limits, resolver=resolver) as opened:
        return await opened.post(url, b"{}", {"webhook-id": "evt_1"})


class Deadline:
    """The transport's, which is over when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._limit: asyncio.Timeout | None = None
        monkeypatch.setattr(transport, "asyncio", SimpleNamespace(timeout=self._timeout))

    def _timeout(self, _: float) -> asyncio.Timeout:
        self._limit = asyncio.timeout(60)
        return self._limit

    def over(self) -> None:
        assert self._limit is not None
        self._limit.reschedule(0.0)


@pytest.fixture
def deadline(monkeypatch: pytest.MonkeyPatch) -> Deadline:
    return Deadline(monkeypatch)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(serve: Serve) -> AsyncIterator[str]:
    """A server that speaks as badly as it likes. Yields its URL."""
    tasks: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        for task in set(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(set(tasks), timeout=5)


class TestWhereItMayGo:
    @pytest.mark.parametrize(
        "url",
        ["http://127.0.0.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://localhost:{port}/"],
    )
    async def test_production_reaches_no_loopback(self, receiver: Receiver, url: str) -> None:
        port = receiver.url.rpartition(":")[2].split("/")[0]
        names = Names(["127.0.0.1"])
        answer = await post(url.format(port=port), AddressPolicy(ports=(int(port),)), names)
        assert answer.failure == "blocked_address"
        assert receiver.got == []

    async def test_one_bad_address_among_good_ones_blocks_the_name(self) -> None:
        answer = await post("https://mixed.example/", AddressPolicy(), Names(["93.184.216.34", "10.0.0.1"]))
        assert answer.failure == "blocked_address"
        assert answer.duration_ms < LIMITS.connect_s * 500, "nobody was called"

    async def test_a_name_that_is_rebound_is_caught_at_the_next_connection(self, receiver: Receiver) -> None:
        """The first answer is permitted, the second leads elsewhere: every new socket is checked on its own."""
        port = receiver.url.rpartition(":")[2].split("/")[0]
        names = Names(["127.0.0.1"], ["169.254.169.254"])
        url = f"http://rebound.example:{port}/"
        assert (await post(url, LOOPBACK, names)).status == 200
        assert (await post(url, LOOPBACK, names)).failure == "blocked_address"

    async def test_what_passes_the_resolver_is_still_checked_at_the_socket(self) -> None:
        """A resolver that lies about what it found (or a literal, which no resolver sees) does not get a connection."""
        answer = await post("https://10.0.0.1/", AddressPolicy(), Names(["93.184.216.34"]))
        assert answer.failure == "blocked_address"

    @pytest.mark.parametrize("url", ["http://0x7f.1/", "http://127.1/", "http://2130706433/", "http://0177.0.0.1/"])
    async def test_addresses_in_disguise_are_not_understood(self, url: str) -> None:
        answer = await post(url, AddressPolicy(ports=(80,)))
        assert answer.status is None
        assert answer.failure in {"blocked_address", "invalid_url", "dns"}

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_redirects_to_inside_are_a_failure_and_not_followed(self, receiver: Receiver, status: int) -> None:
        async with receiving() as inside:

            async def redirect(_: web.Request, __: int) -> web.StreamResponse:
                return web.Response(status=status, headers={"Location": inside.url, "Refresh": f"0; url={inside.url}"})

            receiver.answer = redirect
            answer = await post(receiver.url)
            assert (answer.status, answer.failure, answer.delivered) == (status, "redirect", False)
            assert (len(receiver.got), inside.got) == (1, [])

    async def test_the_environments_proxy_is_not_used(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        assert (await post(receiver.url)).delivered


class TestWhatItMayCost:
    async def test_a_big_answer_is_cut(self, receiver: Receiver) -> None:
        async def big(request: web.Request, _: int) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            try:
                for _ in range(10_000):
                    await response.write(b"x" * 65_536)
            except ConnectionError:
                pass
            return response

        receiver.answer = big
        answer = await post(receiver.url)
        assert answer.delivered
        assert answer.truncated
        assert len(answer.body) == LIMITS.stored

    async def test_of_an_endless_answer_no_more_is_kept_than_is_to_be_read(self, receiver: Receiver) -> None:
        async def endless(request: web.Request, _: int) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            with suppress(ConnectionError):
                while True:
                    await response.write(b"x" * 65_536)
            return response

        receiver.answer = endless
        answer = await post(receiver.url, limits=replace(LIMITS, total_s=30, stored=10 * LIMITS.read))
        assert (answer.delivered, answer.truncated, answer.slow) == (True, True, False), "cut before the deadline"
        assert len(answer.body) == LIMITS.read

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
    async def test_a_compressed_answer_is_not_unpacked(self, receiver: Receiver, coding: str) -> None:
        bomb = gzip.compress(b"\0" * 10_000_000)

        async def compressed(_: web.Request, __: int) -> web.StreamResponse:
            return web.Response(body=bomb, headers={"Content-Encoding": coding})

        receiver.answer = compressed
        answer = await post(receiver.url)
        assert answer.body == bomb[: LIMITS.stored]
        assert "accept-encoding" not in receiver.got[0].headers

    async def test_a_body_that_drips_is_cut_at_the_deadline(
        self, deadline: Deadline, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read = Transport._read

        async def read_until_it_is_over(self: Transport, *what: Any) -> None:
            asyncio.get_running_loop().call_later(0.2, deadline.over)
            await read(self, *what)

        monkeypatch.setattr(Transport, "_read", read_until_it_is_over)

        async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)

        async with raw_server(drip) as url:
            answer = await post(url)
        assert answer.delivered, "it did say 200"
        assert answer.slow
        assert answer.truncated
        assert answer.duration_ms >= 150

    async def test_headers_that_never_come_are_a_timeout(self) -> None:
        async def silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        async with raw_server(silent) as url:
            answer = await post(url, limits=IMPATIENT)
        assert (answer.status, answer.failure, answer.slow) == (None, "timeout", True)

    @pytest.mark.parametrize(
        "again",
        [b"X", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"],
        ids=["byte_by_byte", "continue", "early_hints"],
    )
    async def test_headers_that_only_drip_are_a_timeout(self, again: bytes) -> None:
        async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: " if len(again) == 1 else b"")
            while True:
                writer.write(again)
                await writer.drain()
                await asyncio.sleep(0.05)

        async with raw_server(drip) as url:
            answer = await post(url, limits=IMPATIENT)
        assert (answer.status, answer.failure, answer.slow) == (None, "timeout", True)

    @pytest.mark.parametrize(
        ("begins", "goes_on"),
        [
            (b"", b"X-Many: x\r\n"),
            (b"Transfer-Encoding: chunked\r\n\r\n1;x=", b"y" * 4_096),
            (b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Many: x\r\n"),
            (b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 4_096),
        ],
        ids=["headers", "chunk_extension", "trailers", "chunk_size"],
    )
    async def test_what_has_no_end_is_not_gathered(self, begins: bytes, goes_on: bytes) -> None:
        """As fast as the wire is, for as long as the deadline allows; what was gathered would be hundreds of megabytes."""
        sent = 0

        async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            writer.write(b"HTTP/1.1 200 OK\r\n" + begins)
            while True:
                writer.write(goes_on * 64)
                await writer.drain()
                sent += len(goes_on) * 64

        async with raw_server(endless) as url:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            answer = await post(url, limits=IMPATIENT)
            grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        assert answer.body == b""
        assert grown_mib < 64, f"{sent} bytes were sent"

    async def test_a_handshake_that_never_ends_is_one_too(self, deadline: Deadline) -> None:
        """What listens takes the connection and says nothing of TLS."""
        said = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            said.set()
            deadline.over()
            await reader.read()
            writer.transport.abort()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            answer = await post(url)
        assert (answer.status, answer.failure, said.is_set()) == (None, "timeout", True)

    async def test_so_is_a_name_server_that_never_answers(self) -> None:
        class Silence(Names):
            async def resolve(self, *_: Any, **__: Any) -> list[ResolveResult]:
                await asyncio.sleep(60)
                return []

        answer = await post("https://slow.example/", AddressPolicy(), Silence(), IMPATIENT)
        assert (answer.status, answer.failure) == (None, "timeout")

    async def test_endless_headers_are_refused(self) -> None:
        async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()

        async with raw_server(endless) as url:
            answer = await post(url)
        assert answer.status is None
        assert answer.failure == "protocol"

    @pytest.mark.parametrize("speech", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 banana\r\n\r\n"])
    async def test_what_is_not_http_is_a_failure(self, speech: bytes) -> None:
        async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(speech)
            await writer.drain()

        async with raw_server(speak) as url:
            answer = await post(url)
        assert answer.status is None
        assert answer.failure in {"disconnected", "protocol"}

    async def test_nobody_listens(self) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            answer = await post(f"http://127.0.0.1:{bound.getsockname()[1]}/")
        assert (answer.status, answer.failure) == (None, "connect")
