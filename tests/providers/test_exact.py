"""The transport sends what it is given, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from onerouter_common.errors import ProviderOutcomeUnknown
from onerouter_providers.http import ProviderHttp, open_pool

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Keeps each connection open for one answer, and cuts it on the second request."""

    def __init__(self) -> None:
        self.url = ""
        self.lines: list[str] = []
        self.bodies: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for last in (False, True):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.lines.append(head.partition("\r\n")[0])
                length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                self.bodies.append(await reader.readexactly(int(length or 0)))
                if not last:
                    writer.write(ANSWER)
                    await writer.drain()
        except asyncio.IncompleteReadError:
            pass  # the client went away
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield server


async def send(pool: httpx.AsyncBaseTransport, method: str, url: str, content: bytes = b"") -> int:
    http = ProviderHttp(pool, provider="acme")
    return (await http.send_raw("x.y", method, url, effect=method != "GET", headers={}, content=content)).status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
async def test_a_cut_connection_is_no_reason_to_repeat(method: str) -> None:
    async with serving() as server, open_pool() as pool:
        assert await send(pool, method, f"{server.url}/1") == 200
        with pytest.raises(ProviderOutcomeUnknown):
            await send(pool, method, f"{server.url}/2")
    assert server.lines == [f"{method} /1 HTTP/1.1", f"{method} /2 HTTP/1.1"]


async def test_a_question_may_be_asked_again() -> None:
    async with serving() as server, open_pool() as pool:
        assert [await send(pool, "GET", f"{server.url}/{number}") for number in (1, 2)] == [200, 200]
    assert server.lines == [f"GET /{number} HTTP/1.1" for number in (1, 2, 2)]


async def test_an_address_goes_out_as_it_is_written() -> None:
    written = "/b/%40%3A%2B%2F%20%21~a//b?x=%2F%3A%40%20%2B&y=%C3%A9&uploads&z="
    async with serving() as server, open_pool() as pool:
        await send(pool, "PUT", f"{server.url}{written}")
    assert server.lines == [f"PUT {written} HTTP/1.1"]


async def test_a_large_body_goes_out_whole() -> None:
    content = bytes(range(256)) * 8_192
    async with serving() as server, open_pool() as pool:
        await send(pool, "PUT", f"{server.url}/", content)
    assert server.bodies == [content]
