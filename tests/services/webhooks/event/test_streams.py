"""Events as they come, over real HTTP."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from tests.services.gateway.serving import served
from tests.sse import reading

from onerouter_common.web.bounded import BoundedHttp
from onerouter_common.web.internal import TenantContext
from onerouter_webhooks.event.bodies import unpack
from onerouter_webhooks.event.cursor import BEGINNING, position_of
from onerouter_webhooks.event.reading import Wanted
from onerouter_webhooks.event.streams import EventStreams, Pace
from onerouter_webhooks.state import Services

from ..conftest import Running, StartService, eventually


def streams_of(service: Running) -> EventStreams:
    services: Services = service.app.state.services
    return services.streams


@asynccontextmanager
async def address_of(service: Running, pace: Pace | None = None) -> AsyncIterator[str]:
    if pace is not None:
        streams_of(service)._pace = pace
    async with served(service.app, http=BoundedHttp) as url:
        yield f"{url}/internal/events/stream"


async def publish(service: Running, count: int, **changes: Any) -> list[str]:
    events = [service.event(sequence=number, **changes) for number in range(1, count + 1)]
    for event in events:
        await service.publish(event)
    return [event.id for event in events]


async def test_an_event_is_told_at_once_as_it_is_delivered(service: Running) -> None:
    async with address_of(service) as url, reading(url, service.owner()) as reader:
        event = service.event()
        await service.publish(event)
        told = await reader.next()
        assert told is not None
        assert told.type == "payment.succeeded"
        assert told.id
        assert told.data.encode() == unpack(
            await service.admin.fetchval("SELECT body FROM events WHERE id = $1", event.id)
        )
        assert reader.retry_ms is not None
        await service.publish(service.event(tenant_id="ten_other"))
        [own] = await publish(service, 1)
        second = await reader.next()
        assert second is not None
        assert json.loads(second.data)["id"] == own


async def test_who_comes_back_goes_on_where_it_stopped(service: Running) -> None:
    """Also one that was cut off before it was told anything, and one whose service was started again."""
    async with address_of(service) as url:
        async with reading(url, service.owner()) as reader:
            sent = await publish(service, 6)
            got = await reader.take(2)
            begun = reader.last_id
        later = await publish(service, 5)
        async with reading(url, {**service.owner(), "Last-Event-ID": begun}) as reader:
            got += await reader.take(9)
        # In the order of their commits: events of several resources come by several partitions.
        assert sorted(json.loads(one.data)["id"] for one in got) == sorted([*sent, *later])
        async with reading(f"{url}?after={begun}&types=refund.*", service.owner()) as reader:
            await publish(service, 3)
            [refund] = await publish(service, 1, type="refund.succeeded")
            answer = await reader.next()
            assert answer is not None
            assert json.loads(answer.data)["id"] == refund


async def test_no_gap_and_no_repeat_when_readers_come_and_go(start_service: StartService) -> None:
    sent: list[str] = []
    got: list[str] = []

    async with start_service() as service, address_of(service) as url:
        streaming = streams_of(service)
        begin = await service.http.get("/internal/events?after=now", headers=service.owner())
        cursor = begin.json()["iterator"]

        async def write() -> None:
            for _ in range(8):
                sent.extend(await publish(service, 5))

        writing = asyncio.create_task(write())
        while len(got) < 40:
            async with reading(url, {**service.owner(), "Last-Event-ID": cursor}) as reader:
                for told in await reader.take(min(7, 40 - len(got))):
                    got.append(json.loads(told.data)["id"])
                    cursor = told.id
        await writing
        await eventually(lambda: streaming.open == 0, what="every stream closed")
    assert sorted(got) == sorted(sent)
    assert len(set(got)) == 40


async def test_a_quiet_stream_has_a_heartbeat(service: Running) -> None:
    async with address_of(service, Pace(heartbeat_s=0.1)) as url, reading(url, service.owner()) as reader:
        waiting = asyncio.create_task(reader.next(20))
        await eventually(lambda: reader.comments.count("hb") >= 3, what="heartbeats")
        await publish(service, 1)
        assert await waiting is not None


async def test_who_wants_what_is_rare_is_told_how_far_it_was_looked_for(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that who is cut off meanwhile begins there, and not once more where it began."""
    monkeypatch.setattr("onerouter_webhooks.event.reading.LOOKED_AT", 3)
    await publish(service, 10)
    mine, stored = service.connection.tenant_id, "SELECT count(*) = $1 FROM events WHERE tenant_id = $2"
    await eventually(lambda: service.admin.fetchval(stored, 10, mine))
    [refund] = await publish(service, 1, type="refund.succeeded")
    await eventually(lambda: service.admin.fetchval(stored, 11, mine))
    streams = streams_of(service)
    streams._pace = Pace(heartbeat_s=0.0)
    owner = TenantContext(mine, "test")
    frames = streams.frames(owner, BEGINNING, Wanted(("refund.succeeded",)))
    told = [(await anext(frames)).decode().splitlines() for _ in range(5)]
    await frames.aclose()
    assert [lines[0] for lines in told[1:4]] == [":hb"] * 3
    places = [position_of(lines[1].removeprefix("id: "), "id") for lines in told[:5] if lines[1].startswith("id: ")]
    assert BEGINNING == places[0] < places[1] < places[2] < places[3]
    assert json.loads(told[4][2].removeprefix("data: "))["id"] == refund


async def test_what_an_older_transaction_holds_up_is_told_when_that_ends(service: Running) -> None:
    async with address_of(service) as url, reading(url, service.owner()) as reader:
        async with service.admin.acquire() as other:
            transaction = other.transaction()
            await transaction.start()
            await other.fetchval("SELECT pg_current_xact_id()::text")
            [sent] = await publish(service, 1)
            await eventually(lambda: service.admin.fetchval("SELECT count(*) = 1 FROM events WHERE id = $1", sent))
            waiting = asyncio.create_task(reader.next(10))
            done, _ = await asyncio.wait({waiting}, timeout=0.3)
            assert not done
            await transaction.commit()
        told = await waiting
        assert told is not None
        assert json.loads(told.data)["id"] == sent


async def test_a_reader_that_takes_nothing_is_cut_off_and_holds_little(service: Running) -> None:
    """Its connection is closed, too, with whatever was left for it."""
    async with address_of(service, Pace(heartbeat_s=0.1, stall_s=0.5)) as url:
        body = json.dumps({"type": "payment.succeeded", "data": "x" * 19_000})
        await service.admin.execute(
            "INSERT INTO events (id, occurred_at, tenant_id, environment, category, type, resource_kind, resource_id,"
            " sequence, body, log_partition, log_offset)"
            " SELECT 'evt_' || n, now(), $1, 'test', 'payments', 'payment.succeeded', 'payment', 'pay_1', n, $2, 0, 0"
            " FROM generate_series(1, 2000) n",
            service.connection.tenant_id,
            body.encode(),
        )
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        asked = "".join(f"{name}: {value}\r\n" for name, value in service.owner().items())
        oldest, read = "MC4w", 0
        with socket.socket() as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            stalled.setblocking(False)
            await loop.sock_connect(stalled, (parts.hostname, parts.port))
            await loop.sock_sendall(
                stalled, f"GET {parts.path}?after={oldest} HTTP/1.1\r\nHost: x\r\n{asked}\r\n".encode()
            )
            await eventually(lambda: streams_of(service).open == 1, what="the stream")
            async with reading(f"{url}?after={oldest}", service.owner()) as reader:
                assert len(await reader.take(2_000, 30)) == 2_000, "one that reads is not kept by one that does not"
            await eventually(lambda: streams_of(service).open == 0, what="the end of both")
            with contextlib.suppress(ConnectionResetError):
                while chunk := await asyncio.wait_for(loop.sock_recv(stalled, 65_536), 5):
                    read += len(chunk)
        assert read < 20_000_000


async def test_what_is_refused_is_a_problem_and_no_stream(start_service: StartService) -> None:
    async with start_service(max_event_streams=1) as service, address_of(service) as url:
        async with httpx.AsyncClient(headers=service.owner()) as client:
            for query, headers, field in (
                ("?after=nonsense", {}, "after"),
                ("?types=*.x", {}, "types"),
                ("", {"Last-Event-ID": "nonsense"}, "Last-Event-ID"),
            ):
                answer = await client.get(url + query, headers=headers)
                assert answer.status_code == 422
                assert answer.json()["errors"][0]["field"] == field
            async with reading(url, service.owner()):
                answer = await client.get(url)
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0
        await eventually(lambda: streams_of(service).open == 0, what="a free place")
        async with reading(url, service.owner()):
            pass


async def test_streams_end_when_the_process_is_to_stop(service: Running) -> None:
    async with address_of(service) as url, reading(url, service.owner()) as reader:
        service.app.state.draining = True
        assert await reader.next(5) is None
