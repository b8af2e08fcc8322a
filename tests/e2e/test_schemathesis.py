"""Requests made up from the served description of /v1 and /api/v1, sent to the whole stack; half of them about things that
are there, with a mostly good body.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest
import requests
from schemathesis.core.failures import FailureGroup
from tests.e2e.furnishing import billing_things, connect, paid_things
from tests.e2e.payers import PAYERS
from tests.e2e.people import sign_up
from tests.e2e.surface import BODIES, filled
from tests.e2e.world import World, until
from tests.exploring import Explorer, operations_of

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

EXAMPLES: Final = 25
_TURNS: Final = {"delete": 4, "patch": 2, "post": 1}
_OTHERWISE: Final = {"/split/{payment_id}": "split_payment_id", "/{payment_id}/capture": "authorized_payment_id"}
"""Part of a path → what its payment is, where not the usual one."""
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
    limits = {"rate_limit_per_s": 1000, "rate_burst": 2000}
    made = await owner.client.post("/api/api-keys", json={"name": "explorer", "scopes": ["*"], **limits})
    key = made.json()["key"]
    world.secrets.append(key)
    async with world.client(key) as api:
        ids = {"category": "payments"} | await paid_things(world, api)
        ids |= await billing_things(world, api, f"explorer-{uuid4().hex[:6]}")
        path = f"/v1/subscriptions/{ids['subscription_id']}"
        await PAYERS["razorpay"].agree(world, (await api.get(path)).json())

        async def has_begun() -> bool:
            return bool((await api.get(path)).json()["status"] == "active")

        await until(has_begun, f"{path} to be active")
    yield Home({"Authorization": f"Bearer {key}", "Prefer": "wait=4"}, ids)
    await owner.client.aclose()


def _turn(operation: Any) -> tuple[int, str]:
    """What ends a thing comes last."""
    return 3 if operation.path.endswith("/cancel") else _TURNS.get(operation.method, 0), operation.path


async def test_answers_what_is_made_up_as_it_says(world: World, home: Home) -> None:
    document: dict[str, Any] = (await world.api.get("/openapi.json")).json()
    url = world.stack.services["gateway"].spec.url
    failures: list[str] = []
    statuses: dict[str, set[int]] = {}
    operations = [one for one in operations_of(document) if one.path.startswith(("/v1/", "/api/v1/"))]
    assert len(operations) > 50
    with requests.Session() as session:
        explorer = Explorer(url, session, examples=EXAMPLES, timeout_s=30)
        for operation in sorted(operations, key=_turn):
            raw = document["paths"][operation.path][operation.method]
            good = None
            if "requestBody" in raw:
                good = filled(BODIES.get(f"{operation.method.upper()} {operation.path}", {}), home.ids)
            other = next((name for part, name in _OTHERWISE.items() if part in operation.path), "payment_id")
            ids = home.ids | {"payment_id": home.ids[other]}
            try:
                seen = await asyncio.to_thread(explorer.explore, operation, home.headers, ids, good)
                statuses[raw["operationId"]] = seen
            except (Exception, FailureGroup) as error:
                failures.append(f"{operation.label}: {error}"[:2_000])
    assert not failures, "\n\n".join(failures)
    never_done = {name for name, seen in statuses.items() if not any(status < 400 for status in seen)}
    assert never_done <= _NEVER_DONE, {name: statuses[name] for name in never_done}
