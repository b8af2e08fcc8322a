"""Requests to addresses that tenants chose, on real sockets."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from onerouter_webhooks.delivery.addresses import AddressPolicy
from onerouter_webhooks.delivery.transport import Answer, Limits, open_transport

from ..conftest import Receiver

LOOPBACK = AddressPolicy(allowed=[ip_network("127.0.0.0/8")])
LIMITS = Limits(total_s=1.0, connect_s=0.5, read=64 * 1024, stored=16 * 1024)


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
    async with open_transport(policy, limits, resolver=resolver) as transport:
        return await transport.post(url, b"{}", {"webhook-id": "evt_1"})


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
        assert answer.duration_ms < 500

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

    async def test_redirects_are_a_failure_and_not_followed(self, receiver: Receiver) -> None:
        async def redirect(_: web.Request, __: int) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": receiver.url})

        receiver.answer = redirect
        answer = await post(receiver.url)
        assert (answer.status, answer.failure, answer.delivered) == (307, "redirect", False)
        assert len(receiver.got) == 1

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
        assert answer.duration_ms < 900

    async def test_a_compressed_answer_is_not_unpacked(self, receiver: Receiver) -> None:
        bomb = gzip.compress(b"\0" * 10_000_000)

        async def compressed(_: web.Request, __: int) -> web.StreamResponse:
            return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

        receiver.answer = compressed
        answer = await post(receiver.url)
        assert answer.body == bomb[: LIMITS.stored]

    async def test_a_body_that_drips_is_cut_at_the_deadline(self) -> None:
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
        assert 950 <= answer.duration_ms < 1_800

    async def test_headers_that_never_come_are_a_timeout(self) -> None:
        async def silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        async with raw_server(silent) as url:
            answer = await post(url)
        assert (answer.status, answer.failure, answer.slow) == (None, "timeout", True)
        assert answer.duration_ms < 1_800

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
