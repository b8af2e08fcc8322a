"""Events as a programmer reads them: polled and streamed, the same ones in the same order, whatever dies meanwhile."""

import asyncio
import json
from itertools import cycle
from typing import Any

import httpx
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]
from tests.e2e.described import closed
from tests.e2e.world import World, until
from tests.sse import Told, reading


async def now(world: World) -> str:
    """A cursor: from here on."""
    return str((await world.api.get("/v1/events", params={"after": "now"})).json()["iterator"])


async def polled(world: World, cursor: str) -> list[dict[str, Any]]:
    """Everything behind it, page by page."""
    found: list[dict[str, Any]] = []
    done = False
    while not done:
        answer = await world.api.get("/v1/events", params={"after": cursor, "limit": 7})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["data"]
        cursor, done = page["iterator"], page["done"]
    return found


async def follow(world: World, cursor: str, got: list[Told]) -> None:
    """As an application does: connect, read, and come back to whoever answers with the last id."""
    for client in cycle((world.api, world.api_2)):
        auth = {"Authorization": client.headers["authorization"], "Last-Event-ID": cursor}
        try:
            async with reading(f"{client.base_url}/v1/events/stream", auth) as reader:
                while told := await reader.next(60):
                    got.append(told)
                    cursor = told.id
        except (httpx.HTTPError, AssertionError):
            await asyncio.sleep(0.1)


async def test_a_stream_misses_nothing_and_repeats_nothing_while_processes_are_killed(world: World) -> None:
    begun, got = await now(world), list[Told]()
    following = asyncio.create_task(follow(world, begun, got))
    made: list[dict[str, Any]] = []
    try:
        for name in ("webhooks", "gateway-2", "webhooks", None):
            made += await asyncio.gather(*(world.paid() for _ in range(4)))
            if name is not None:
                world.stack.services[name].kill()
                made += await asyncio.gather(*(world.paid() for _ in range(2)))
        succeeded = {payment["id"] for payment in made}

        def are_told() -> bool:
            told = {json.loads(one.data)["resource"]["id"] for one in got if one.type == "payment.succeeded"}
            return succeeded <= told

        await until(are_told, "every payment's success on the stream", lambda: len(got), timeout_s=60)
        listed = await polled(world, begun)
        streamed = [json.loads(one.data) for one in got]
        assert streamed == listed[: len(streamed)]
        assert len({event["id"] for event in listed}) == len(listed)
    finally:
        following.cancel()
        await asyncio.wait({following})


async def test_every_event_is_in_the_catalogue_and_of_its_form(world: World) -> None:
    begun = await now(world)
    payment = await world.paid()
    refund = await world.refund(payment, amount="1.00")
    await world.events_of(refund["id"], "refund.succeeded")
    catalogue = (await world.api.get("/v1/event-types")).json()
    definitions = {name: closed(schema) for name, schema in catalogue["$defs"].items()}
    forms = {one["type"]: {**one["data_schema"], "$defs": definitions} for one in catalogue["data"]}
    own = await polled(world, begun)
    assert {"payment.created", "payment.succeeded", "refund.succeeded"} <= {event["type"] for event in own}
    oldest = (await world.api.get("/v1/events", params={"limit": 100})).json()["data"]
    wrong = set()
    for event in [*own, *oldest]:
        error = best_match(Draft202012Validator(forms[event["type"]]).iter_errors(event["data"]))
        wrong |= {f"{event['type']}: {error.json_path} {error.message}"} if error else set()
    assert not wrong, "\n".join(sorted(wrong))


async def test_an_event_is_found_with_its_deliveries_and_sent_again(world: World) -> None:
    payment = await world.paid()
    told = (await world.events_of(payment["id"], "payment.succeeded"))[-1]
    path = f"/v1/events/{told.body['id']}"

    async def is_delivered() -> bool:
        found = (await world.api.get(path)).json()
        return any(one["status"] == "succeeded" for one in found["deliveries"])

    await until(is_delivered, "its delivery")
    assert {**(await world.api.get(path)).json(), "deliveries": None} == {**told.body, "deliveries": None}
    before = len([one for one in world.subscriber.received if one.body["id"] == told.body["id"]])
    answer = await world.api.post(f"{path}/redeliver", json={})
    assert answer.status_code == 200, answer.text
    assert {one["trigger"] for one in answer.json()["deliveries"]} == {"manual"}

    def is_there_again() -> bool:
        return len([one for one in world.subscriber.received if one.body["id"] == told.body["id"]]) > before

    await until(is_there_again, "the same event once more")
