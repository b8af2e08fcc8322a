"""Events of one resource in their order, and nobody else delayed."""

import random
from typing import Any

import orjson
from aiohttp import web

from onerouter_common.contracts.events import EventResource

from ..conftest import Got, Receiver, Running, StartService, eventually
from .test_delivering import status_of
from .test_over_days import answering


def told_of(got: Got) -> tuple[str, int]:
    body = orjson.loads(got.body)
    return body["resource"]["id"], body["sequence"]


async def publish(service: Running, resource: str, sequences: range) -> None:
    for sequence in sequences:
        event = service.event(resource=EventResource(kind="payment", id=resource), sequence=sequence)
        await service.publish(event)


async def test_strictly_though_one_in_ten_fails(service: Running, receiver: Receiver) -> None:
    chance = random.Random(7)
    taken: list[tuple[str, int]] = []

    async def sometimes(request: web.Request, _: int) -> web.StreamResponse:
        if chance.random() < 0.1:
            return web.Response(status=500)
        body = orjson.loads(await request.read())
        taken.append((body["resource"]["id"], body["sequence"]))
        return web.Response()

    receiver.answer = sometimes
    await service.create_endpoint(receiver.url, ordering="resource")
    names = [f"pay_{number}" for number in range(4)]
    for start in range(1, 26, 5):
        for name in names:
            await publish(service, name, range(start, start + 5))
    await eventually(lambda: len(taken) == 100)
    assert len(receiver.got) > 100, "some failed"
    for name in names:
        assert [sequence for resource, sequence in taken if resource == name] == list(range(1, 26))


async def test_one_that_waits_for_its_retry_holds_up_its_resource_only(
    start_service: StartService, receiver: Receiver
) -> None:
    async def broken_for_one(request: web.Request, _: int) -> web.StreamResponse:
        return web.Response(status=500 if b"pay_stuck" in await request.read() else 200)

    receiver.answer = broken_for_one
    async with start_service(retry_schedule_s=(3_600,)) as service:
        endpoint = await service.create_endpoint(receiver.url, ordering="resource")
        await publish(service, "pay_stuck", range(1, 6))
        await publish(service, "pay_fine", range(1, 21))
        await status_of(service, endpoint, "succeeded", count=20)
        assert [told_of(one) for one in receiver.got if told_of(one)[0] == "pay_stuck"] == [("pay_stuck", 1)]
        # Its schedule ends: the next goes out.
        await service.admin.execute("UPDATE delivery_queue SET next_at = now() WHERE attempts = 1")
        await status_of(service, endpoint, "exhausted")
        await eventually(lambda: receiver.got[-1:] and told_of(receiver.got[-1]) == ("pay_stuck", 2))


async def test_the_next_goes_out_when_the_one_before_is_taken_not_when_somebody_looks(
    start_service: StartService, receiver: Receiver
) -> None:
    async with start_service(poll_interval_s=10) as service:
        await service.create_endpoint(receiver.url, ordering="resource")
        await publish(service, "pay_1", range(1, 21))
        await eventually(lambda: len(receiver.got) == 20)  # in a minute: who only looks needs three
        assert [told_of(one)[1] for one in receiver.got] == list(range(1, 21))


async def test_shown_changed_and_not_asked_for(service: Running, receiver: Receiver) -> None:
    receiver.answer = answering(200)
    plain = await service.create_endpoint(receiver.url)
    assert (plain["ordering"], plain["rate_per_s"]) == ("none", None)
    asked = await service.create_endpoint(receiver.url, ordering="resource", rate_per_s=2.5)
    assert (asked["ordering"], asked["rate_per_s"]) == ("resource", 2.5)
    path = f"/internal/webhook-endpoints/{asked['id']}"
    back: dict[str, Any] = {"ordering": None, "rate_per_s": None}
    changed = await service.http.patch(path, json=back, headers=service.owner())
    assert (changed.json()["ordering"], changed.json()["rate_per_s"]) == ("none", None)
    for wrong in ({"ordering": "strict"}, {"rate_per_s": 0}, {"rate_per_s": 1e9}):
        answer = await service.http.patch(path, json=wrong, headers=service.owner())
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == next(iter(wrong))
