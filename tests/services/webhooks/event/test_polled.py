"""Events as the gateway asks for them: polled, looked into, sent again."""

import asyncio
import json
from typing import Any

from aiohttp import web

from onerouter_common.ids import EVENT, new_id
from onerouter_webhooks.event.reading import LOOKED_AT

from ..conftest import Receiver, Running, StartService, eventually


async def poll(service: Running, query: str = "", tenant_id: str | None = None) -> dict[str, Any]:
    answer = await service.http.get(f"/internal/events{query}", headers=service.owner(tenant_id))
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def stored(service: Running, count: int) -> None:
    """The log is everybody's: other tests' events are in it."""
    tenant = service.connection.tenant_id
    await eventually(
        lambda: service.admin.fetchval("SELECT count(*) = $1 FROM events WHERE tenant_id = $2", count, tenant),
        what="the events",
    )


async def detail(service: Running, event_id: str) -> dict[str, Any]:
    answer = await service.http.get(f"/internal/events/{event_id}", headers=service.owner())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def redeliver(service: Running, event_id: str, **body: Any) -> Any:
    return await service.http.post(f"/internal/events/{event_id}/redeliver", json=body, headers=service.owner())


async def test_pages_follow_each_other_and_the_iterator_is_always_there(service: Running) -> None:
    assert (await poll(service))["data"] == []
    begun = (await poll(service, "?after=now"))["iterator"]
    sent = [service.event(sequence=number) for number in range(1, 6)]
    for event in sent:
        await service.publish(event)
    await stored(service, 5)
    got: list[Any] = []
    cursor, done = begun, False
    while not done:
        page = await poll(service, f"?limit=2&after={cursor}")
        assert len(page["data"]) <= 2
        got += page["data"]
        cursor, done = page["iterator"], page["done"]
    assert sorted(event["id"] for event in got) == sorted(event.id for event in sent)
    assert (await poll(service, f"?after={cursor}"))["data"] == []
    assert (await poll(service, "?after=now"))["data"] == []
    late = service.event("refund.succeeded")
    await service.publish(late)
    await stored(service, 6)
    assert [event["id"] for event in (await poll(service, f"?after={cursor}"))["data"]] == [late.id]
    chosen = await poll(service, "?types=refund.*,payment.failed")
    assert [event["type"] for event in chosen["data"]] == ["refund.succeeded"]
    assert (await poll(service, tenant_id="ten_nobody"))["data"] == []


async def test_what_is_rare_is_reached_in_several_pages(service: Running) -> None:
    """None of them looks at more than it may, however many others are before it."""
    await service.admin.execute(
        "INSERT INTO events (id, occurred_at, tenant_id, environment, category, type, resource_kind, resource_id,"
        " sequence, body, log_partition, log_offset)"
        " SELECT 'evt_' || n, now(), $1, 'test', 'payments',"
        " CASE WHEN n IN (1, $2 + 1, $2 * 3 + 3) THEN 'refund.failed' ELSE 'payment.succeeded' END,"
        " 'payment', 'pay_1', n, convert_to(n::text, 'UTF8'), 0, 0 FROM generate_series(1, $2 * 3 + 3) n",
        service.connection.tenant_id,
        LOOKED_AT,
    )
    pages: list[dict[str, Any]] = []
    cursor = "MC4w"
    while not pages or not pages[-1]["done"]:
        pages.append(await poll(service, f"?types=refund.*&limit=1&after={cursor}"))
        cursor = pages[-1]["iterator"]
    assert [page["data"] for page in pages] == [[1], [LOOKED_AT + 1], [], [LOOKED_AT * 3 + 3]]
    assert len({page["iterator"] for page in pages}) == 4
    none = await poll(service, "?types=dispute.*")
    assert (none["data"], none["done"]) == ([], False)


async def test_an_event_is_a_place_to_go_on_from(service: Running) -> None:
    for number in range(1, 4):
        await service.publish(service.event(sequence=number))
    await stored(service, 3)
    first, *rest = (await poll(service))["data"]
    assert (await poll(service, f"?after={first['id']}"))["data"] == rest
    for unknown, tenant in ((new_id(EVENT), None), (first["id"], "ten_nobody")):
        answer = await service.http.get(f"/internal/events?after={unknown}", headers=service.owner(tenant))
        assert answer.status_code == 422
        assert "is no event that is kept" in answer.text


async def test_an_event_ahead_of_what_is_being_written_passes_over_none_of_it(service: Running) -> None:
    seen, late = service.event(sequence=1), service.event(sequence=2)
    async with service.admin.acquire() as other, other.transaction():
        await other.execute("SELECT pg_current_xact_id()")
        await service.publish(seen)
        await stored(service, 1)
        page = await poll(service, f"?after={seen.id}")
        assert page["data"] == []
    await service.publish(late)
    await stored(service, 2)
    got = [event["id"] for event in (await poll(service, f"?after={page['iterator']}"))["data"]]
    assert got == [seen.id, late.id]


async def test_what_cannot_be_asked_for_is_named(service: Running) -> None:
    lost = "OTk5OTk5OTk5OTk5OTk5LjE"  # 999999999999999.1: of a database that was put back since
    for query, field in (
        ("?after=nonsense", "after"),
        (f"?after={lost}", "after"),
        ("?types=*.payment", "types"),
        ("?types=" + ",".join(f"payment.{'a' * number}" for number in range(1, 52)), "types"),
        ("?limit=0", "limit"),
        ("?limit=101", "limit"),
    ):
        answer = await service.http.get(f"/internal/events{query}", headers=service.owner())
        assert answer.status_code == 422, (query, answer.text)
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_an_event_is_shown_with_its_deliveries(service: Running, receiver: Receiver) -> None:
    endpoint = await service.create_endpoint(receiver.url)
    event = service.event()
    await service.publish(event)
    await eventually(lambda: receiver.got, what="the delivery")

    async def finished() -> Any:
        found = await detail(service, event.id)
        return found if [one["status"] for one in found["deliveries"]] == ["succeeded"] else None

    found = await eventually(finished, what="the outcome")
    assert {name: found[name] for name in found if name != "deliveries"} == json.loads(receiver.got[0].body)
    assert found["deliveries"][0]["endpoint_id"] == endpoint["id"]
    assert found["deliveries"][0]["trigger"] == "event"
    for other in (new_id(EVENT), "nonsense"):
        answer = await service.http.get(f"/internal/events/{other}", headers=service.owner())
        assert answer.status_code == 404
    foreign = await service.http.get(f"/internal/events/{event.id}", headers=service.owner("ten_other"))
    assert foreign.status_code == 404


class TestRedeliver:
    async def test_goes_once_more_to_those_who_want_it(self, service: Running, receiver: Receiver) -> None:
        wanting = await service.create_endpoint(receiver.url, event_types=["payment.*"])
        other = await service.create_endpoint(receiver.url, event_types=["refund.*"])
        event = service.event()
        await service.publish(event)
        await eventually(lambda: len(receiver.got) == 1, what="the delivery")
        answer = await redeliver(service, event.id)
        assert answer.status_code == 200, answer.text
        assert [one["endpoint_id"] for one in answer.json()["deliveries"]] == [wanting["id"]]
        await eventually(lambda: len(receiver.got) == 2, what="the second delivery")
        assert receiver.got[1].body == receiver.got[0].body
        assert receiver.got[1].headers["webhook-id"] == event.id
        answer = await redeliver(service, event.id, endpoint_id=other["id"])
        assert [one["endpoint_id"] for one in answer.json()["deliveries"]] == [other["id"]]
        await eventually(lambda: len(receiver.got) == 3, what="the third delivery")

    async def test_is_tried_once_and_leaves_the_schedule_alone(
        self, start_service: StartService, receiver: Receiver
    ) -> None:
        async def busy(_: web.Request, number: int) -> web.StreamResponse:
            return web.Response(status=200 if number >= 3 else 500)

        receiver.answer = busy
        async with start_service(retry_schedule_s=(3_600,)) as service:
            await service.create_endpoint(receiver.url)
            event = service.event()
            await service.publish(event)
            await stored(service, 1)

            async def statuses() -> dict[str, list[str]]:
                shown: dict[str, list[str]] = {"event": [], "manual": []}
                for one in (await detail(service, event.id))["deliveries"]:
                    shown[one["trigger"]].append(one["status"])
                return shown

            async def reached(event_ones: list[str], manual: list[str]) -> bool:
                found = await statuses()
                return (found["event"], found["manual"]) == (event_ones, manual)

            async def failed_once() -> bool:
                found = (await detail(service, event.id))["deliveries"]
                return [one["attempt_count"] for one in found] == [1]

            await eventually(failed_once, what="the first attempt")
            await redeliver(service, event.id)
            await eventually(lambda: reached(["pending"], ["exhausted"]), what="a manual attempt that failed")
            await redeliver(service, event.id)
            await eventually(
                lambda: reached(["canceled"], ["succeeded", "exhausted"]), what="what was owed, settled by hand"
            )
            assert len(receiver.got) == 3

    async def test_says_why_not(self, service: Running, receiver: Receiver) -> None:
        event = service.event()
        await service.publish(event)
        await stored(service, 1)
        assert (await redeliver(service, event.id)).status_code == 409
        unknown = await redeliver(service, event.id, endpoint_id="we_unknown")
        assert unknown.status_code == 422
        assert unknown.json()["errors"][0]["field"] == "endpoint_id"
        assert (await redeliver(service, new_id(EVENT))).status_code == 404
        endpoint = await service.create_endpoint(receiver.url)
        await service.admin.execute("UPDATE webhook_endpoints SET status = 'paused'")
        assert (await redeliver(service, event.id, endpoint_id=endpoint["id"])).status_code == 409
        assert (await redeliver(service, event.id)).status_code == 409

    async def test_asked_for_again_and_again_it_is_one(self, service: Running, receiver: Receiver) -> None:
        let_go = asyncio.Event()

        async def slow(_: web.Request, __: int) -> web.StreamResponse:
            await let_go.wait()
            return web.Response()

        event = service.event()
        await service.publish(event)
        await stored(service, 1)
        receiver.answer = slow
        await service.create_endpoint(receiver.url)
        for _ in range(5):
            assert len((await redeliver(service, event.id)).json()["deliveries"]) == 1
        let_go.set()
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 1 FROM deliveries"))
        assert len(receiver.got) == 1
