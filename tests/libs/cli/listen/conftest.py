"""An API that streams events over real HTTP and breaks as it is told, and a program that takes what is forwarded."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from onerouter_common.api_keys import make_key

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """Its address."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def an_event(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "type": "payment.succeeded",
        "id": f"evt_{number:026}",
        "resource": {"kind": "payment", "id": f"pay_{number:026}"},
        "sequence": 1,
        "data": {"note": "Zoë ₹"},
        **changes,
    }


@dataclass
class Api:
    """`/v1/events/stream` of the events it has; a cursor is the number of those before it."""

    key: str = field(default_factory=lambda: make_key("test").get_secret_value())
    events: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[web.Response] = field(default_factory=list)
    """Answered first, one a request."""
    cuts: list[int] = field(default_factory=list)
    """After so many bytes of events a connection is cut, one a connection."""
    queries: list[dict[str, str]] = field(default_factory=list)
    last_ids: list[str | None] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.queries.append(dict(request.query))
        self.last_ids.append(request.headers.get("Last-Event-ID"))
        if self.refusals:
            return self.refusals.pop(0)
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return problem(401, "The API key is not valid.")
        assert request.path == "/v1/events/stream"
        at = int(request.headers.get("Last-Event-ID") or request.query.get("after") or len(self.events))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(f"retry: 10\nid: {at}\n\n".encode())
        left = self.cuts.pop(0) if self.cuts else None
        while True:
            for number, event in enumerate(self.events[at:], start=at + 1):
                at = number
                frame = f"id: {at}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
                if left is not None and len(frame) >= left:
                    await response.write(frame[:left])
                    assert request.transport is not None
                    request.transport.abort()
                    return response
                left = left if left is None else left - len(frame)
                await response.write(frame)
            await asyncio.sleep(0.01)


def problem(status: int, detail: str, **headers: str) -> web.Response:
    return web.Response(
        status=status,
        text=json.dumps({"status": status, "detail": detail}),
        content_type="application/problem+json",
        headers=headers,
    )


@dataclass
class Program:
    """Takes what is forwarded; `answer` says how."""

    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Handler | None = None
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response(text="taken") if self.answer is None else await self.answer(request)

    def verified(self, secret: str) -> list[dict[str, Any]]:
        """All of it, by the library. Raises what does not verify."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.got]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    one = Api()
    async with served(one.answer) as one.url:
        yield one


@pytest.fixture
async def program() -> AsyncIterator[Program]:
    one = Program()
    async with served(one.handle) as address:
        one.url = f"{address}/hook"
        yield one


def some_cuts(seed: int, count: int) -> list[int]:
    """Anywhere in the first events of a connection; often within the very first."""
    rng = random.Random(seed)
    return [rng.randint(1, 700) for _ in range(count)]
