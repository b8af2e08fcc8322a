"""A provider's wire: from an ASGI request to the simulator's answer, with faults in between.

Raw ASGI on purpose: benches send thousands of calls a second through here, and some faults must cut the very
connection, which a framework hides.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from starlette.types import Receive, Scope, Send

from onerouter_sandbox.faults import WIRE_KINDS, FaultKind, Faults, FaultSpec

_pause = asyncio.sleep

MAX_BODY_BYTES: Final = 1_048_576
"""Of a provider that does not say otherwise (`max_body_bytes`): emails come with files."""


@dataclass(slots=True)
class Request:
    """One HTTP request to a provider. Header names are lower case."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    raw_path: bytes = b""
    """As it was sent: `path` is decoded, and a signature may be over the bytes."""


@dataclass(slots=True)
class Reply:
    """One HTTP answer of a provider."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(slots=True)
class Call:
    """An authenticated request that is about to be carried out.

    `run` does it, effect and all, without waiting. `twin` is equal for two requests of which only one may be at work
    at a time (same idempotency key).
    """

    operation: str
    account: str
    run: Callable[[], Reply]
    twin: Hashable | None = None


class Simulator(Protocol):
    """What the wire needs of a provider's simulator."""

    @property
    def name(self) -> str: ...

    def open(self, request: Request) -> Call | Reply:
        """Route and authenticate; a Reply when the request gets no further."""
        ...

    def busy(self) -> Reply:
        """The provider's words for "a request with this idempotency key is still running"."""
        ...

    def trouble(self, status: int) -> Reply:
        """The provider's JSON for a 429 or a 5xx."""
        ...


class Connection:
    """The client's connection, for faults that hold or cut it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def hold(self, most_s: float) -> None:
        """Say nothing until the client gives up, at most `most_s`, then cut.

        A server that stops cancels us; the client must not get its 500 then, as that would be an answer.
        """
        try:
            async with asyncio.timeout(most_s):
                await self._gone()
        except (TimeoutError, asyncio.CancelledError):
            await self.cut()

    async def cut(self) -> None:
        """Close the socket without another byte."""
        # ASGI has no word for this; uvicorn's `send` is a method of the object that owns the transport.
        transport: Any = getattr(getattr(self._send, "__self__", None), "transport", None)
        if transport is None:
            raise RuntimeError("This server does not expose its transport; faults that cut connections need uvicorn.")
        transport.abort()
        await self._gone()  # returning earlier would make the server send a 500

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue


class Latency:
    """How long every answer waits; a value that the control API may change."""

    def __init__(self, ms: float) -> None:
        self.ms = ms


class Wire:
    """The ASGI application of one provider."""

    def __init__(self, simulator: Simulator, faults: Faults, latency: Latency) -> None:
        self._simulator = simulator
        self._faults = faults
        self._latency = latency
        self._at_work: set[Hashable] = set()
        self._max_body_bytes: int = getattr(simulator, "max_body_bytes", MAX_BODY_BYTES)
        self._says_continue: bool = getattr(simulator, "says_continue", True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._says_continue:
            _say_no_continue(receive)
        body = await _read(receive, self._max_body_bytes)
        if body is None:
            reply: Reply | None = Reply(413, b"Request Entity Too Large", b"text/plain")
        else:
            request = Request(
                scope["method"], scope["path"], scope["query_string"], dict(scope["headers"]), body, scope["raw_path"]
            )
            opened = self._simulator.open(request)
            reply = opened if isinstance(opened, Reply) else await self._answer(opened, Connection(receive, send))
        if reply is not None:
            await _respond(send, reply)

    async def _answer(self, call: Call, connection: Connection) -> Reply | None:
        if call.twin is not None and call.twin in self._at_work:
            return self._simulator.busy()
        fault = self._faults.draw(WIRE_KINDS, self._simulator.name, call.operation, call.account)
        if fault is not None:
            return await self._with_fault(fault, call, connection)
        if not self._latency.ms:
            return call.run()
        with self._working(call):
            reply = call.run()
            await _pause(self._latency.ms / 1_000)
            return reply

    async def _with_fault(self, fault: FaultSpec, call: Call, connection: Connection) -> Reply | None:
        match fault.kind:
            case FaultKind.REFUSE_CONNECTION:
                await connection.cut()
                return None
            case FaultKind.TIMEOUT_BEFORE_EFFECT:
                await connection.hold(fault.hold_s)
                return None
            case FaultKind.TIMEOUT_AFTER_EFFECT:
                call.run()
                await connection.hold(fault.hold_s)
                return None
            case FaultKind.SLOW:
                return await self._slow(fault, call)
            case FaultKind.THROTTLE_429:
                reply = self._simulator.trouble(429)
                reply.headers = ((b"retry-after", str(fault.retry_after_s).encode()),)
                return reply
            case _:
                if not fault.before_effect:
                    call.run()
                return self._simulator.trouble(fault.status) if fault.body == "json" else _proxy_page(fault.status)

    async def _slow(self, fault: FaultSpec, call: Call) -> Reply:
        """The client may give up meanwhile; the effect happens all the same, as it would at a provider."""
        with self._working(call):
            if fault.before_effect:
                await _pause(fault.delay_s)
                return call.run()
            reply = call.run()
            await _pause(fault.delay_s)
            return reply

    @contextmanager
    def _working(self, call: Call) -> Iterator[None]:
        if call.twin is None:
            yield
            return
        self._at_work.add(call.twin)
        try:
            yield
        finally:
            self._at_work.discard(call.twin)


def _say_no_continue(receive: Receive) -> None:
    """Leave `Expect: 100-continue` without an answer: who waits for one before it sends its body waits in vain."""
    cycle: Any = getattr(receive, "__self__", None)  # uvicorn's; ASGI has no word for this
    if hasattr(cycle, "waiting_for_100_continue"):
        cycle.waiting_for_100_continue = False


async def _read(receive: Receive, most_bytes: int) -> bytes | None:
    """The whole body, or None when it is too large."""
    message = await receive()
    first: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return first
    body = bytearray(first)
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most_bytes:
            return None
    return bytes(body)


async def _respond(send: Send, reply: Reply) -> None:
    headers = [
        (b"content-type", reply.content_type),
        (b"content-length", str(len(reply.body)).encode()),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


_REASONS: Final = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


def _proxy_page(status: int) -> Reply:
    """What a load balancer in front of a provider says when there is nobody behind it: HTML, not JSON."""
    title = f"{status} {_REASONS[status]}"
    page = f"<html>\n<head><title>{title}</title></head>\n<body>\n<center><h1>{title}</h1></center>\n</body>\n</html>\n"
    return Reply(status, page.encode(), b"text/html")
