"""The HTTP policy against real sockets: each fault must be told apart by whether a request can have been carried out."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from onerouter_common import telemetry
from onerouter_common.errors import ProviderError, ProviderOutcomeUnknown, ProviderThrottled, ProviderUnavailable
from onerouter_providers import http as policy
from onerouter_providers.http import Answer, ProviderHttp, open_pool, parse_retry_after

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]


@dataclass
class Server:
    """A server that says exactly the bytes a test wants; `requests` holds what it was sent."""

    url: str
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[Server]:
    """`talk(reader, writer, number)` is called after each complete request on a connection."""
    shown = Server("")
    handlers: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0
                )
                shown.requests.append(head + await reader.readexactly(length))
                number += 1
                await talk(reader, writer, number)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.create_task(handle(reader, writer)))
        writers.append(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    shown.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield shown
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        for writer in writers:  # also of a handler that was cancelled before it began
            writer.transport.abort()
        await asyncio.sleep(0)


def says(status: str, body: bytes, *headers: str) -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return talk


async def hangs(reader: asyncio.StreamReader, _: asyncio.StreamWriter, __: int) -> None:
    await reader.read()  # until the client gives up


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
    reset(writer)


async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
    writer.close()


async def says_half(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id": "or')
    await writer.drain()
    writer.close()


async def says_half_and_hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id": "or')
    await writer.drain()
    await reader.read()


async def says_10_mb(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")
    for _chunk in range(160):
        writer.write(b"x" * 65_536)
        await writer.drain()


async def says_10_mb_in_chunks(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _chunk in range(160):
        writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        await writer.drain()


async def drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
    """Never silent for long, never done: only a deadline over the whole call ends it."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a RST instead of a FIN."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[httpx.AsyncBaseTransport]:
    async with open_pool() as opened:
        yield opened


async def send(
    pool: httpx.AsyncBaseTransport, url: str, *, effect: bool, timeout_s: float = 5.0, **more: Any
) -> Answer:
    http = ProviderHttp(pool, provider="acme", display_name="Acme", timeout_s=timeout_s)
    more.setdefault("headers", {"Authorization": "Basic c2VjcmV0"})
    if effect:
        return await http.send("payment.create", "POST", url, effect=True, body={"amount": 100}, **more)
    return await http.send("payment.get", "GET", url, effect=False, **more)


FAULTS_AFTER_SENDING = [
    pytest.param(resets, id="reset"),
    pytest.param(hangs_up, id="hang-up"),
    pytest.param(hangs, id="silence"),
    pytest.param(says_half, id="half-an-answer"),
    pytest.param(says_half_and_hangs, id="half-then-silence"),
    pytest.param(drips, id="drip"),
    pytest.param(says_10_mb, id="10-MB"),
    pytest.param(says_10_mb_in_chunks, id="10-MB-chunked"),
    pytest.param(says("500 Oops", b'{"error": {}}'), id="500-json"),
    pytest.param(says("502 Bad Gateway", b"<html>no</html>", "Content-Type: text/html"), id="502-html"),
    pytest.param(says("503 Unavailable", b"{}"), id="503"),
    pytest.param(says("408 Request Timeout", b"{}"), id="408"),
    pytest.param(says("302 Found", b"", "Location: https://example.com/"), id="redirect"),
    pytest.param(says("200 OK", b"<html>hello</html>", "Content-Type: text/html"), id="200-html"),
    pytest.param(says("200 OK", b"[1, 2]"), id="200-a-list"),
    pytest.param(says("200 OK", b"[" * 100_000), id="200-deeply-nested"),
    pytest.param(says("200 OK", b"{}", "Content-Encoding: gzip"), id="compressed-unasked"),
    pytest.param(says("999", b"{}"), id="999"),
]


@pytest.mark.parametrize("talk", FAULTS_AFTER_SENDING)
async def test_after_sending_an_effect_is_unknown(pool: httpx.AsyncBaseTransport, talk: Talk) -> None:
    async with serving(talk) as server:
        with pytest.raises(ProviderOutcomeUnknown) as caught:
            await send(pool, server.url, effect=True, timeout_s=0.3)
        assert caught.value.reason == "indeterminate"
        assert len(server.requests) == 1


@pytest.mark.parametrize("talk", FAULTS_AFTER_SENDING)
async def test_after_sending_a_question_changed_nothing(pool: httpx.AsyncBaseTransport, talk: Talk) -> None:
    async with serving(talk) as server:
        with pytest.raises(ProviderUnavailable):
            await send(pool, server.url, effect=False, timeout_s=0.3)


async def test_no_http_at_all_is_unknown(pool: httpx.AsyncBaseTransport) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: int) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        await writer.drain()

    async with serving(talk) as server:
        with pytest.raises(ProviderOutcomeUnknown):
            await send(pool, server.url, effect=True)


@pytest.mark.parametrize("effect", [True, False])
async def test_a_refused_connection_sent_nothing(pool: httpx.AsyncBaseTransport, effect: bool) -> None:
    with pytest.raises(ProviderUnavailable, match="nothing was sent"):
        await send(pool, f"http://127.0.0.1:{closed_port()}", effect=effect)


async def test_an_unknown_host_got_nothing(pool: httpx.AsyncBaseTransport) -> None:
    with pytest.raises(ProviderUnavailable, match="nothing was sent"):
        await send(pool, "http://no-such-host.invalid", effect=True)


async def test_a_failed_tls_handshake_sent_nothing(pool: httpx.AsyncBaseTransport) -> None:
    heard: list[bytes] = []

    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(no_tls, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ProviderUnavailable, match="nothing was sent"):
            await send(pool, f"https://127.0.0.1:{port}", effect=True)
    assert not any(b"POST" in bytes_ for bytes_ in heard)


async def test_a_connection_that_never_opens_sent_nothing(pool: httpx.AsyncBaseTransport) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        queue = [socket.socket() for _ in range(4)]  # the backlog is full: the next SYN is not answered
        try:
            for waiting in queue:
                waiting.setblocking(False)
                waiting.connect_ex(address)
            with pytest.raises(ProviderUnavailable, match="nothing was sent"):
                await send(pool, f"http://127.0.0.1:{address[1]}", effect=True, timeout_s=0.3)
        finally:
            for waiting in queue:
                waiting.close()


async def test_waiting_for_a_free_connection_sends_nothing() -> None:
    async with open_pool(max_connections=1) as narrow, serving(hangs) as server:
        first = asyncio.create_task(send(narrow, server.url, effect=True, timeout_s=60))
        while not server.requests:
            await asyncio.sleep(0.01)
        with pytest.raises(ProviderUnavailable, match="nothing was sent"):
            await send(narrow, server.url, effect=True, timeout_s=0.2)
        first.cancel()
        await asyncio.wait({first})
        assert len(server.requests) == 1


async def test_a_kept_alive_connection_that_dies_upon_use_is_unknown(pool: httpx.AsyncBaseTransport) -> None:
    """The server may have read the request before it cut: nothing proves that it did not."""
    answer = says("200 OK", b"{}")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        if number == 1:
            await answer(reader, writer, number)
        else:
            reset(writer)

    async with serving(talk) as server:
        assert (await send(pool, server.url, effect=True)).ok
        with pytest.raises(ProviderOutcomeUnknown):
            await send(pool, server.url, effect=True)
        assert len(server.requests) == 2  # the effect was not sent again behind our back


async def test_a_connection_closed_while_idle_is_not_used_again(pool: httpx.AsyncBaseTransport) -> None:
    answer = says("200 OK", b"{}", "Connection: close")
    async with serving(answer) as server:
        for _ in range(2):
            assert (await send(pool, server.url, effect=True)).ok


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize(("header", "seconds"), [("Retry-After: 7", 7), ("X-Nothing: 1", None)])
async def test_throttling_did_nothing(
    pool: httpx.AsyncBaseTransport, effect: bool, header: str, seconds: float | None
) -> None:
    async with serving(says("429 Slow Down", b"<html>", header)) as server:
        with pytest.raises(ProviderThrottled) as caught:
            await send(pool, server.url, effect=effect)
        assert caught.value.retry_after_s == seconds


def test_retry_after_is_seconds_or_a_date() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert parse_retry_after("Thu, 01 Jan 2026 00:01:30 GMT", now=now) == 90
    assert parse_retry_after("Wed, 31 Dec 2025 00:00:00 GMT", now=now) == 0
    assert parse_retry_after("1.5") == 1.5
    assert parse_retry_after("99999999") == policy.MAX_RETRY_AFTER_S
    for nonsense in (None, "", "soon", "nan", "1,5"):
        assert parse_retry_after(nonsense) is None


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "404 Not Found", "409 Conflict"])
async def test_refusals_are_for_the_mapping(pool: httpx.AsyncBaseTransport, status: str) -> None:
    async with serving(says(status, b'{"error": {"code": "X"}}')) as server:
        answer = await send(pool, server.url, effect=True)
    assert (answer.status, answer.ok, answer.body) == (int(status[:3]), False, {"error": {"code": "X"}})


async def test_who_knows_more_of_refusals_gets_them_all(pool: httpx.AsyncBaseTransport) -> None:
    async with serving(says("429 Too Many Requests", b'{"message":"in 7 seconds"}')) as server:
        throttled = await ProviderHttp(pool, provider="acme").send(
            "email.send", "POST", server.url, effect=True, headers={}, any_refusal=True
        )
    assert (throttled.status, throttled.body) == (429, {"message": "in 7 seconds"})
    async with serving(says("401 Unauthorized", b"Forbidden")) as server:
        refused = await ProviderHttp(pool, provider="acme").send(
            "email.send", "POST", server.url, effect=True, headers={}, any_refusal=True
        )
    assert (refused.status, refused.body, refused.text) == (401, {}, "Forbidden")
    async with serving(says("200 OK", b"Queued")) as server:
        with pytest.raises(ProviderOutcomeUnknown):
            await ProviderHttp(pool, provider="acme").send(
                "email.send", "POST", server.url, effect=True, headers={}, any_refusal=True
            )


async def test_a_raw_call_goes_as_it_is_and_its_answer_is_not_judged(pool: httpx.AsyncBaseTransport) -> None:
    async with serving(says("503 Service Unavailable", b"<Error/>")) as server:
        answer = await ProviderHttp(pool, provider="acme").send_raw(
            "sms.send", "POST", server.url, effect=True, headers={"X-Amz-Date": "now"}, content=b"Action=Publish"
        )
    assert (answer.status, answer.content) == (503, b"<Error/>")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b"Action=Publish"
    assert b"x-amz-date: now" in head.lower()
    async with serving(hangs_up) as server:
        with pytest.raises(ProviderOutcomeUnknown):
            await ProviderHttp(pool, provider="acme").send_raw(
                "sms.send", "POST", server.url, effect=True, headers={}, content=b""
            )


async def test_a_form_is_sent_as_a_form(pool: httpx.AsyncBaseTransport) -> None:
    async with serving(says("200 OK", b"{}")) as server:
        http = ProviderHttp(pool, provider="acme")
        form = [("expand[]", "a"), ("expand[]", "b & c")]
        await http.send("x", "POST", server.url, effect=True, headers={}, form=form)
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert b"content-type: application/x-www-form-urlencoded" in head.lower()
    assert sent == b"expand%5B%5D=a&expand%5B%5D=b+%26+c"


async def test_nothing_of_ours_goes_out_and_nothing_of_theirs_stays(pool: httpx.AsyncBaseTransport) -> None:
    async with serving(says("200 OK", b"{}", "Set-Cookie: session=1; Path=/")) as server:
        with telemetry.span("operation"):
            for _ in range(2):
                await send(pool, server.url, effect=True)
    sent = server.requests[1].lower()
    assert b"authorization: basic c2vjcmv0" in sent
    for ours in (b"traceparent", b"tracestate", b"baggage", b"cookie", b"x-request-id"):
        assert ours not in sent


async def test_the_environment_configures_nothing(
    pool: httpx.AsyncBaseTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed_port()}")
    async with open_pool() as fresh, serving(says("200 OK", b"{}")) as server:
        assert (await send(fresh, server.url, effect=True)).ok


async def test_calls_share_one_deadline(pool: httpx.AsyncBaseTransport) -> None:
    """A second call does not get the time anew that the first one used up."""
    http = ProviderHttp(pool, provider="acme", timeout_s=600)
    deadline = asyncio.get_running_loop().time() + 0.3
    async with serving(hangs) as server:
        for url in (server.url, "http://192.0.2.1"):
            async with asyncio.timeout(60):
                with pytest.raises(ProviderError):
                    await http.send("payment.get", "GET", url, effect=False, headers={}, deadline=deadline)


async def test_an_outside_cancellation_is_not_swallowed(pool: httpx.AsyncBaseTransport) -> None:
    async with serving(hangs) as server:
        task = asyncio.create_task(send(pool, server.url, effect=True))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectError("refused"), ProviderUnavailable),
        (httpx.PoolTimeout("busy"), ProviderUnavailable),
        # httpx-aiohttp's word for a server that hung up: by itself it proves nothing.
        (httpx.ConnectTimeout("?"), ProviderOutcomeUnknown),
        (httpx.ReadTimeout("silence"), ProviderOutcomeUnknown),
        (httpx.RemoteProtocolError("?"), ProviderOutcomeUnknown),
    ],
)
async def test_another_transport_is_believed_only_where_it_is_clear(
    raised: Exception, expected: type[ProviderError]
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise raised

    async with httpx.MockTransport(fail) as mocked:
        with pytest.raises(expected):
            await send(mocked, "http://acme.test/", effect=True)
