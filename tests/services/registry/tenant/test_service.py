"""What happens to tenants is written down and told, in the same transaction."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from tests.services.registry.acting import as_owner
from tests.services.registry.conftest import Registry, opened

from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_local.testing import Cluster
from onerouter_registry.actor import COMMAND_LINE, Actor
from onerouter_registry.audit.model import Filter
from onerouter_registry.tenant.model import Tenant

OPERATOR = Actor("operator", "usr_op", "ops@example.com")


@pytest.fixture(scope="module")
async def registry(postgres: Cluster) -> AsyncIterator[Registry]:
    made = await postgres.create("registry")
    async with opened(made) as one:
        yield one
    await postgres.drop(made)


@pytest.fixture
async def tenant(registry: Registry) -> Tenant:
    return await registry.admin.tenants.create("Acme")


async def actions(registry: Registry, tenant_id: str) -> list[str]:
    page = await registry.admin.audit_trail.of_chain(tenant_id, Filter(), limit=100)
    return [entry.action for entry in reversed(page.entries)]


async def told(registry: Registry, tenant_id: str) -> list[dict[str, Any]]:
    rows = await as_owner(registry, "SELECT value FROM outbox WHERE tenant_id = $1 ORDER BY id", tenant_id)
    return [orjson.loads(row["value"]) for row in rows]


class TestTenants:
    async def test_every_step_is_audited_and_told(self, registry: Registry, tenant: Tenant) -> None:
        tenants = registry.admin.tenants
        await tenants.change(tenant.id, {"plan": "growth", "requests_per_minute": 700}, by=OPERATOR)
        await tenants.suspend(tenant.id, "Invoice 7", by=OPERATOR)
        await tenants.resume(tenant.id, by=COMMAND_LINE)
        await tenants.delete(tenant.id, by=OPERATOR)
        await tenants.undelete(tenant.id, by=OPERATOR)
        assert await actions(registry, tenant.id) == [
            "tenant.created",
            "tenant.updated",
            "tenant.suspended",
            "tenant.resumed",
            "tenant.deletion_scheduled",
            "tenant.deletion_undone",
        ]
        page = await registry.admin.audit_trail.of_chain(tenant.id, Filter(action="tenant.suspended"), limit=1)
        (entry,) = page.entries
        assert (entry.actor_kind, entry.actor_name) == ("operator", "ops@example.com")
        assert entry.before == {"status": "active", "status_reason": None}
        assert entry.after == {"status": "suspended", "status_reason": "Invoice 7"}
        changes = await told(registry, tenant.id)
        assert [(change["entity"], change["id"], change["change"]) for change in changes] == [
            ("tenant", tenant.id, "created"),
            *[("tenant", tenant.id, "updated")] * 5,
        ]
        assert (await registry.admin.audit_verification.verify(tenant.id)).problem is None
        assert await tenants.get(tenant.id) == await tenants.undelete(tenant.id)

    async def test_what_changes_nothing_is_neither_audited_nor_told(self, registry: Registry, tenant: Tenant) -> None:
        tenants = registry.admin.tenants
        await tenants.resume(tenant.id)
        await tenants.undelete(tenant.id)
        await tenants.change(tenant.id, {"name": "Acme", "requests_per_minute": None})
        await tenants.change(tenant.id, {})
        assert await actions(registry, tenant.id) == ["tenant.created"]
        assert len(await told(registry, tenant.id)) == 1

    async def test_a_number_of_its_own_wins_over_the_plans_until_it_is_taken_back(
        self, registry: Registry, tenant: Tenant
    ) -> None:
        changed = await registry.admin.tenants.change(tenant.id, {"requests_per_minute": 5})
        assert changed.requests_per_minute == 5
        changed = await registry.admin.tenants.change(tenant.id, {"requests_per_minute": None, "name": " New "})
        assert (changed.requests_per_minute, changed.name) == (None, "New")

    @pytest.mark.parametrize(
        ("fields", "wrong"),
        [
            ({"plan": "gold"}, "plan"),
            ({"requests_per_minute": 0}, "requests_per_minute"),
            ({"requests_per_minute": 10**9}, "requests_per_minute"),
            ({"name": "  "}, "name"),
            ({"name": "a\x00b"}, "name"),
        ],
    )
    async def test_names_what_is_wrong(
        self, registry: Registry, tenant: Tenant, fields: dict[str, Any], wrong: str
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await registry.admin.tenants.change(tenant.id, fields)
        assert caught.value.errors[0].field == wrong

    async def test_its_owner_deletes_it_by_name_and_may_come_back(self, registry: Registry, tenant: Tenant) -> None:
        tenants = registry.admin.tenants
        by = Actor("user", "usr_1", "ada@example.com")
        with pytest.raises(InvalidRequest, match="confirm"):
            await tenants.delete_own(tenant.id, "acme", by=by)
        deleting = await tenants.delete_own(tenant.id, "Acme", by=by)
        assert deleting.delete_after is not None
        assert deleting.status_changed_at is not None
        assert deleting.delete_after - deleting.status_changed_at == timedelta(days=30)
        assert (await tenants.undelete_own(tenant.id, by=by)).status == "active"

    async def test_what_an_operator_deletes_its_owner_does_not_take_back(
        self, registry: Registry, tenant: Tenant
    ) -> None:
        await registry.admin.tenants.delete(tenant.id)
        with pytest.raises(Conflict, match="operator"):
            await registry.admin.tenants.undelete_own(tenant.id, by=Actor("user", "usr_1"))

    @pytest.mark.parametrize("unknown", ["ten_01k9zq3v9yf7w8r2m4t6x8z0bc", "nonsense", "ten_\x00", ""])
    async def test_an_unknown_one_is_not_found(self, registry: Registry, unknown: str) -> None:
        for call in (registry.admin.tenants.get, registry.admin.tenants.resume, registry.admin.directory.get):
            with pytest.raises(NotFound):
                await call(unknown)
