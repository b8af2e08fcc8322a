"""Same key, same operation: under concurrent twins, at two gateways, whatever became of Redis."""

import asyncio
from collections import Counter
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from tests.e2e.world import World, check_problem

_TWINS: Final = 25


async def _twins(world: World, key: str, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
    clients = (world.api, world.api_2)
    return await asyncio.gather(
        *(
            clients[number % 2].post("/v1/payments", json=body, headers={"Idempotency-Key": key})
            for number, body in enumerate(bodies)
        )
    )


async def test_identical_requests_at_once_are_one_operation_with_one_effect_and_one_answer(world: World) -> None:
    key = str(uuid4())
    answers = await _twins(world, key, [{"amount": "12.50", "currency": "INR", "receipt": "twin"}] * _TWINS)
    assert Counter(answer.status_code for answer in answers) == {201: _TWINS}
    payment = answers[0].json()
    assert all(answer.json() == payment for answer in answers)
    assert len(await world.effects(payment["id"])) == 1
    assert await world.count("payments", "operations WHERE resource_id = $1", payment["id"]) == 1
    assert (
        await world.count(
            "payments", "attempts a JOIN operations o ON o.id = a.operation_id WHERE o.resource_id = $1", payment["id"]
        )
        == 1
    )
    first = [answer for answer in answers if "idempotency-replayed" not in answer.headers]
    assert len(first) == 1


async def test_of_two_bodies_under_one_key_one_wins_and_the_other_is_refused(world: World) -> None:
    key = str(uuid4())
    bodies = [{"amount": f"{20 + number % 2}.00", "currency": "INR"} for number in range(12)]
    answers = await _twins(world, key, bodies)
    assert Counter(answer.status_code for answer in answers) == {201: 6, 422: 6}
    for answer in answers:
        if answer.status_code == 422:
            check_problem(answer, 422, "IDEMPOTENCY_KEY_REUSED")
    winner = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(winner) == 1
    assert len(await world.effects(winner.pop())) == 1


async def test_a_repeat_gives_the_same_answer_at_another_gateway(world: World) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    body = {"amount": "499.00", "currency": "INR"}
    first = await world.api.post("/v1/payments", json=body, headers=headers)
    again = await world.api_2.post("/v1/payments", json={"currency": "INR", "amount": 499}, headers=headers)
    assert again.status_code == first.status_code
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_key_in_header_and_body_must_be_one(world: World) -> None:
    body = {"amount": "1.00", "currency": "INR", "idempotency_key": "a"}
    answer = await world.api.post("/v1/payments", json=body, headers={"Idempotency-Key": "b"})
    check_problem(answer, 400, "VALIDATION_ERROR")


async def test_a_request_that_was_refused_does_not_use_its_key_up(world: World) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    refused = await world.api.post("/v1/payments", json={"amount": "-1", "currency": "INR"}, headers=headers)
    check_problem(refused, 422, "VALIDATION_ERROR")
    accepted = await world.api.post("/v1/payments", json={"amount": "1.00", "currency": "INR"}, headers=headers)
    assert accepted.status_code == 201, accepted.text


@pytest.mark.parametrize("number", range(3))
async def test_refund_twins_return_the_money_once(world: World, number: int) -> None:
    payment = await world.paid(amount="50.00")
    key = f"refund-twin-{number}-{payment['id']}"
    body = {"payment_id": payment["id"], "amount": "30.00"}
    answers = await asyncio.gather(
        *(
            client.post("/v1/refunds", json=body, headers={"Idempotency-Key": key})
            for client in (world.api, world.api_2) * 5
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    refunded = await world.reached(f"/v1/payments/{payment['id']}", "partially_refunded")
    assert refunded["amount_refunded_minor"] == 3_000


@pytest.mark.parametrize(
    ("path", "body", "shown_again"),
    [
        ("/v1/webhook-endpoints", {"url": "http://127.0.0.1:9/none", "event_types": ["payment.none"]}, True),
        ("/v1/sms/templates", {"body": "Hi {{ name }}"}, True),
        ("/api/api-keys", {"scopes": ["events:read"]}, False),
    ],
)
async def test_what_is_no_operation_is_made_once_too(
    world: World, path: str, body: dict[str, Any], shown_again: bool
) -> None:
    name = f"twin-{uuid4()}"
    called = "description" if path.endswith("endpoints") else "name"
    sent = {**body, called: name}
    headers = {"Idempotency-Key": name}
    clients = (world.api, world.api_2)
    answers = await asyncio.gather(*(clients[number % 2].post(path, json=sent, headers=headers) for number in range(6)))
    assert Counter(answer.status_code for answer in answers) == {201: 6}, [answer.text for answer in answers]
    told = [answer.json() for answer in answers]
    (first,) = [answer.json() for answer in answers if "idempotency-replayed" not in answer.headers]
    world.secrets += [first[secret] for secret in ("secret", "key") if secret in first]
    assert {one["id"] for one in told} == {first["id"]}
    if shown_again:
        assert all(one == first for one in told)
    else:
        assert [one["key"] for one in told if one != first] == [None] * 5
    other = await world.api.post(path, json={**sent, called: "other"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    listed = (await world.api_2.get(path, params={"limit": 100})).json()["data"]
    assert [one["id"] for one in listed if name in (one.get("name"), one.get("description"))] == [first["id"]]
