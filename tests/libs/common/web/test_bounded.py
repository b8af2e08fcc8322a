"""What a client may send before anything of ours has seen it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from onerouter_common.web import bounded, server
from onerouter_common.web.bounded import BoundedHttp


class _Server(uvicorn.Server):
    def capture_signals(self) -> Any:
        return contextlib.nullcontext()  # signals belong to pytest


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body and the names of the headers."""
    size, more = 0, True
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = f"{size} {b','.join(name for name, _ in scope['headers']).decode()}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(_echo, http=BoundedHttp, ws="none", lifespan="off", log_config=None)
    running_server = _Server(config)
    running = asyncio.create_task(running_server.serve(sockets=[listening]))
    while not running_server.started:
        await asyncio.sleep(0.01)
    yield int(listening.getsockname()[1])
    running_server.should_exit = True
    await running
    listening.close()


async def _send(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """What is answered; the connection is read to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
    try:
        async with asyncio.timeout(60):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


@pytest.mark.parametrize("header", [b"x: " + b"a" * 1_000 + b"\r\n", b"a" * 1_000])
async def test_an_endless_head_is_431(port: int, header: bytes) -> None:
    # The second is one header without an end.
    answer = await _send(port, _HEAD, *[header] * 400, pause_s=0.001)
    assert answer.startswith(b"HTTP/1.1 431 ") or not answer  # reset while it was still sending


async def test_endless_trailers_end_the_connection(port: int) -> None:
    head = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    assert not await _send(port, head, *[b"x: " + b"a" * 1_000 + b"\r\n"] * 400, pause_s=0.001)


async def test_a_trailer_is_no_header(port: int) -> None:
    answer = await _send(
        port, _HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n0\r\n", b"Authorization: Bearer x\r\n\r\n"
    )
    assert answer.endswith(b"1 host,connection,transfer-encoding")


async def test_large_heads_small_chunks_and_large_bodies_pass(port: int) -> None:
    head = _HEAD + b"x: " + b"a" * 30_000 + b"\r\n"
    assert b"3000000 " in await _send(port, head + b"Content-Length: 3000000\r\n\r\n", b"a" * 3_000_000)
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    assert b"200000 " in await _send(port, chunked, b"1\r\na\r\n" * 100_000, b"1\r\na\r\n" * 100_000, b"0\r\n\r\n")


async def test_many_requests_on_one_connection_pass(port: int) -> None:
    request = b"POST / HTTP/1.1\r\nHost: x\r\nx: " + b"a" * 2_000 + b"\r\nContent-Length: 0\r\n\r\n"
    answer = await _send(port, *[request] * 100, _HEAD + b"Content-Length: 0\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 ") == 101


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: "])
async def test_who_says_nothing_is_not_waited_for(port: int, said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "_HEAD_S", 0.1)
    assert await _send(port, said) == b""


async def test_a_body_may_take_longer_than_the_head(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "_HEAD_S", 0.1)
    assert b"2 " in await _send(port, _HEAD + b"Content-Length: 2\r\n\r\n", b"a", b"a", pause_s=0.2)


def test_every_service_is_served_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[uvicorn.Config] = []
    monkeypatch.setattr(server.Server, "run", lambda self: seen.append(self.config))
    monkeypatch.setattr("gc.set_threshold", lambda _: None)  # this process has its own
    monkeypatch.setattr("sys.setswitchinterval", lambda _: None)
    server.serve(object(), host="127.0.0.1", port=0, drain_timeout_s=1)  # type: ignore[arg-type]
    assert seen[0].http is BoundedHttp
