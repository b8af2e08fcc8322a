"""Every route under /v1 and /api/v1, answered by the whole stack, says what the served description says, to the field."""

import json
from typing import Any
from uuid import uuid4

import pytest
from tests.e2e.described import OF_KEYS, Description, Witness
from tests.e2e.furnishing import (
    billing_things,
    connect,
    connect_messaging,
    connect_storage,
    paid_things,
    sent_things,
    stored_things,
)
from tests.e2e.payers import PAYERS
from tests.e2e.people import sign_up
from tests.e2e.surface import BODIES, Route, call, routes_of, statuses_of
from tests.e2e.world import World

_LAST = {"DELETE": 3, "PATCH": 2, "POST": 1}
_VERBS = ("pause", "resume", "change_plan")
_AGREED = frozenset(f"POST /v1/subscriptions/{{subscription_id}}/{verb}" for verb in _VERBS)
"""Done to a subscription that its payer has agreed to, at each provider."""
_NEVER_DONE = frozenset({"POST /v1/payments/{payment_id}/cancel"})
"""Razorpay has no call for it."""


def _turn_of(route: Route) -> tuple[int, bool, str]:
    """What is deleted comes last, and what is paused when nothing more is done to it."""
    return _LAST.get(route.method, 0), route.path.endswith("/pause"), route.path


@pytest.fixture(scope="module")
async def description(world: World) -> Description:
    return Description((await world.api.get("/openapi.json")).json())


def check(description: Description, witness: Witness) -> set[str]:
    """The operations that were answered with success. Fails with every difference that was found."""
    found, done = set[str](), set[str]()
    for answer in witness.answers:
        if not answer.request.url.path.startswith(OF_KEYS):
            continue
        name, wrong = description.check(answer)
        found |= {f"{name}: {wrong}"} if wrong else set()
        done |= {name} if answer.is_success and max(statuses_of(answer)) < 300 else set()
    assert not found, "\n".join(sorted(found))
    return done


async def test_every_route_answers_as_described(world: World, description: Description) -> None:
    owner = await sign_up(world, f"clerk-{uuid4().hex[:6]}")
    await connect(world, owner, "test", "clerk's")
    await connect_messaging(world, owner, "test")
    bucket = await connect_storage(world, owner, "test")
    made = await owner.client.post("/api/api-keys", json={"name": "clerk", "scopes": ["*"]})
    world.secrets.append(made.json()["key"])
    other = await owner.client.post("/api/api-keys", json={"name": "another", "scopes": ["payments:read"]})
    world.secrets += [other.json()["key"]]
    routes = [route for route in await routes_of(world.api) if route.is_for_keys]
    async with _witness(world, made.json()["key"]) as witness:
        ids = {"category": "payments", "key_id": other.json()["id"]} | await paid_things(world, witness)
        ids |= await billing_things(world, witness, f"clerk-{uuid4().hex[:6]}")
        ids |= await sent_things(witness, f"clerk-{uuid4().hex[:6]}")
        ids |= await stored_things(witness, bucket)
        for route in sorted(routes, key=_turn_of):
            await call(witness, route, ids, {})
            await _wrongly(witness, route, ids)
        await _by_action(witness, ids["payment_id"])
        await _by_storage_action(witness, bucket)
        done = check(description, witness)
    await owner.client.aclose()
    missing = set(description.operations()) - done - _NEVER_DONE - _AGREED
    assert not missing, "\n".join(_refusals(description, witness, missing))


def _refusals(description: Description, witness: Witness, names: set[str]) -> list[str]:
    """What was answered instead."""
    answered = ((description.check(answer)[0], answer) for answer in witness.answers)
    return sorted({f"{name}: {answer.status_code} {answer.text[:200]}" for name, answer in answered if name in names})


@pytest.mark.parametrize("name", sorted(PAYERS))
async def test_every_providers_things_are_as_described(world: World, description: Description, name: str) -> None:
    payer = PAYERS[name]
    money = {"amount": "10.00", "currency": payer.currency, "provider": payer.provider}
    async with _witness(world, world.api.headers["authorization"].removeprefix("Bearer ")) as witness:
        await _made(witness, "/v1/payments", **money)
        plan = await _made(witness, "/v1/plans", name="Pro", interval="month", trial_days=7, **money)
        who = {"name": "Asha", "email": f"{uuid4().hex[:8]}@example.com", "provider": payer.provider}
        customer = await _made(witness, "/v1/customers", **who)
        body = {"plan_id": plan["id"], "customer_id": customer["id"], "total_count": 12}
        subscription = await _made(witness, "/v1/subscriptions", **body)
        await payer.agree(world, subscription)
        path = f"/v1/subscriptions/{subscription['id']}"
        await world.reached(path, "trialing")
        await payer.days_pass(world, 8)
        await world.reached(path, "active")
        await witness.get(path)
        other = await _made(witness, "/v1/plans", name="More", interval="month", **money)
        for verb in (*_VERBS, "cancel"):
            said = {"new_plan_id": other["id"], "prorate": False} if verb == "change_plan" else {}
            await _made(witness, f"{path}/{verb}", 200, **said)
        link = await _made(witness, "/v1/payment-links", **money)
        await _made(witness, f"/v1/payment-links/{link['id']}/cancel", 200)
        for kind in ("payments", "plans", "customers", "subscriptions", "payment-links", "operations", "refunds"):
            listed = await witness.get(f"/v1/{kind}", params={"limit": 2})
            assert listed.status_code == 200, listed.text
        operations = (await witness.get("/v1/operations")).json()["data"]
        for operation in operations[:6]:
            await witness.get(f"/v1/operations/{operation['id']}/timeline")
        assert check(description, witness) >= _AGREED


async def _wrongly(witness: Witness, route: Route, ids: dict[str, str]) -> None:
    """What goes wrong is described, too."""
    nobodys = dict.fromkeys(ids, "nobody") | {"category": "payments"}
    await call(witness, route, nobodys, {})
    if route.method == "GET":
        await witness.get(route.path.format_map(ids), params={"limit": "many", "cursor": "?", "period": "eternity"})
    else:
        path = route.path.format_map(ids)
        await witness.request(route.method, path, content=b"{", headers={"Content-Type": "application/json"})
        await witness.request(route.method, path, content=b"a=1", headers={"Content-Type": "text/plain"})
        body = {**BODIES.get(route.name, {}), "amount": "none", "notes": []}
        await witness.request(
            route.method, path, content=json.dumps(body), headers={"Content-Type": "application/json"}
        )


async def _by_action(witness: Witness, payment_id: str) -> None:
    for action in ("create", "get", "status", "list", "refund", "capture", "cancel"):
        amount = {"amount": 100} if action in ("create", "refund") else {}
        for headers in ({}, {"Prefer": "respond-async"}):
            body = {"action": action, "data": {"payment_id": payment_id, **amount}}
            await witness.post("/api/v1/services/payments", json=body, headers=headers)
    for path in ("/v1/payments", "/api/v1/payments"):
        await witness.post(path, json={"amount": 5}, headers={"Prefer": "respond-async"})


async def _by_storage_action(witness: Witness, bucket: str) -> None:
    for action, more in (
        ("upload", {"content": "aGVsbG8="}),
        ("upload", {"size": 5}),
        ("download", {}),
        ("list", {}),
        ("delete", {}),
        ("none", {}),
    ):
        key = {} if action == "list" else {"key": "by-action"}
        await witness.post(
            "/api/v1/services/storage", json={"action": action, "data": {"bucket": bucket, **key, **more}}
        )


def _witness(world: World, key: str) -> Witness:
    return Witness(world.stack.services["gateway"].spec.url, {"Authorization": f"Bearer {key}"})


async def _made(witness: Witness, path: str, expect: Any = 201, **body: Any) -> dict[str, Any]:
    answer = await witness.post(path, json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code == expect, f"{path}: {answer.status_code} {answer.text}"
    made: dict[str, Any] = answer.json()
    return made
