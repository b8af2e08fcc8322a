"""Nobody reaches what is another tenant's, nor what their role or key does not give.

The matrix is made from the document the gateway serves: a route that is added tomorrow is in it, and fails here until it is
said which of the house's things it names. The last test is the control: the owner can do all that the others could not.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

import asyncpg
import httpx
import pytest
from tests.e2e.furnishing import (
    LIVE,
    billing_things,
    connect,
    connect_messaging,
    connect_storage,
    paid_things,
    sent_things,
    stored_things,
)
from tests.e2e.people import SignedIn, join, sign_up
from tests.e2e.surface import BODIES, NAMES, Route, call, in_path, routes_of, statuses_of
from tests.e2e.tenants import admin_dsn
from tests.e2e.world import World, until

from onerouter_common.ids import IDENTITY, new_id
from onerouter_local.environment import OWNERS_OF_DATABASES

REFUSED: Final = {403, 404}
_EVENTS: Final = ("/v1/events", "/v1/event-types")
_OTHER_READS: Final = (
    *_EVENTS,
    "/v1/webhook-endpoints",
    "/v1/deliveries",
    "/v1/sms",
    "/v1/email",
    "/v1/suppressions",
    "/v1/storage",
    "/sms",
    "/email",
    "/api/v1/api-keys",
)
"""Not of payments."""
_ANY_KEYS: Final = ("/v1/services",)
"""Says what the asking key can use."""
_PERSONAL: Final = ("/api/auth/", "/api/account")
"""Speaks of nobody but the caller, and names nothing of anyone else's but sessions."""
_OUTSIDE: Final = frozenset({"/api/catalogue", "/api/catalogue/{category}/{provider}"})
"""The same for everyone."""
_VOLATILE: Final = (
    "last_used_at",
    "last_seen_at",
    "next_check_at",
    "verified_at",
    "granted",
    "due_at",
    "updated_at",
    "polled_at",
)


@dataclass
class House:
    """A tenant with something of everything, in both environments."""

    owner: SignedIn
    viewer: SignedIn
    key: str
    ids: dict[str, dict[str, str]] = field(default_factory=dict)
    """Environment → name of a path parameter → id."""
    words: list[str] = field(default_factory=list)
    """What is only this tenant's: must not be read by others."""


@pytest.fixture(scope="module")
async def house(world: World) -> AsyncIterator[House]:
    owner = await sign_up(world, f"hatter-{uuid4().hex[:6]}")
    viewer = await join(world, owner, f"dormouse-{uuid4().hex[:6]}", "viewer")
    made = House(owner, viewer, "", words=[owner.email, viewer.email, owner.tenant_id])
    for environment in ("test", "live"):
        made.ids[environment] = await _furnish(world, made, environment)
    await until(lambda: _vendors_rest(world, owner), "vendors to be asked about for the last time")
    yield made
    await owner.client.aclose()
    await viewer.client.aclose()


@pytest.fixture(scope="module")
async def stranger(world: World) -> AsyncIterator[SignedIn]:
    """With accounts of its own: it is refused for what it asks, not for having nothing."""
    person = await sign_up(world, f"stranger-{uuid4().hex[:6]}")
    for environment in ("test", "live"):
        await connect(world, person, environment, "stranger's")
        await connect_messaging(world, person, environment)
        await connect_storage(world, person, environment)
    yield person
    await person.client.aclose()


@pytest.fixture(scope="module")
async def routes(world: World) -> list[Route]:
    found = await routes_of(world.api)
    assert len(found) > 60, "the document lacks the management API"
    return found


async def test_another_tenants_people_and_keys_reach_nothing(
    world: World, house: House, stranger: SignedIn, routes: list[Route]
) -> None:
    keys = {environment: await _key(world, stranger, environment) for environment in ("test", "live")}
    before = await _belongings(world, house)
    for environment in ("test", "live"):
        headers = LIVE if environment == "live" else {}
        async with world.client(keys[environment]) as by_key:
            for route in routes:
                if route.path in _OUTSIDE or _is_skipped(route) or route.name in _ENDS_THE_CALLER:
                    continue
                for client in (stranger.client, by_key):
                    answer = await call(client, route, house.ids[environment], headers)
                    _check_refused(route, answer, house, sent=house.ids[environment])
            own = await by_key.post("/v1/payments", json=BODIES["POST /v1/payments"])
            assert own.status_code == 201, f"they were refused for another reason: {own.text}"
    assert await _belongings(world, house) == before


async def test_a_viewer_changes_nothing(world: World, house: House, routes: list[Route]) -> None:
    before = await _belongings(world, house)
    for environment, headers in (("test", {}), ("live", LIVE)):
        for route in routes:
            if (
                route.is_for_keys
                or route.path.startswith(_PERSONAL)
                or route.path in _OUTSIDE
                or route.name in _OWN_AFFAIR
            ):
                continue
            answer = await call(house.viewer.client, route, house.ids[environment], headers)
            may = route.is_read and not route.is_operators and "audit:read" not in route.scopes
            assert answer.status_code in ({200} if may else REFUSED), (
                f"{route.name}: {answer.status_code} {answer.text}"
            )
    assert await _belongings(world, house) == before


async def test_a_test_key_sees_nothing_of_live(world: World, house: House, routes: list[Route]) -> None:
    before = await _belongings(world, house)
    async with world.client(house.key) as client:
        for route in routes:
            if route.path in _OUTSIDE or _is_skipped(route):
                continue
            asked_for_live = await call(client, route, house.ids["live"], LIVE)
            assert asked_for_live.status_code in {401, 403}, f"{route.name}: {asked_for_live.text}"
            if route.names_something:
                by_id = await call(client, route, house.ids["live"], {})
                refused = REFUSED | _refused_as_wrong(route)
                assert statuses_of(by_id) <= refused, f"{route.name}: {by_id.status_code} {by_id.text}"
    assert await _belongings(world, house) == before


@pytest.mark.parametrize("scope", ["events:read", "payments:read"])
async def test_a_key_does_no_more_than_its_scopes(world: World, house: House, routes: list[Route], scope: str) -> None:
    key = await _key(world, house.owner, "test", scope)
    before = await _belongings(world, house)
    async with world.client(key) as client:
        for route in routes:
            if not route.is_for_keys:
                continue
            answer = await call(client, route, house.ids["test"], {})
            is_its = route.path.startswith(_EVENTS) == (scope == "events:read")
            may = route.is_read and is_its and (scope == "events:read" or not route.path.startswith(_OTHER_READS))
            may = may or route.path in _ANY_KEYS
            assert answer.status_code == (200 if may else 403), f"{route.name}: {answer.status_code} {answer.text}"
    assert await _belongings(world, house) == before


async def test_without_a_key_or_session_there_is_only_the_catalogue(
    world: World, house: House, routes: list[Route]
) -> None:
    async with world.client(None) as client:
        for route in routes:
            answer = await call(client, route, house.ids["test"], {})
            if route.path in _OUTSIDE:
                assert answer.status_code == 200, route.name
            elif not route.path.startswith("/api/auth/") and route.path != "/api/invitations/accept":
                assert answer.status_code == 401, f"{route.name}: {answer.status_code} {answer.text}"


async def test_the_owner_can_do_what_the_others_could_not(world: World, house: House, routes: list[Route]) -> None:
    """The control: with the same ids and bodies nothing is refused for being absent, forbidden or malformed.

    And whatever the owner changed is in the audit log.
    """
    order = {"HEAD": 0, "GET": 0, "POST": 1, "PATCH": 2, "PUT": 2, "DELETE": 3}
    ids = house.ids["test"]
    async with world.client(house.key) as by_key:
        for route in sorted(routes, key=lambda one: (one.path == "/api/tenant/delete", order[one.method], one.path)):
            if route.path in _OUTSIDE or route.is_operators or route.path.startswith(_PERSONAL):
                continue
            if route.name in _OWN_AFFAIR:
                continue
            client = by_key if route.is_for_keys else house.owner.client
            entries = await _audited(world, house)
            answer = await call(client, route, ids, {})
            wrong = {401, 403, 404} | ({400, 422} - _EXPECTED.get(route.name, set()))
            assert not statuses_of(answer) & wrong, f"{route.name}: {answer.status_code} {answer.text}"
            if not (route.is_read or route.is_for_keys) and answer.is_success:
                changed = await _audited(world, house) - entries
                assert changed or route.name in _CHANGES_NOTHING, f"{route.name} is not in the audit log"
    await house.owner.client.post("/api/tenant/undelete")


_CHANGES_NOTHING: Final = frozenset(
    {
        "POST /api/services/{service}/{provider}/test",  # what was accepted still is
        "POST /api/tenant/undelete",  # nothing was deleted
    }
)
_OWN_AFFAIR: Final = frozenset(
    {
        "POST /api/tenants",  # makes a tenant of the caller's own
        "POST /api/invitations/accept",  # the token decides
        "DELETE /api/members/{user_id}",  # leaving is everyone's right
    }
)
_ENDS_THE_CALLER: Final = frozenset({"POST /api/tenant/delete"})
"""After it the caller is refused everything."""
_EXPECTED: Final[Mapping[str, set[int]]] = {
    "POST /v1/payments/{payment_id}/cancel": {422},  # Razorpay has no call for it
    "POST /api/services/{service}/{provider}/connect": {422},  # the body has no credentials
}


def _is_skipped(route: Route) -> bool:
    """What speaks of the caller alone, except where it names a session."""
    if route.name in {"POST /api/tenants", "POST /api/invitations/accept"}:
        return True
    return route.path.startswith(_PERSONAL) and not {"session_id", "identity_id"} & set(in_path(route.path))


def _refused_as_wrong(route: Route) -> set[int]:
    """A body that names a stranger's thing is as wrong as one that names none: 422, with the field."""
    names_in_body = any(f"{{{name}" in json.dumps(BODIES.get(route.name, {})) for name in NAMES)
    return {422} if names_in_body else set()


def _check_refused(route: Route, answer: httpx.Response, house: House, *, sent: Mapping[str, str]) -> None:
    assert answer.status_code < 500, f"{route.name}: {answer.text}"
    if route.names_something or route.is_operators:
        refused = REFUSED | ({401} if route.is_for_keys else set()) | _refused_as_wrong(route)
        assert statuses_of(answer) <= refused, f"{route.name}: {answer.status_code} {answer.text}"
    for word in house.words:
        assert word in sent.values() or word not in answer.text, f"{route.name} shows {word}"


async def _key(world: World, person: SignedIn, environment: str, scope: str = "*") -> str:
    answer = await person.client.post(
        "/api/api-keys",
        json={"name": f"{environment} key", "scopes": [scope], "rate_limit_per_s": 1000, "rate_burst": 2000},
        headers=LIVE if environment == "live" else {},
    )
    assert answer.status_code == 201, answer.text
    world.secrets.append(answer.json()["key"])
    return str(answer.json()["key"])


async def _furnish(world: World, house: House, environment: str) -> dict[str, str]:
    """Something of everything in one environment; all of it made over the API."""
    headers = LIVE if environment == "live" else {}
    owner = house.owner.client
    connected = await connect(world, house.owner, environment, "hatter's")
    await connect_messaging(world, house.owner, environment)
    bucket = await connect_storage(world, house.owner, environment)
    await _key(world, house.owner, environment)
    listed = (await owner.get("/api/api-keys", headers=headers)).json()["data"]
    key = await _key(world, house.owner, environment)
    if environment == "test":
        house.key = key
    invited = await owner.post("/api/invitations", json={"email": f"{uuid4().hex[:8]}@example.com", "role": "viewer"})
    assert invited.status_code < 300, invited.text
    sessions = (await owner.get("/api/account/sessions")).json()["data"]
    ids = {
        "connection_id": connected["id"],
        "key_id": listed[0]["id"],
        "invitation_id": invited.json()["id"],
        "session_id": sessions[0]["id"],
        "identity_id": new_id(IDENTITY),  # nobody of the house comes by an issuer
        "user_id": house.viewer.user_id,
        "tenant_id": house.owner.tenant_id,
        "service": "payments",
        "category": "payments",
        "provider": "razorpay",
        "issuer_id": "none",
    }
    async with world.client(key) as api:
        ids |= await paid_things(world, api)
        name = f"hatters-{environment}-{uuid4().hex[:6]}"
        ids |= await billing_things(world, api, name)
        ids |= await sent_things(api, name)
        ids |= await stored_things(api, bucket)
    house.words += [name, bucket, ids["connection_id"], ids["key_id"], ids["invitation_id"], f"hatter's {environment}"]
    return ids


async def _vendors_rest(world: World, owner: SignedIn) -> bool:
    """One that was just activated is looked at once more, which is no doing of those who are refused."""
    asked = "SELECT id FROM resources WHERE tenant_id = $1 AND kind = 'vendor' AND poll_at IS NOT NULL"
    return not await world.fetch("payments", asked, owner.tenant_id)


async def _audited(world: World, house: House) -> int:
    """How many changes the tenant's audit log knows."""
    rows = await world.fetch("registry", "SELECT sequence FROM audit_heads WHERE tenant_id = $1", house.owner.tenant_id)
    return int(rows[0]["sequence"])


async def _belongings(world: World, house: House) -> dict[str, list[str]]:
    """Every row of the house's tenant in every database, as text, without what only says when it was looked at."""
    found: dict[str, list[str]] = {}
    for service in OWNERS_OF_DATABASES:
        connection = await asyncpg.connect(admin_dsn(world.stack, service))
        try:
            tables = await connection.fetch(
                "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' "
                "AND column_name = 'tenant_id' AND table_name NOT LIKE '%\\_20%'"
            )
            for (table,) in tables:
                if table in {"sessions", "outbox", "deliveries", "delivery_queue", "delivery_attempts", "attempts"}:
                    continue
                rows = await connection.fetch(
                    f'SELECT (to_jsonb(t) - $2::text[])::text AS line FROM "{table}" t WHERE tenant_id = $1 ORDER BY 1',
                    house.owner.tenant_id,
                    list(_VOLATILE),
                )
                found[f"{service}.{table}"] = [row["line"] for row in rows]
        finally:
            await connection.close()
    return found
