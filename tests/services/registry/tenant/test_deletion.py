"""When the grace is over nothing is left that could be used or opened; the row and the audit log are."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
import pytest
from tests.services.registry.acting import as_owner, sign_in
from tests.services.registry.conftest import CREDENTIALS, Registry, opened, serving

from onerouter_common.errors import Conflict
from onerouter_common.ids import INVITATION, new_id
from onerouter_local.testing import Cluster
from onerouter_registry.admin import Admin, open_admin
from onerouter_registry.audit.model import Filter
from onerouter_registry.tenant.model import Tenant

HELD: Final = ("data_keys", "callback_tokens", "routing_policies", "memberships", "invitations")
"""Tables in which nothing of a deleted tenant remains."""


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
async def registry(postgres: Cluster) -> AsyncIterator[Registry]:
    made = await postgres.create("registry")
    async with opened(made) as one:
        yield one
    await postgres.drop(made)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def admin(registry: Registry, clock: Clock) -> AsyncIterator[Admin]:
    async with open_admin(registry.settings, clock=clock) as one:
        yield one


async def tenant_with_everything(registry: Registry, admin: Admin) -> Tenant:
    tenant = await admin.tenants.create("Acme")
    for environment in ("test", "live"):
        await admin.api_keys.create(tenant.id, environment, name="backend")
        key_id = f"rzp_{environment}_1DP5mmOlF5G5ag"
        credentials = {**CREDENTIALS, "key_id": type(CREDENTIALS["key_id"])(key_id)}
        await admin.connections.connect(tenant.id, environment, "razorpay", credentials)
    await sign_in(registry, tenant.id)
    await as_owner(
        registry,
        "INSERT INTO invitations (id, tenant_id, email, role, hash, invited_by, mailed, created_at, expires_at) "
        "VALUES ($1, $2, 'eve@example.com', 'viewer', $1, 'usr_1', true, now(), now() + interval '1 day')",
        *(new_id(INVITATION), tenant.id),
    )
    await as_owner(
        registry,
        "INSERT INTO routing_policies VALUES ($1, 'test', 'payments', 1, '{}', now(), 'usr_1')",
        tenant.id,
    )
    return tenant


async def left(registry: Registry, tenant_id: str) -> dict[str, int]:
    return {
        table: (await as_owner(registry, f"SELECT count(*) AS n FROM {table} WHERE tenant_id = $1", tenant_id))[0]["n"]
        for table in HELD
    }


class TestEndDue:
    async def test_takes_everything_and_keeps_the_row_and_the_audit_log(
        self, registry: Registry, admin: Admin, clock: Clock
    ) -> None:
        tenant = await tenant_with_everything(registry, admin)
        other = await tenant_with_everything(registry, admin)
        before = await left(registry, tenant.id)
        assert all(before.values()), before
        await admin.tenants.delete(tenant.id, grace=timedelta(days=3))
        clock.at += timedelta(days=3)
        assert await admin.deletions.end_due() == 1
        assert await left(registry, tenant.id) == dict.fromkeys(HELD, 0)
        assert await left(registry, other.id) == before
        assert (await admin.tenants.get(tenant.id)).status == "deleted"
        keys = await as_owner(registry, "SELECT revoked_at FROM api_keys WHERE tenant_id = $1", tenant.id)
        assert len(keys) == 2
        assert all(key["revoked_at"] is not None for key in keys)
        connections = await as_owner(registry, "SELECT * FROM connections WHERE tenant_id = $1", tenant.id)
        assert len(connections) == 2
        for connection in connections:
            held = [value for column, value in connection.items() if column.endswith("credentials")]
            assert len(held) == 4
            assert {str(value) for value in held} == {"{}"}
            assert connection["enabled"] is False
            assert connection["disconnected_at"] is not None
        result = await admin.audit_verification.verify(tenant.id)
        assert result.problem is None
        (last,) = (await admin.audit_trail.of_chain(tenant.id, Filter(), limit=1)).entries
        assert (last.action, last.actor_kind) == ("tenant.deleted", "system")

    async def test_tells_every_cache(self, registry: Registry, admin: Admin, clock: Clock) -> None:
        tenant = await tenant_with_everything(registry, admin)
        await admin.tenants.delete(tenant.id, grace=timedelta(0))
        await as_owner(registry, "DELETE FROM outbox")
        assert await admin.deletions.end_due() == 1
        rows = await as_owner(registry, "SELECT value FROM outbox ORDER BY id")
        changes = [orjson.loads(row["value"]) for row in rows]
        assert sorted((change["entity"], change["environment"] or "-") for change in changes) == [
            ("api_key", "live"),
            ("api_key", "test"),
            ("connection", "live"),
            ("connection", "test"),
            ("tenant", "-"),
        ]
        assert {change["change"] for change in changes} == {"deleted"}
        assert all(change["key_hash"] for change in changes if change["entity"] == "api_key")

    async def test_not_before_its_time_nor_what_was_undone(
        self, registry: Registry, admin: Admin, clock: Clock
    ) -> None:
        early, undone = [await admin.tenants.create(name) for name in ("Early", "Undone")]
        for tenant in (early, undone):
            await admin.tenants.delete(tenant.id, grace=timedelta(days=1))
        clock.at += timedelta(days=1, microseconds=-1)
        assert await admin.deletions.end_due() == 0
        await admin.tenants.undelete(undone.id)
        clock.at += timedelta(microseconds=1)
        assert await admin.deletions.end_due() == 1
        assert (await admin.tenants.get(early.id)).status == "deleted"
        assert (await admin.tenants.get(undone.id)).status == "active"

    async def test_several_registries_end_each_once(self, registry: Registry, admin: Admin, clock: Clock) -> None:
        tenants = [await admin.tenants.create(f"Shop {number}") for number in range(6)]
        for tenant in tenants:
            await admin.tenants.delete(tenant.id, grace=timedelta(0))
        async with open_admin(registry.settings, clock=clock) as another:
            ended = await asyncio.gather(admin.deletions.end_due(), another.deletions.end_due())
        assert sum(ended) == len(tenants)
        for tenant in tenants:
            found = await admin.audit_trail.of_chain(tenant.id, Filter(action="tenant.deleted"), limit=10)
            assert len(found.entries) == 1

    async def test_one_that_cannot_be_ended_does_not_keep_the_others(
        self, registry: Registry, admin: Admin, clock: Clock
    ) -> None:
        stuck, fine = [await admin.tenants.create(name) for name in ("Stuck", "Fine")]
        for tenant in (stuck, fine):
            await admin.tenants.delete(tenant.id, grace=timedelta(0))
        # A head that is behind its chain: appending to it breaks the primary key.
        await as_owner(registry, "UPDATE audit_heads SET sequence = 0 WHERE tenant_id = $1", stuck.id)
        assert await admin.deletions.end_due() == 1
        assert (await admin.tenants.get(fine.id)).status == "deleted"
        assert (await admin.tenants.get(stuck.id)).status == "deleting"
        await as_owner(registry, "UPDATE audit_heads SET sequence = 2 WHERE tenant_id = $1", stuck.id)
        assert await admin.deletions.end_due() == 1

    async def test_deleted_is_final(self, admin: Admin, clock: Clock) -> None:
        tenant = await admin.tenants.create("Gone")
        await admin.tenants.delete(tenant.id, grace=timedelta(0))
        await admin.deletions.end_due()
        for call in (admin.tenants.undelete, admin.tenants.resume, admin.tenants.delete):
            with pytest.raises(Conflict):
                await call(tenant.id)
        with pytest.raises(Conflict):
            await admin.tenants.change(tenant.id, {"name": "Back"})

    async def test_people_who_worked_on_it_are_signed_in_without_it(
        self, registry: Registry, admin: Admin, clock: Clock
    ) -> None:
        tenant = await admin.tenants.create("Acme")
        person = await sign_in(registry, tenant.id)
        await admin.tenants.delete(tenant.id, grace=timedelta(0))
        await admin.deletions.end_due()
        (session,) = await as_owner(registry, "SELECT tenant_id FROM sessions WHERE user_id = $1", person.id)
        assert session["tenant_id"] is None


async def test_a_running_registry_does_it_by_itself(registry: Registry) -> None:
    tenant = await registry.admin.tenants.create("Swept")
    await registry.admin.tenants.delete(tenant.id, grace=timedelta(0))
    async with serving(registry.settings.model_copy(update={"tenant_sweep_s": 0.02})), asyncio.timeout(60):
        while (await registry.admin.tenants.get(tenant.id)).status != "deleted":
            await asyncio.sleep(0.02)
