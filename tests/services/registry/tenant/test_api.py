"""`/api/tenant`: a tenant sees itself, renames itself, deletes itself and comes back."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.services.registry.acting import as_owner, browsing, sign_in
from tests.services.registry.conftest import Registry, opened, serving

from onerouter_local.testing import Cluster
from onerouter_registry.tenant.model import Tenant


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


@pytest.fixture
async def tenant(registry: Registry) -> Tenant:
    return await registry.admin.tenants.create("Acme", plan="growth")


@pytest.fixture
async def owner(registry: Registry, transport: httpx.ASGITransport, tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(transport, await sign_in(registry, tenant.id, "owner")) as client:
        yield client


async def test_shows_itself(owner: httpx.AsyncClient, tenant: Tenant) -> None:
    shown = (await owner.get("/api/tenant")).json()
    assert (shown["id"], shown["name"], shown["status"]) == (tenant.id, "Acme", "active")
    assert (shown["plan"], shown["requests_per_minute"]) == ("growth", 500)


async def test_is_renamed_but_gives_itself_no_plan(owner: httpx.AsyncClient) -> None:
    assert (await owner.patch("/api/tenant", json={"name": "Acme & Sons"})).json()["name"] == "Acme & Sons"
    for sent in ({"plan": "scale"}, {"name": "x", "requests_per_minute": 9}, {"status": "active"}):
        assert (await owner.patch("/api/tenant", json=sent)).status_code == 422


async def test_says_whose_phone_numbers_it_writes(owner: httpx.AsyncClient, registry: Registry, tenant: Tenant) -> None:
    assert (await owner.get("/api/tenant")).json()["default_region"] is None
    changed = (await owner.patch("/api/tenant", json={"default_region": "in"})).json()
    assert (changed["default_region"], changed["name"]) == ("IN", "Acme")
    for wrong in ("UK", "IND", "", 91):
        refused = await owner.patch("/api/tenant", json={"default_region": wrong})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "default_region"
    assert (await owner.patch("/api/tenant", json={"name": None})).status_code == 422
    assert (await owner.patch("/api/tenant", json={"default_region": None})).json()["default_region"] is None
    trail = await as_owner(
        registry,
        "SELECT after::text FROM audit_entries WHERE target_id = $1 AND action = 'tenant.updated' ORDER BY sequence",
        tenant.id,
    )
    assert [json.loads(entry["after"]) for entry in trail] == [{"default_region": "IN"}, {"default_region": None}]


class TestDelete:
    async def test_by_name_and_undone(self, owner: httpx.AsyncClient) -> None:
        wrong = await owner.post("/api/tenant/delete", json={"confirm": "acme"})
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["field"] == "confirm"
        deleting = (await owner.post("/api/tenant/delete", json={"confirm": "Acme"})).json()
        assert (deleting["status"], deleting["deletion_by"]) == ("deleting", "tenant")
        # One may still look, but change nothing.
        assert (await owner.get("/api/tenant")).json()["status"] == "deleting"
        refused = await owner.patch("/api/tenant", json={"name": "New"})
        assert refused.status_code == 403
        back = (await owner.post("/api/tenant/undelete")).json()
        assert (back["status"], back["delete_after"]) == ("active", None)

    @pytest.mark.parametrize("role", ["admin", "developer", "viewer"])
    async def test_is_for_owners_only(
        self, registry: Registry, transport: httpx.ASGITransport, tenant: Tenant, role: Any
    ) -> None:
        async with browsing(transport, await sign_in(registry, tenant.id, role)) as client:
            for path in ("delete", "undelete"):
                answer = await client.post(f"/api/tenant/{path}", json={"confirm": "Acme"})
                assert answer.status_code == 403, answer.text
        assert (await registry.admin.tenants.get(tenant.id)).status == "active"

    async def test_is_not_for_keys(self, registry: Registry, transport: httpx.ASGITransport, tenant: Tenant) -> None:
        made = await registry.admin.api_keys.create(tenant.id, "live", name="all")
        async with browsing(transport) as client:
            for path in ("delete", "undelete"):
                answer = await client.post(
                    f"/api/tenant/{path}",
                    json={"confirm": "Acme"},
                    headers={"X-API-Key": made.key.get_secret_value()},
                )
                assert answer.status_code == 403

    async def test_an_operators_deletion_or_suspension_is_not_undone_by_it(
        self, registry: Registry, owner: httpx.AsyncClient, tenant: Tenant
    ) -> None:
        await registry.admin.tenants.suspend(tenant.id, "unpaid")
        refused = await owner.post("/api/tenant/delete", json={"confirm": "Acme"})
        assert (refused.status_code, refused.json()["code"]) == (403, "TENANT_SUSPENDED")
        assert (await owner.post("/api/tenant/undelete")).json()["status"] == "suspended"
        await registry.admin.tenants.delete(tenant.id)
        assert (await owner.post("/api/tenant/undelete")).status_code == 409


async def test_a_key_of_a_tenant_that_is_not_active_does_nothing(
    registry: Registry, transport: httpx.ASGITransport, tenant: Tenant
) -> None:
    made = await registry.admin.api_keys.create(tenant.id, "live", name="all")
    headers = {"X-API-Key": made.key.get_secret_value()}
    async with browsing(transport) as client:
        assert (await client.get("/api/tenant", headers=headers)).status_code == 200
        await registry.admin.tenants.suspend(tenant.id, "unpaid")
        refused = await client.get("/api/tenant", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "TENANT_SUSPENDED")
