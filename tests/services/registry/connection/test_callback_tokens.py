"""Callback addresses: replaced, and the old one works until its overlap ends."""

import asyncio
from datetime import timedelta

import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from tests.services.registry.connection.conftest import SOMEBODY, Desk

from onerouter_common.errors import Conflict, NotFound
from onerouter_common.registry_client import RegistryClient
from onerouter_registry.connection.model import Connection
from onerouter_registry.tenant.model import Tenant


@pytest.fixture
async def webhooks(desk: Desk, service: httpx.AsyncClient) -> RegistryClient:
    return RegistryClient("http://registry", desk.registry.settings.internal_tokens, transport=service._transport)


async def shown(desk: Desk, connection: Connection) -> SecretStr:
    token = await desk.admin.connections.callback_token(connection.tenant_id, "test", connection.id)
    assert token is not None
    return token


async def works(webhooks: RegistryClient, token: SecretStr) -> bool:
    return await webhooks.callback_target("razorpay", token.get_secret_value()) is not None


class TestRotate:
    async def test_gives_another_address_and_the_old_one_works_on(
        self, desk: Desk, tenant: Tenant, webhooks: RegistryClient
    ) -> None:
        made = await desk.connect(tenant)
        before = await shown(desk, made)
        token = await desk.admin.callback_tokens.rotate(tenant.id, "test", made.id, by=SOMEBODY)
        assert token != before
        assert await shown(desk, made) == token
        assert await works(webhooks, before)
        assert await works(webhooks, token)
        assert (await desk.changes_of(tenant))[-1] == ("callback_token", "updated")
        entry = (await desk.audit_of(made))[-1]
        assert (entry["action"], entry["actor_id"]) == ("connection.callback_token_rotated", SOMEBODY.id)
        assert token.get_secret_value() not in str(entry)

    async def test_the_old_one_ends_with_the_overlap_before_anything_sweeps(
        self, desk: Desk, tenant: Tenant, webhooks: RegistryClient
    ) -> None:
        made = await desk.connect(tenant)
        before = await shown(desk, made)
        desk.clock.ahead = -timedelta(hours=2)
        token = await desk.admin.callback_tokens.rotate(tenant.id, "test", made.id, overlap=timedelta(hours=1))
        assert not await works(webhooks, before)
        assert await works(webhooks, token)

    async def test_the_sweep_removes_it_and_has_caches_drop_it(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant)
        await desk.admin.callback_tokens.rotate(tenant.id, "test", made.id, overlap=timedelta(hours=1))
        await desk.admin.forgetting.sweep()
        assert len(await desk.fetch("SELECT 1 FROM callback_tokens WHERE connection_id = $1", made.id)) == 2
        desk.clock.ahead = timedelta(hours=2)
        await desk.admin.forgetting.sweep()
        assert len(await desk.fetch("SELECT 1 FROM callback_tokens WHERE connection_id = $1", made.id)) == 1
        assert (await desk.changes_of(tenant))[-1] == ("callback_token", "deleted")

    async def test_without_overlap_every_earlier_one_ends_now(
        self, desk: Desk, tenant: Tenant, webhooks: RegistryClient
    ) -> None:
        made = await desk.connect(tenant)
        earlier = [await shown(desk, made)]
        earlier.append(await desk.admin.callback_tokens.rotate(tenant.id, "test", made.id))
        token = await desk.admin.callback_tokens.rotate(tenant.id, "test", made.id, overlap=timedelta(0))
        assert [await works(webhooks, one) for one in (*earlier, token)] == [False, False, True]

    async def test_a_shorter_overlap_shortens_an_earlier_one(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant)
        await desk.admin.callback_tokens.rotate(tenant.id, "test", made.id, overlap=timedelta(days=7))
        await desk.admin.callback_tokens.rotate(tenant.id, "test", made.id, overlap=timedelta(hours=1))
        ends = await desk.fetch(
            "SELECT expires_at FROM callback_tokens WHERE connection_id = $1 AND expires_at IS NOT NULL", made.id
        )
        assert len(ends) == 2
        assert all(row["expires_at"] < desk.clock.now() + timedelta(hours=2) for row in ends)

    async def test_there_is_an_end_to_how_many_work(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant)
        with pytest.raises(Conflict, match="overlap of 0"):
            for _ in range(20):
                await desk.admin.callback_tokens.rotate(tenant.id, "test", made.id)
        await desk.admin.callback_tokens.rotate(tenant.id, "test", made.id, overlap=timedelta(0))

    async def test_by_two_at_once_leaves_one_to_be_shown(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant)
        tokens = await asyncio.gather(
            *(desk.admin.callback_tokens.rotate(tenant.id, "test", made.id) for _ in range(2))
        )
        lasting = await desk.fetch(
            "SELECT 1 FROM callback_tokens WHERE connection_id = $1 AND expires_at IS NULL", made.id
        )
        assert len(lasting) == 1
        assert await shown(desk, made) in tokens

    async def test_anothers_or_a_disconnected_one_is_not_found(
        self, desk: Desk, tenant: Tenant, other_tenant: Tenant
    ) -> None:
        made = await desk.connect(tenant)
        with pytest.raises(NotFound):
            await desk.admin.callback_tokens.rotate(other_tenant.id, "test", made.id)
        await desk.admin.connections.disconnect(tenant.id, "test", made.id)
        with pytest.raises(NotFound):
            await desk.admin.callback_tokens.rotate(tenant.id, "test", made.id)


async def test_one_moved_to_another_connection_is_not_shown_but_the_connection_is(desk: Desk, tenant: Tenant) -> None:
    one, two = await desk.connect(tenant, "one"), await desk.connect(tenant, "two")
    connection = await asyncpg.connect(desk.registry.database.admin_dsn)
    try:
        await connection.execute(
            "UPDATE callback_tokens SET sealed = (SELECT sealed FROM callback_tokens WHERE connection_id = $1) "
            "WHERE connection_id = $2",
            one.id,
            two.id,
        )
    finally:
        await connection.close()
    views = {
        view.label: view
        for view in (
            await desk.admin.connection_views.page(
                tenant.id, "test", "payments", "razorpay", disconnected=False, limit=10, cursor=None
            )
        ).data
    }
    assert views["one"].callback_url is not None
    assert views["two"].callback_url is None
    token = await desk.admin.callback_tokens.rotate(tenant.id, "test", two.id, overlap=timedelta(0))
    assert await shown(desk, two) == token
