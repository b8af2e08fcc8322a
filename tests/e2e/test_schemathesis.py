"""Requests made up from the served description, sent to the whole stack: of every route for keys, older ones too, and of the
management API as a key may use it. Some are made up at random, half of these about things that are there and with a mostly
good body; others are the edges of each field.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import uuid4

import pytest
import requests
from schemathesis.core.failures import FailureGroup
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
from tests.e2e.surface import BODIES, OF_KEYS, QUERIES, filled, is_endless
from tests.e2e.world import World, until
from tests.exploring import Explorer, operations_of
from tests.wandering import wander

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

EXAMPLES: Final = 8
EDGES: Final = 12
EDGES_OF_MANAGEMENT: Final = 6
ROUNDS: Final = 12
STEPS: Final = 8
LEAST_LED: Final = 4
"""Operations that went well with an id from the answer before; else the walks lead nowhere."""
WALKED: Final = tuple(
    f"/v1/{name}"
    for name in (
        "customers",
        "email",
        "operations",
        "payment-links",
        "payments",
        "plans",
        "refunds",
        "sms",
        "subscriptions",
        "suppressions",
        "webhook-endpoints",
    )
)
_TURNS: Final = {"delete": 4, "patch": 2, "post": 1}
_OTHERWISE: Final = {
    "/split/{payment_id}": {"payment_id": "split_payment_id"},
    "/{payment_id}/capture": {"payment_id": "authorized_payment_id"},
    "/sms/templates/": {"template_id": "sms_template_id"},
    "/sms/batches/{batch_id}/cancel": {"batch_id": "planned_sms_batch_id"},
    "/email/batches/{batch_id}/cancel": {"batch_id": "planned_batch_id"},
    "/sms/batches/": {"batch_id": "sms_batch_id"},
    "/sms/{sms_id}/cancel": {"sms_id": "planned_sms_id"},
    "/email/{email_id}/cancel": {"email_id": "planned_email_id"},
    "/uploads/{upload_id}/parts": {"upload_id": "parted_upload_id"},
    "/uploads/{upload_id}/complete": {"upload_id": "made_upload_id"},
    "/uploads/{upload_id}/abort": {"upload_id": "aborted_upload_id"},
}
"""Part of a path → which thing is meant, where not the usual one of its name; the first that fits."""
_NEVER_DONE: Final = frozenset({"cancel_payment"})
"""Razorpay has no call for it."""


@dataclass(frozen=True)
class Home:
    """A tenant with something of everything."""

    headers: dict[str, str]
    ids: dict[str, str]


@pytest.fixture
async def home(world: World) -> AsyncIterator[Home]:
    owner = await sign_up(world, f"explorer-{uuid4().hex[:6]}")
    await connect(world, owner, "test", "explorer's")
    await connect_messaging(world, owner, "test")
    bucket = await connect_storage(world, owner, "test")
    limits = {"rate_limit_per_s": 1000, "rate_burst": 2000}
    made = await owner.client.post("/api/api-keys", json={"name": "explorer", "scopes": ["*"], **limits})
    key = made.json()["key"]
    world.secrets.append(key)
    another = await owner.client.post("/api/api-keys", json={"name": "another", "scopes": ["payments:read"]})
    world.secrets.append(another.json()["key"])
    async with world.client(key) as api:
        ids = {"category": "payments", "key_id": another.json()["id"]} | await paid_things(world, api)
        ids |= await billing_things(world, api, f"explorer-{uuid4().hex[:6]}")
        ids |= await sent_things(api, f"explorer-{uuid4().hex[:6]}")
        ids |= await stored_things(api, bucket)
        path = f"/v1/subscriptions/{ids['subscription_id']}"
        await PAYERS["razorpay"].agree(world, (await api.get(path)).json())

        async def has_begun() -> bool:
            return bool((await api.get(path)).json()["status"] == "active")

        await until(has_begun, f"{path} to be active")
    yield Home({"Authorization": f"Bearer {key}", "Prefer": "wait=4"}, ids)
    await owner.client.aclose()


def _turn(operation: Any) -> tuple[int, str]:
    """What ends a thing comes last, and a draft is changed before it is published."""
    if operation.path.endswith(("/cancel", "/disable", "{endpoint_id}/pause")):
        return 3, operation.path
    return 2 if operation.path.endswith("/publish") else _TURNS.get(operation.method, 0), operation.path


def _things(home: Home, path: str) -> dict[str, str]:
    others = next((names for part, names in _OTHERWISE.items() if part in path), {})
    return home.ids | {usual: home.ids[other] for usual, other in others.items()}


async def _described(world: World, *prefixes: str) -> tuple[dict[str, Any], list[Any]]:
    """The served description, and its operations under these paths."""
    document: dict[str, Any] = (await world.api.get("/openapi.json")).json()
    operations = [
        one
        for one in operations_of(document)
        if one.path.startswith(prefixes) and not is_endless(document["paths"][one.path][one.method])
        if "{key}" not in one.path  # bytes of any kind: of them nothing can be wrong
    ]
    return document, sorted(operations, key=_turn)


async def test_answers_what_is_made_up_as_it_says(world: World, home: Home) -> None:
    document, operations = await _described(world, *OF_KEYS)
    assert len(operations) > 100
    failures: list[str] = []
    statuses: dict[str, set[int]] = {}
    with requests.Session() as session:
        explorer = Explorer(_url(world), session, examples=EXAMPLES, timeout_s=30)
        for operation in operations:
            raw = document["paths"][operation.path][operation.method]
            good, asked = None, QUERIES.get(f"{operation.method.upper()} {operation.path}")
            if "requestBody" in raw:
                good = filled(BODIES.get(f"{operation.method.upper()} {operation.path}", {}), home.ids)
            explore = partial(
                explorer.explore, operation, home.headers, _things(home, operation.path), good, asked=asked
            )
            try:
                statuses[raw["operationId"]] = await asyncio.to_thread(explore)
            except (Exception, FailureGroup) as error:
                failures.append(f"{operation.label}: {error}"[:2_000])
        for operation in operations:
            things = _things(home, operation.path)
            failures += await asyncio.to_thread(explorer.cover, operation, home.headers, things, EDGES)
    assert not failures, "\n\n".join(failures)
    never_done = {name for name, seen in statuses.items() if not any(status < 400 for status in seen)}
    assert never_done <= _NEVER_DONE, {name: statuses[name] for name in never_done}


async def test_what_an_answer_names_can_be_asked_for(world: World, home: Home) -> None:
    """From step to step: what was made is there at once, and goes on to be refunded, canceled, sent again."""
    document, _ = await _described(world)
    walked = {
        path: methods
        for path, methods in document["paths"].items()
        if path.startswith(WALKED) and not any(one.get("deprecated") for one in methods.values())
    }
    bodies = {label: filled(body, home.ids) for label, body in BODIES.items()}
    with requests.Session() as session:
        walk = partial(wander, {**document, "paths": walked}, _url(world), session, home.headers, bodies.get, home.ids)
        seen, wrong = await asyncio.to_thread(partial(walk, rounds=ROUNDS, steps=STEPS))
    assert not wrong, "\n\n".join(wrong)
    led = {operation for before, operation, status in seen if before and "{" in operation and status < 300}
    assert len(led) >= LEAST_LED, seen


async def test_the_management_api_answers_a_key_through_the_gateway_as_it_says(world: World, home: Home) -> None:
    """What an owner may do besides is explored at the registry itself."""
    _, operations = await _described(world, "/api/")
    failures: list[str] = []
    with requests.Session() as session:
        explorer = Explorer(_url(world), session, examples=1, timeout_s=30)
        for operation in operations:
            if not operation.path.startswith(OF_KEYS):
                failures += await asyncio.to_thread(explorer.cover, operation, home.headers, {}, EDGES_OF_MANAGEMENT)
                session.cookies.clear()
    assert not failures, "\n\n".join(failures)


def _url(world: World) -> str:
    return world.stack.services["gateway"].spec.url
