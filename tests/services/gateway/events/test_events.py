"""`/v1/events` over real HTTP, with the webhooks service stood in for at the wire."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.services.gateway.serving import served
from tests.services.gateway.test_admission import tell
from tests.sse import reading

from onerouter_common.ids import EVENT, new_id
from onerouter_common.web.bounded import BoundedHttp
from onerouter_gateway.app import create_app
from onerouter_gateway.events.streaming import EventStreams, StreamPace

QUICK = StreamPace(check=0.1, look_up=0.05, stall=0.5)


@dataclass
class Webhooks:
    """The webhooks service, as far as events go."""

    asked: list[Request] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    open: int = 0
    chunks: "asyncio.Queue[bytes | None]" = field(default_factory=asyncio.Queue)
    refuses: Response | None = None

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/internal/events/stream", self._stream, methods=["GET"]),
                Route("/internal/events{rest:path}", self._others, methods=["GET", "POST"]),
            ]
        )

    async def _others(self, request: Request) -> Response:
        self.asked.append(request)
        self.bodies.append(await request.json() if request.method == "POST" else None)
        return JSONResponse({"data": [], "iterator": "MC4w", "done": True})

    async def _stream(self, request: Request) -> Response:
        self.asked.append(request)
        return self.refuses or StreamingResponse(self._chunks(), media_type="text/event-stream")

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        self.open += 1
        try:
            yield b"retry: 2000\nid: MC4w\n\n"
            while (chunk := await self.chunks.get()) is not None:
                yield chunk
        finally:
            self.open -= 1


@dataclass
class Door:
    """A gateway with that behind it."""

    url: str
    app: Any
    webhooks: Webhooks

    @property
    def streams(self) -> EventStreams:
        streams: EventStreams = self.app.state.gateway.streams
        return streams


@asynccontextmanager
async def opened(world: Any, pace: StreamPace = QUICK, **changed: Any) -> AsyncIterator[Door]:
    webhooks = Webhooks()
    async with served(webhooks.app()) as behind:
        app = create_app(world.settings(webhooks_url=behind, **changed))
        async with served(app, lifespan="on", http=BoundedHttp) as url:
            app.state.gateway.streams._pace = pace
            yield Door(url, app, webhooks)


async def until(condition: Any, within_s: float = 60.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def door(world: Any) -> AsyncIterator[Door]:
    async with opened(world) as one:
        yield one


class TestForwarding:
    async def test_lists_one_and_sends_again(self, world: Any, tenant: Any) -> None:
        webhooks, event_id = Webhooks(), new_id(EVENT)
        async with served(webhooks.app()) as behind, world.gateway(webhooks_url=behind) as gateway:
            answer = await gateway.http.get("/v1/events?after=now&types=payment.*&limit=3", headers=tenant.auth)
            assert answer.json() == {"data": [], "iterator": "MC4w", "done": True}
            await gateway.http.get(f"/v1/events/{event_id}", headers=tenant.auth)
            again = f"/v1/events/{event_id}/redeliver"
            sent = await gateway.http.post(again, json={"endpoint_id": "we_1"}, headers=tenant.auth)
            assert sent.status_code == 200, sent.text
            assert (await gateway.http.post(again, headers=tenant.auth)).status_code == 200
            assert [(one.method, one.url.path, one.url.query) for one in webhooks.asked] == [
                ("GET", "/internal/events", "after=now&types=payment.*&limit=3"),
                ("GET", f"/internal/events/{event_id}", ""),
                ("POST", f"/internal/events/{event_id}/redeliver", ""),
                ("POST", f"/internal/events/{event_id}/redeliver", ""),
            ]
            assert webhooks.bodies[-2:] == [{"endpoint_id": "we_1"}, {}]
            assert {one.headers["x-onerouter-tenant"] for one in webhooks.asked} == {tenant.id}
            for id_ in ("nonsense", new_id("pay")):
                assert (await gateway.http.get(f"/v1/events/{id_}", headers=tenant.auth)).status_code == 404

    async def test_needs_its_scope(self, world: Any, gateway: Any) -> None:
        reader = world.tenant(scopes=["events:read", "webhooks:read"])
        other = world.tenant(scopes=["payments:read", "webhooks:write"])
        again = f"/v1/events/{new_id(EVENT)}/redeliver"
        assert (await gateway.http.post(again, json={}, headers=reader.auth)).status_code == 403
        for path in ("", "/stream", f"/{new_id(EVENT)}"):
            assert (await gateway.http.get(f"/v1/events{path}", headers=other.auth)).status_code == 403
            assert (await gateway.http.get(f"/v1/events{path}")).status_code == 401


class TestStream:
    async def test_passes_on_at_once_what_comes(self, door: Door, tenant: Any) -> None:
        headers = {**tenant.auth, "Last-Event-ID": "MS4x"}
        async with reading(f"{door.url}/v1/events/stream?types=payment.*", headers) as reader:
            door.webhooks.chunks.put_nowait(b"id: MS4y\nevent: payment.succeeded\ndata: {")
            door.webhooks.chunks.put_nowait(b'"a":1}\n\n:hb\n\n')
            told = await reader.next(2)
            assert told is not None
            assert (told.id, told.type, told.data) == ("MS4y", "payment.succeeded", '{"a":1}')
            assert reader.answer.headers["cache-control"] == "no-store"
        asked = door.webhooks.asked[0]
        assert asked.headers["last-event-id"] == "MS4x"
        assert asked.headers["x-onerouter-tenant"] == tenant.id
        assert asked.url.query == "types=payment.*"
        await until(lambda: door.webhooks.open == 0 and door.streams.open == 0)

    async def test_ends_with_what_it_comes_from(self, door: Door, tenant: Any) -> None:
        async with reading(f"{door.url}/v1/events/stream", tenant.auth) as reader:
            door.webhooks.chunks.put_nowait(None)
            assert await reader.next() is None

    async def test_ends_when_the_key_may_not_any_more(self, world: Any, door: Door) -> None:
        for change in ({"status": "revoked"}, {"scopes": ["payments:read"]}, {"tenant_status": "suspended"}):
            tenant, other = world.tenant(), world.tenant()
            url = f"{door.url}/v1/events/stream"
            async with reading(url, tenant.auth) as reader, reading(url, other.auth) as kept:
                await reader.next_nothing(0.3)
                tenant.principal.update(change)
                await tell(world, entity="api_key", id="x", tenant_id=tenant.id, key_hash=tenant.key_hash)
                assert await reader.next() is None, change
                await kept.next_nothing(0.3)

    async def test_ends_when_the_process_is_to_stop(self, door: Door, tenant: Any) -> None:
        async with reading(f"{door.url}/v1/events/stream", tenant.auth) as reader:
            door.app.state.draining = True
            assert await reader.next() is None

    async def test_a_reader_that_takes_nothing_is_cut_off(self, door: Door, tenant: Any) -> None:
        loop = asyncio.get_running_loop()
        parts = urlsplit(door.url)
        asked = f"GET /v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tenant.key}\r\n\r\n"
        with socket.socket() as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            stalled.setblocking(False)
            await loop.sock_connect(stalled, (parts.hostname, parts.port))
            await loop.sock_sendall(stalled, asked.encode())
            await until(lambda: door.streams.open == 1)
            sent = 0
            while door.streams.open:
                if door.webhooks.chunks.qsize() < 10:
                    door.webhooks.chunks.put_nowait(b":" + b"x" * 65_534 + b"\n")
                    sent += 65_536
                await asyncio.sleep(0.001)
                assert sent < 500_000_000
            await until(lambda: door.webhooks.open == 0)
            with contextlib.suppress(ConnectionResetError):
                while await asyncio.wait_for(loop.sock_recv(stalled, 1 << 20), 60):
                    pass

    async def test_what_is_wrong_is_a_problem(self, door: Door, gateway: Any, tenant: Any) -> None:
        url = f"{door.url}/v1/events/stream"
        problem = {"type": "x", "title": "t", "status": 422, "errors": [{"field": "after", "message": "m"}]}
        for given, status in (
            (JSONResponse(problem, 422), 422),
            (JSONResponse(problem, 503), 503),
            (JSONResponse({"status": 401}, 401), 503),
            (Response("oops", 500), 503),
        ):
            door.webhooks.refuses = given
            answer = await gateway.http.get(url, headers=tenant.auth)
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert (answer.status_code != 503) or int(answer.headers["retry-after"]) > 0
        assert door.streams.open == 0

    async def test_an_absent_service_is_503(self, world: Any, gateway: Any, tenant: Any) -> None:
        async with world.gateway(webhooks_url="http://127.0.0.1:9") as alone:
            answer = await alone.http.get("/v1/events/stream", headers=tenant.auth)
            assert answer.status_code == 503
            assert alone.app.state.gateway.streams.open == 0

    async def test_there_are_so_many_of_a_key_of_a_tenant_and_in_all(self, world: Any) -> None:
        one = world.tenant()
        same = world.tenant(tenant_id=one.id)
        third = world.tenant(tenant_id=one.id)
        bounds: dict[str, Any] = {
            "max_event_streams_per_key": 1,
            "max_event_streams_per_tenant": 2,
            "max_event_streams": 3,
        }
        async with opened(world, **bounds) as door, world.gateway() as asking:
            url = f"{door.url}/v1/events/stream"

            async def refused(tenant: Any) -> int:
                answer = await asking.http.get(url, headers=tenant.auth)
                assert int(answer.headers["retry-after"]) > 0
                return int(answer.status_code)

            async with reading(url, one.auth), reading(url, same.auth):
                assert await refused(one) == 429
                assert await refused(third) == 429
                async with reading(url, world.tenant().auth):
                    assert await refused(world.tenant()) == 503
            await until(lambda: door.streams.open == 0)
            async with reading(url, one.auth):
                pass
