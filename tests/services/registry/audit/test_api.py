"""`GET /api/audit` and `GET /api/admin/audit`."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.services.registry.acting import Person, browsing, sign_in
from tests.services.registry.conftest import Registry, opened, serving

from onerouter_local.testing import Cluster
from onerouter_registry.actor import Actor
from onerouter_registry.tenant.model import Tenant

LIVE = {"X-OneRouter-Environment": "live"}


@pytest.fixture(scope="module")
async def registry(postgres: Cluster) -> AsyncIterator[Registry]:
    made = await postgres.create("registry")
    async with opened(made) as one:
        yield one
    await postgres.drop(made)


@pytest.fixture(scope="module")
async def transport(registry: Registry) -> AsyncIterator[httpx.ASGITransport]:
    async with serving(registry.settings) as made:
        yield made


@pytest.fixture(scope="module")
async def tenant(registry: Registry) -> Tenant:
    """With a history in both environments."""
    made = await registry.admin.tenants.create("Acme")
    ada = Actor("user", "usr_ada", "ada@example.com", ip="203.0.113.9", user_agent="Firefox", request_id="req_1")
    for environment in ("test", "live"):
        for name in ("one", "two"):
            key = await registry.admin.api_keys.create(made.id, environment, name=name, by=ada)
        await registry.admin.api_keys.revoke(made.id, environment, key.api_key.id, by=Actor("user", "usr_bob"))
    return made


@pytest.fixture(scope="module")
async def owner(registry: Registry, tenant: Tenant) -> Person:
    return await sign_in(registry, tenant.id, "owner")


@pytest.fixture
async def browser(transport: httpx.ASGITransport, owner: Person) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(transport, owner) as client:
        yield client


async def listed(client: httpx.AsyncClient, path: str = "/api/audit", **params: Any) -> list[dict[str, Any]]:
    headers = params.pop("headers", {})
    answer = await client.get(path, params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


class TestListAuditEntries:
    async def test_shows_what_was_done_without_the_chains_insides(self, browser: httpx.AsyncClient) -> None:
        entries = await listed(browser)
        assert [(one["action"], one["environment"]) for one in entries] == [
            ("api_key.revoked", "test"),
            ("api_key.created", "test"),
            ("api_key.created", "test"),
            ("tenant.created", None),
        ]
        created = entries[1]
        assert set(created) == {
            *("id", "sequence", "at", "environment", "actor", "action", "target", "before", "after", "request_id")
        }
        assert created["actor"] == {
            "kind": "user",
            "id": "usr_ada",
            "name": "ada@example.com",
            "ip": "203.0.113.9",
            "user_agent": "Firefox",
        }
        assert created["after"]["name"] == "two"
        assert created["at"].endswith("Z")
        assert created["id"].startswith("aud_")

    async def test_the_other_environment_is_asked_for(self, browser: httpx.AsyncClient) -> None:
        by_header = await listed(browser, headers=LIVE)
        assert {one["environment"] for one in by_header} == {"live", None}
        by_filter = await listed(browser, environment="live")
        assert [one["environment"] for one in by_filter] == ["live"] * 3

    async def test_filters(self, browser: httpx.AsyncClient) -> None:
        everything = await listed(browser)
        assert len(await listed(browser, action="api_key.")) == 3
        assert [one["action"] for one in await listed(browser, action="api_key.rev")] == ["api_key.revoked"]
        assert await listed(browser, action="key") == []
        assert [one["action"] for one in await listed(browser, actor="usr_bob")] == ["api_key.revoked"]
        assert len(await listed(browser, actor="ada@example.com")) == 2
        target = everything[0]["target"]["id"]
        assert {one["target"]["id"] for one in await listed(browser, target=target)} == {target}
        middle = everything[1]["at"]
        assert [one["at"] >= middle for one in await listed(browser, since=middle)].count(False) == 0
        until = await listed(browser, until=middle)
        assert until == [one for one in everything if one["at"] < middle]

    async def test_pages_by_sequence(self, browser: httpx.AsyncClient) -> None:
        seen: list[int] = []
        params: dict[str, Any] = {"limit": 1}
        while True:
            body = (await browser.get("/api/audit", params=params)).json()
            seen += [one["sequence"] for one in body["data"]]
            if not body["has_more"]:
                break
            params["cursor"] = body["next_cursor"]
        assert body["next_cursor"] is None
        assert seen == [one["sequence"] for one in await listed(browser)]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("cursor=x", "cursor"),
            ("cursor=0", "cursor"),
            ("cursor=99999999999999999999", "cursor"),
            ("cursor=%00", "cursor"),
            ("actor=%00", "actor"),
            ("target=%00", "target"),
            ("action=%00", "action"),
            ("action=API", "action"),
            ("environment=prod", "environment"),
            ("since=yesterday", "since"),
            ("since=2026-01-01T00:00:00", "since"),
            ("since=0001-01-01T00:00:00%2B23:59", "since"),
            ("until=9999-12-31T23:59:59-23:59", "until"),
            ("limit=101", "limit"),
            ("nonsense=1", "nonsense"),
        ],
    )
    async def test_names_what_is_wrong(self, browser: httpx.AsyncClient, query: str, field: str) -> None:
        answer = await browser.get(f"/api/audit?{query}")
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == field

    @pytest.mark.parametrize(("role", "status"), [("admin", 200), ("developer", 403), ("viewer", 403)])
    async def test_is_for_those_who_run_the_tenant(
        self, registry: Registry, transport: httpx.ASGITransport, tenant: Tenant, role: Any, status: int
    ) -> None:
        async with browsing(transport, await sign_in(registry, tenant.id, role)) as client:
            assert (await client.get("/api/audit")).status_code == status

    async def test_another_tenants_are_not_there(
        self, registry: Registry, transport: httpx.ASGITransport, tenant: Tenant
    ) -> None:
        other = await registry.admin.tenants.create("Umbrella")
        async with browsing(transport, await sign_in(registry, other.id)) as client:
            assert [one["target"]["id"] for one in await listed(client)] == [other.id]
            assert await listed(client, target=tenant.id) == []
            stolen = await client.get("/api/audit", headers={"X-OneRouter-Tenant": tenant.id})
            assert stolen.status_code == 403


class TestByApiKey:
    async def test_a_test_key_never_sees_live(
        self, registry: Registry, transport: httpx.ASGITransport, tenant: Tenant
    ) -> None:
        made = await registry.admin.api_keys.create(tenant.id, "test", name="auditor", scopes=["audit:read"])
        headers = {"Authorization": f"Bearer {made.key.get_secret_value()}"}
        async with browsing(transport) as client:
            assert {one["environment"] for one in await listed(client, headers=headers)} == {"test", None}
            for refused in (
                await client.get("/api/audit", params={"environment": "live"}, headers=headers),
                await client.get("/api/audit", headers={**headers, **LIVE}),
            ):
                assert refused.status_code == 403, refused.text

    async def test_needs_the_scope(self, registry: Registry, transport: httpx.ASGITransport, tenant: Tenant) -> None:
        made = await registry.admin.api_keys.create(tenant.id, "test", name="payer", scopes=["payments:write"])
        async with browsing(transport) as client:
            answer = await client.get("/api/audit", headers={"X-API-Key": made.key.get_secret_value()})
        assert answer.status_code == 403
        assert "audit:read" in answer.json()["detail"]


class TestListAllAuditEntries:
    async def test_operators_see_every_chain_by_time_and_by_page(
        self, registry: Registry, transport: httpx.ASGITransport, tenant: Tenant
    ) -> None:
        await registry.admin.switches.disable("payments", "razorpay", "a test")
        await registry.admin.switches.enable("payments", "razorpay")
        operator = await sign_in(registry, is_operator=True)
        async with browsing(transport, operator) as client:
            everything = await listed(client, "/api/admin/audit", limit=100)
            assert {"platform", tenant.id} <= {one["tenant_id"] for one in everything}
            assert {one["environment"] for one in everything} == {"test", "live", None}
            assert [one["id"] for one in everything] == sorted((one["id"] for one in everything), reverse=True)
            for params in ({}, {"tenant_id": tenant.id}):
                seen: list[str] = []
                cursor: dict[str, str] = {}
                while True:
                    answer = await client.get("/api/admin/audit", params={"limit": 3, **params, **cursor})
                    body = answer.json()
                    seen += [one["id"] for one in body["data"]]
                    if not body["has_more"]:
                        break
                    cursor = {"cursor": body["next_cursor"]}
                wanted = [one["id"] for one in everything if not params or one["tenant_id"] == tenant.id]
                assert sorted(seen) == sorted(wanted)
                assert len(set(seen)) == len(seen)
            assert (await client.get("/api/admin/audit", params={"cursor": "7"})).status_code == 422
            assert await listed(client, "/api/admin/audit", tenant_id="ten_nobody") == []
