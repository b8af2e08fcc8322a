"""What the management API makes is made once for an idempotency key, and what cannot be is refused with one."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fastapi import FastAPI
from tests.services.registry.acting import Person, as_owner, browsing, sign_in
from tests.services.registry.conftest import CREDENTIALS, Registry, opened, serving
from tests.services.registry.connection.conftest import Provider

from onerouter_common.once.described import PARAMETER
from onerouter_common.once.key import HEADER, REPLAYED, Key
from onerouter_local.testing import Cluster
from onerouter_registry.app import build_management_routes
from onerouter_registry.openapi import describe
from onerouter_registry.tenant.model import Tenant

SAME_TWICE: Final = {
    "/api/services/{service}/{provider}/test",
    "/api/routing/explain",
    "/api/tenant/delete",
    "/api/tenant/undelete",
    "/api/admin/tenants/{tenant_id}/suspend",
    "/api/admin/tenants/{tenant_id}/resume",
    "/api/admin/tenants/{tenant_id}/undelete",
    "/api/admin/providers/{category}/{provider}/disable",
    "/api/admin/providers/{category}/{provider}/enable",
    "/api/admin/categories/{category}/disable",
    "/api/admin/categories/{category}/enable",
    "/api/admin/operations/{operation_id}/resolve",
}
"""Asked for again they leave what was there, and answer it."""
RAZORPAY: Final = "/api/services/payments/razorpay"
KEYS: Final = count(1)


@dataclass(frozen=True)
class Desk:
    registry: Registry
    http: httpx.AsyncClient
    provider: Provider
    tenant: Tenant
    person: Person

    async def post(self, path: str, body: Any, key: Key | None) -> httpx.Response:
        once = {} if key is None else {HEADER: str(key)}
        return await self.http.post(path, json=body, headers=once)

    async def rows(self, query: str, *values: object) -> list[Any]:
        return await as_owner(self.registry, query, *values)

    async def count(self, table: str, tenant_id: str = "") -> int:
        (row,) = await self.rows(f"SELECT count(*) AS n FROM {table} WHERE tenant_id = $1", tenant_id or self.tenant.id)
        return int(row["n"])


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[tuple[Provider, str]]:
    answering, app = Provider(), web.Application()
    app.router.add_get("/{path:.*}", answering.answer)
    async with TestServer(app) as server:
        yield answering, str(server.make_url("/razorpay"))


@pytest.fixture(scope="module")
async def served(
    postgres: Cluster, provider: tuple[Provider, str]
) -> AsyncIterator[tuple[Registry, httpx.ASGITransport]]:
    made = await postgres.create("registry")
    async with opened(made) as plain:
        told = {"provider_base_urls": {"razorpay": provider[1]}, "sign_up": "open"}
        settings = plain.settings.model_copy(update=told)
        async with serving(settings) as transport:
            yield Registry(settings, plain.admin, made), transport
    await postgres.drop(made)


@pytest.fixture
async def desk(served: tuple[Registry, httpx.ASGITransport], provider: tuple[Provider, str]) -> AsyncIterator[Desk]:
    """The owner of a new tenant, who operates the installation as well."""
    registry, transport = served
    provider[0].reset()
    tenant = await registry.admin.tenants.create("Acme")
    person = await sign_in(registry, tenant.id, is_operator=True)
    async with browsing(transport, person) as http:
        yield Desk(registry, http, provider[0], tenant, person)


def a_key(fingerprint: str = "f") -> Key:
    return Key(f"{next(KEYS):064x}", fingerprint * 64)


def other(key: Key) -> Key:
    """Of another request."""
    return Key(key.digest, "0" * 64)


def connecting(label: str = "main") -> dict[str, Any]:
    return {"credentials": {name: value.get_secret_value() for name, value in CREDENTIALS.items()}, "label": label}


async def a_rotation(desk: Desk) -> tuple[str, Any]:
    made = await desk.registry.admin.api_keys.create(desk.tenant.id, "test", name="backend")
    return f"/api/api-keys/{made.api_key.id}/rotate", {}


async def a_connection(_: Desk) -> tuple[str, Any]:
    return f"{RAZORPAY}/connect", connecting()


async def an_address(desk: Desk) -> tuple[str, Any]:
    await desk.registry.admin.connections.connect(desk.tenant.id, "test", "razorpay", CREDENTIALS, label="main")
    return f"{RAZORPAY}/callback-token/rotate?label=main", {}


async def an_invitation(desk: Desk) -> tuple[str, Any]:
    return "/api/invitations", {"email": f"{desk.person.id}@example.net", "role": "viewer"}


async def a_tenant(_: Desk) -> tuple[str, Any]:
    return "/api/tenants", {"name": "Another"}


async def a_managed_tenant(desk: Desk) -> tuple[str, Any]:
    return "/api/admin/tenants", {"name": "Umbrella", "owner_email": f"{desk.person.id}@example.org"}


Case = Callable[[Desk], Awaitable[tuple[str, Any]]]
CASES: Final[list[Case]] = [a_rotation, a_connection, an_address, an_invitation, a_tenant, a_managed_tenant]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
class TestUnderAKey:
    async def test_a_repeat_is_answered_and_changes_nothing(self, desk: Desk, case: Case) -> None:
        path, body = await case(desk)
        key = a_key()
        made = await desk.post(path, body, key)
        assert made.is_success, made.text
        before = await _effects(desk)
        again = await desk.post(path, body, key)
        assert (again.status_code, again.headers.get(REPLAYED)) == (made.status_code, "true"), again.text
        assert REPLAYED not in made.headers
        assert _told(again.json()) == _told(made.json())
        assert await _effects(desk) == before

    async def test_another_request_is_refused(self, desk: Desk, case: Case) -> None:
        path, body = await case(desk)
        key = a_key()
        assert (await desk.post(path, body, key)).is_success
        refused = await desk.post(path, body, other(key))
        assert (refused.status_code, refused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")

    async def test_several_at_once_are_one(self, desk: Desk, case: Case) -> None:
        path, body = await case(desk)
        key = a_key()
        answers = await asyncio.gather(*(desk.post(path, body, key) for _ in range(3)))
        assert {answer.is_success for answer in answers} == {True}, [answer.text for answer in answers]
        assert sorted(REPLAYED in answer.headers for answer in answers) == [False, True, True]
        first, *others = [_told(answer.json()) for answer in answers]
        assert others == [first, first]

    async def test_no_secret_is_kept(self, desk: Desk, case: Case) -> None:
        path, body = await case(desk)
        key = a_key()
        made = (await desk.post(path, body, key)).json()
        kept = await desk.rows("SELECT answer FROM idempotency_keys WHERE key = $1", key.digest)
        assert kept
        shown = {made.get("key"), made.get("link"), (made.get("invitation") or {}).get("link")} - {None}
        for secret in shown:
            assert all(secret not in row["answer"] for row in kept)


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    """All but what is shown once, and why it is not shown twice."""
    inner = answer.get("invitation")
    told = {name: value for name, value in answer.items() if name not in {"key", "link", "note"}}
    return told if inner is None else {**told, "invitation": _told(inner)}


async def _effects(desk: Desk) -> list[Any]:
    """How much there is of everything that a request can make."""
    tables = ("api_keys", "connections", "callback_tokens", "invitations", "tenants", "audit_entries", "outbox")
    return [(await desk.rows(f"SELECT count(*) AS n FROM {table}"))[0]["n"] for table in tables]


class TestWhatIsShownOnce:
    async def test_a_key(self, desk: Desk) -> None:
        path, body = await a_rotation(desk)
        key = a_key()
        made, again = [(await desk.post(path, body, key)).json() for _ in range(2)]
        assert made["note"] is None
        assert made["key"].startswith("unf_test_")
        assert again["key"] is None
        assert "rotate" in again["note"]

    async def test_a_link(self, desk: Desk) -> None:
        """This installation sends no mail, so it is shown."""
        path, body = await an_invitation(desk)
        key = a_key()
        made, again = [(await desk.post(path, body, key)).json() for _ in range(2)]
        assert made["note"] is None
        assert (made["link"] or "").startswith("http")
        assert again["link"] is None
        assert "another key" in again["note"]


class TestConnecting:
    async def test_a_repeat_asks_the_provider_nothing(self, desk: Desk) -> None:
        path, body = await a_connection(desk)
        key = a_key()
        await desk.post(path, body, key)
        desk.provider.away = True
        again = await desk.post(path, body, key)
        assert (again.status_code, desk.provider.asked) == (201, 1)

    async def test_what_was_refused_is_asked_anew(self, desk: Desk) -> None:
        path, body = await a_connection(desk)
        key = a_key()
        desk.provider.away = True
        assert (await desk.post(path, body, key)).status_code == 503
        desk.provider.away = False
        made = await desk.post(path, body, key)
        assert (made.status_code, REPLAYED in made.headers) == (201, False)

    async def test_a_repeat_finds_it_disconnected(self, desk: Desk) -> None:
        path, body = await a_connection(desk)
        key = a_key()
        await desk.post(path, body, key)
        assert (await desk.http.delete(RAZORPAY)).status_code == 200
        again = await desk.post(path, body, key)
        assert (again.status_code, again.json()["status"]) == (201, "disconnected")

    async def test_an_address_is_the_one_that_was_replaced_then(self, desk: Desk) -> None:
        """Whatever is called so by now."""
        path, body = await an_address(desk)
        key = a_key()
        made = await desk.post(path, body, key)
        assert (await desk.http.patch(RAZORPAY, json={"label": "old"})).status_code == 200
        assert (await desk.post(f"{RAZORPAY}/connect", connecting("main"), None)).status_code == 201
        again = await desk.post(path, body, key)
        assert (again.json()["id"], again.json()["callback_url"]) == (made.json()["id"], made.json()["callback_url"])


class TestTenants:
    async def test_a_repeat_makes_up_for_the_invitation_that_was_not_reached(self, desk: Desk) -> None:
        path, body = await a_managed_tenant(desk)
        key = a_key()
        made = (await desk.post(path, body, key)).json()
        await desk.rows("DELETE FROM invitations WHERE tenant_id = $1", made["id"])
        await desk.rows("DELETE FROM idempotency_keys WHERE tenant_id = $1", made["id"])
        again = (await desk.post(path, body, key)).json()
        assert again["id"] == made["id"]
        assert again["invitation"]["link"] is not None
        assert await desk.count("invitations", made["id"]) == 1

    async def test_a_key_is_the_persons_own(self, desk: Desk, served: tuple[Registry, httpx.ASGITransport]) -> None:
        registry, transport = served
        path, body = await a_tenant(desk)
        key = a_key()
        made = (await desk.post(path, body, key)).json()
        somebody = await sign_in(registry)
        async with browsing(transport, somebody) as http:
            answer = await http.post(path, json=body, headers={HEADER: str(key)})
        assert REPLAYED not in answer.headers
        assert answer.json()["id"] != made["id"]
        assert (await desk.post(path, body, key)).json() == made, "what was answered to somebody else is not told here"


async def test_every_post_takes_a_key_or_refuses_it_or_is_the_same_sent_twice(desk: Desk) -> None:
    app = FastAPI()
    build_management_routes(app)
    posts = {path: methods["post"] for path, methods in describe(app)["paths"].items() if "post" in methods}
    taking = {path for path, told in posts.items() if PARAMETER in told.get("parameters", ())}
    assert len(taking) == len(CASES) + 1, "each but the making of an API key is tried above"
    refusing = set()
    for path in posts.keys() - taking:
        asked = re.sub(r"{\w+}", "x", path)
        answer = await desk.http.post(asked, json={}, headers={"Idempotency-Key": "order-1042"})
        if answer.status_code == 400:
            assert answer.json()["errors"] == [{"field": "idempotency_key", "message": "is not taken here"}], path
            assert "400" in posts[path]["responses"]
            refusing.add(path)
    assert posts.keys() - taking - refusing == SAME_TWICE


async def test_a_key_that_is_not_taken_is_refused_before_anything_is_done(desk: Desk) -> None:
    body = {"email": "new@example.com", "password": "three words far apart"}
    for path, sent in (("/api/auth/sign-up", body), ("/api/account/totp", {}), ("/api/auth/sign-out", {})):
        refused = await desk.http.post(path, json=sent, headers={"Idempotency-Key": "order-1042"})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "idempotency_key"), path
    assert (await desk.http.get("/api/auth/session", headers={"Idempotency-Key": "order-1042"})).status_code == 200
    assert await desk.rows("SELECT id FROM users WHERE email = 'new@example.com'") == []
