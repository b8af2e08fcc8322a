"""Nobody reaches what is another tenant's, nor what their role or key does not give.

The matrix is made from the document the gateway serves: a route that is added tomorrow is in it, and fails here until it is
said which of the house's things it names. The last test is the control: the owner can do all that the others could not.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
import pytest
from tests.e2e.furnishing import NOTHING_HEARD, a_split, billing_things, paid_things, vendor_body
from tests.e2e.people import SignedIn, join, sign_up
from tests.e2e.tenants import admin_dsn
from tests.e2e.world import World

from onerouter_common.ids import IDENTITY, new_id
from onerouter_local.environment import OWNERS_OF_DATABASES

LIVE: Final = {"X-OneRouter-Environment": "live"}
REFUSED: Final = {403, 404}
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
_BODIES: Final[Mapping[str, Any]] = {
    "POST /v1/payments": {"amount": "12.00", "currency": "INR"},
    "POST /v1/payments/{payment_id}/capture": {},
    "POST /v1/payments/{payment_id}/cancel": {},
    "POST /v1/refunds": {"payment_id": "{payment_id}", "amount": "1.00"},
    "POST /v1/payments/orders": {"amount": "12.00", "currency": "INR"},
    "POST /v1/payments/refund": {"payment_id": "{payment_id}", "amount": "1.00"},
    "POST /v1/plans": {"name": "Pro", "amount": "12.00", "currency": "INR", "interval": "month"},
    "POST /v1/customers": {"name": "Asha Rao", "email": "asha@example.com"},
    "POST /v1/subscriptions": {"plan_id": "{plan_id}", "total_count": 3},
    "POST /v1/subscriptions/create": {"plan_id": "{plan_id}", "customer_id": "{customer_id}", "total_count": 3},
    "POST /v1/subscriptions/{subscription_id}/change_plan": {"new_plan_id": "{plan_id}"},
    "POST /v1/payment-links": {"amount": "12.00", "currency": "INR"},
    "POST /v1/payment-methods": {"payment_method_id": "{token_id}", "customer_id": "{customer_id}"},
    "PATCH /v1/payment-methods/{payment_method_id}": {"nickname": "another"},
    "POST /v1/marketplace/vendors": vendor_body("Pottery", "112233445566"),
    "PATCH /v1/marketplace/vendors/{vendor_id}/split": {"percent": "80"},
    "POST /v1/marketplace/payments/split": a_split("{vendor_id}"),
    "POST /v1/marketplace/payments/bulk-split": {"payments": [a_split("{vendor_id}")]},
    "POST /api/v1/payments": {"amount": 1_200, "currency": "INR"},
    "POST /api/v1/payments/create": {"amount": 1_200, "currency": "INR"},
    "POST /api/v1/payments/{payment_id}/refund": {"amount": 100},
    "POST /api/v1/services/{category}": {"action": "refund", "data": {"payment_id": "{payment_id}", "amount": 100}},
    "POST /v1/webhook-endpoints": {"url": NOTHING_HEARD, "event_types": ["refund.failed"]},
    "PATCH /api/tenant": {"name": "Renamed Ltd"},
    "POST /api/tenants": {"name": "One more"},
    "POST /api/tenant/delete": {"confirm": "Renamed Ltd"},
    "POST /api/api-keys": {"name": "another", "scopes": ["payments:read"]},
    "PATCH /api/api-keys/{key_id}": {"name": "renamed"},
    "PATCH /api/members/{user_id}": {"role": "developer"},
    "POST /api/invitations": {"email": "someone@example.com", "role": "viewer"},
    "POST /api/services/{service}/{provider}/connect": {"credentials": {}, "label": "another", "verify": False},
    "PATCH /api/services/{service}/{provider}": {"max_in_flight": 8},
    "PUT /api/routing/{category}": {"rules": [], "default": {"split": [{"connection": "{connection_id}"}]}},
    "POST /api/routing/explain": {"category": "payments", "capability": "payment.create", "currency": "INR"},
    "POST /api/admin/tenants": {"name": "Made by an operator"},
    "PATCH /api/admin/tenants/{tenant_id}": {"plan": "starter"},
    "POST /api/admin/tenants/{tenant_id}/suspend": {"reason": "because"},
    "POST /api/admin/providers/{category}/{provider}/disable": {"reason": "because"},
    "POST /api/admin/categories/{category}/disable": {"reason": "because"},
    "POST /api/admin/operations/{operation_id}/resolve": {"outcome": "failed", "reason": "because"},
}
"""What a valid request says, where it must say something; `{names}` are the house's ids."""


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    scopes: tuple[str, ...]
    """Permissions the document names; empty on routes of people and operators, and under /v1."""
    query: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_for_keys(self) -> bool:
        """What programs use, with an API key: no session opens it."""
        return self.path.startswith(("/v1/", "/api/v1/"))

    @property
    def is_read(self) -> bool:
        return self.method == "GET" or self.path == "/api/routing/explain"

    @property
    def is_operators(self) -> bool:
        return self.path.startswith("/api/admin/")

    @property
    def names_something(self) -> bool:
        """Whether it names a thing of one tenant."""
        said = self.path + " ".join(self.query) + json.dumps(_BODIES.get(self.name, {}))
        return any(f"{name}" in said for name in _NAMES)


_NAMES: Final = (
    "payment_id}",
    "refund_id}",
    "plan_id}",
    "customer_id}",
    "subscription_id}",
    "payment_link_id}",
    "payment_method_id}",
    "vendor_id}",
    "operation_id}",
    "endpoint_id}",
    "key_id}",
    "connection_id",
    "user_id}",
    "invitation_id}",
    "tenant_id}",
    "session_id}",
    "identity_id}",
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
    yield made
    await owner.client.aclose()
    await viewer.client.aclose()


@pytest.fixture(scope="module")
async def stranger(world: World) -> AsyncIterator[SignedIn]:
    """With accounts of its own: it is refused for what it asks, not for having nothing."""
    person = await sign_up(world, f"stranger-{uuid4().hex[:6]}")
    for environment in ("test", "live"):
        await _connect(world, person, environment, "stranger's")
    yield person
    await person.client.aclose()


@pytest.fixture(scope="module")
async def routes(world: World) -> list[Route]:
    document = (await world.api.get("/openapi.json")).json()
    found = [
        _route(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
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
                    answer = await _call(client, route, house.ids[environment], headers)
                    _check_refused(route, answer, house, sent=house.ids[environment])
            own = await by_key.post("/v1/payments", json=_BODIES["POST /v1/payments"])
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
            answer = await _call(house.viewer.client, route, house.ids[environment], headers)
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
            asked_for_live = await _call(client, route, house.ids["live"], LIVE)
            assert asked_for_live.status_code in {401, 403}, f"{route.name}: {asked_for_live.text}"
            if route.names_something:
                by_id = await _call(client, route, house.ids["live"], {})
                refused = REFUSED | _refused_as_wrong(route)
                assert _statuses(by_id) <= refused, f"{route.name}: {by_id.status_code} {by_id.text}"
    assert await _belongings(world, house) == before


@pytest.mark.parametrize("scope", ["events:read", "payments:read"])
async def test_a_key_does_no_more_than_its_scopes(world: World, house: House, routes: list[Route], scope: str) -> None:
    key = await _key(world, house.owner, "test", scope)
    before = await _belongings(world, house)
    async with world.client(key) as client:
        for route in routes:
            if not route.is_for_keys:
                continue
            answer = await _call(client, route, house.ids["test"], {})
            may = scope == "payments:read" and route.is_read and not route.path.startswith("/v1/webhook-endpoints")
            assert answer.status_code == (200 if may else 403), f"{route.name}: {answer.status_code} {answer.text}"
    assert await _belongings(world, house) == before


async def test_without_a_key_or_session_there_is_only_the_catalogue(
    world: World, house: House, routes: list[Route]
) -> None:
    async with world.client(None) as client:
        for route in routes:
            answer = await _call(client, route, house.ids["test"], {})
            if route.path in _OUTSIDE:
                assert answer.status_code == 200, route.name
            elif not route.path.startswith("/api/auth/") and route.path != "/api/invitations/accept":
                assert answer.status_code == 401, f"{route.name}: {answer.status_code} {answer.text}"


async def test_the_owner_can_do_what_the_others_could_not(world: World, house: House, routes: list[Route]) -> None:
    """The control: with the same ids and bodies nothing is refused for being absent, forbidden or malformed.

    And whatever the owner changed is in the audit log.
    """
    order = {"GET": 0, "POST": 1, "PATCH": 2, "PUT": 2, "DELETE": 3}
    ids = house.ids["test"]
    async with world.client(house.key) as by_key:
        for route in sorted(routes, key=lambda one: (one.path == "/api/tenant/delete", order[one.method], one.path)):
            if route.path in _OUTSIDE or route.is_operators or route.path.startswith(_PERSONAL):
                continue
            if route.name in _OWN_AFFAIR:
                continue
            client = by_key if route.is_for_keys else house.owner.client
            entries = await _audited(world, house)
            answer = await _call(client, route, ids, {})
            wrong = {401, 403, 404} | ({400, 422} - _EXPECTED.get(route.name, set()))
            assert not _statuses(answer) & wrong, f"{route.name}: {answer.status_code} {answer.text}"
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


def _route(method: str, path: str, operation: Mapping[str, Any]) -> Route:
    scopes = {scope for option in operation.get("security", []) for scopes in option.values() for scope in scopes}
    query = tuple(item["name"] for item in operation.get("parameters", []) if item.get("in") == "query")
    return Route(method.upper(), path, tuple(sorted(scopes)), query)


def _is_skipped(route: Route) -> bool:
    """What speaks of the caller alone, except where it names a session."""
    if route.name in {"POST /api/tenants", "POST /api/invitations/accept"}:
        return True
    return route.path.startswith(_PERSONAL) and not {"session_id", "identity_id"} & set(_in_path(route.path))


def _refused_as_wrong(route: Route) -> set[int]:
    """A body that names a stranger's thing is as wrong as one that names none: 422, with the field."""
    names_in_body = any(f"{{{name}" in json.dumps(_BODIES.get(route.name, {})) for name in _NAMES)
    return {422} if names_in_body else set()


def _statuses(answer: httpx.Response) -> set[int]:
    """Of the answer; of each part, where each has its own."""
    if answer.status_code == 200 and answer.json().__class__ is dict and answer.json().get("object") == "bulk_split":
        return {item["status_code"] for item in answer.json()["data"]}
    return {answer.status_code}


def _check_refused(route: Route, answer: httpx.Response, house: House, *, sent: Mapping[str, str]) -> None:
    assert answer.status_code < 500, f"{route.name}: {answer.text}"
    if route.names_something or route.is_operators:
        refused = REFUSED | ({401} if route.is_for_keys else set()) | _refused_as_wrong(route)
        assert _statuses(answer) <= refused, f"{route.name}: {answer.status_code} {answer.text}"
    for word in house.words:
        assert word in sent.values() or word not in answer.text, f"{route.name} shows {word}"


async def _call(
    client: httpx.AsyncClient, route: Route, ids: Mapping[str, str], headers: Mapping[str, str]
) -> httpx.Response:
    body = None
    if route.method != "GET":
        if route.method in {"POST", "PUT", "PATCH"}:
            body = _filled(_BODIES.get(route.name, {}), ids)
        headers = {**headers, "Idempotency-Key": str(uuid4()), "Prefer": "wait=5"}
    params = {"connection_id": ids["connection_id"]} if "connection_id" in route.query else {}
    path = route.path.replace("/split/{payment_id}", "/split/{split_payment_id}")
    for name in _in_path(path):
        assert name in ids, f"{route.name}: say in this test what {{{name}}} is"
        path = path.replace(f"{{{name}}}", ids[name])
    return await client.request(route.method, path, json=body, params=params, headers=dict(headers))


def _in_path(path: str) -> Iterator[str]:
    for part in path.split("{")[1:]:
        yield part.partition("}")[0]


def _filled(body: Any, ids: Mapping[str, str]) -> Any:
    text = json.dumps(body)
    for name, value in ids.items():
        text = text.replace(f"{{{name}}}", value)
    return json.loads(text)


async def _key(world: World, person: SignedIn, environment: str, scope: str = "*") -> str:
    answer = await person.client.post(
        "/api/api-keys",
        json={"name": f"{environment} key", "scopes": [scope], "rate_limit_per_s": 1000, "rate_burst": 2000},
        headers=LIVE if environment == "live" else {},
    )
    assert answer.status_code == 201, answer.text
    world.secrets.append(answer.json()["key"])
    return str(answer.json()["key"])


async def _connect(world: World, person: SignedIn, environment: str, whose: str) -> dict[str, Any]:
    """An account at the provider."""
    headers = LIVE if environment == "live" else {}
    key_id, key_secret = f"rzp_{environment}_{uuid4().hex[:14]}", f"secret{uuid4().hex}"
    account = {
        "key_id": key_id,
        "key_secret": key_secret,
        "webhook_url": "http://127.0.0.1:9/none",
        "webhook_secret": f"hook{uuid4().hex}",
        "merchant_name": "Hatter",
    }
    (await world.sandbox.post("/control/razorpay/accounts", json=account)).raise_for_status()
    connected = await person.client.post(
        "/api/services/payments/razorpay/connect",
        json={
            "credentials": {"key_id": key_id, "key_secret": key_secret, "webhook_secret": account["webhook_secret"]},
            "label": f"{whose} {environment}",
        },
        headers=headers,
    )
    assert connected.status_code == 201, connected.text
    callback = f"{connected.json()['callback_url']}"
    world.secrets += [key_secret, account["webhook_secret"], callback.rpartition("/")[2]]
    await world.sandbox.post("/control/razorpay/accounts", json={**account, "webhook_url": callback})
    made: dict[str, Any] = connected.json()
    return made


async def _furnish(world: World, house: House, environment: str) -> dict[str, str]:
    """Something of everything in one environment; all of it made over the API."""
    headers = LIVE if environment == "live" else {}
    owner = house.owner.client
    connected = await _connect(world, house.owner, environment, "hatter's")
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
    house.words += [name, ids["connection_id"], ids["key_id"], ids["invitation_id"], f"hatter's {environment}"]
    return ids


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
