"""Disconnecting: out of every route at once, still there for refunds, its credentials destroyed in the end."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from tests.services.registry.conftest import CREDENTIALS, KEY_SECRET
from tests.services.registry.connection.conftest import SOMEBODY, Api, Desk

from onerouter_common.errors import Conflict, NotFound
from onerouter_common.registry_client import RegistryClient
from onerouter_registry.connection import repository, rules
from onerouter_registry.connection.model import Connection
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.transactions import tenant_transaction


@pytest.fixture
async def workers(desk: Desk, service: httpx.AsyncClient) -> RegistryClient:
    """What workers and webhooks ask with."""
    return RegistryClient("http://registry", desk.registry.settings.internal_tokens, transport=service._transport)


async def row_of(desk: Desk, connection: Connection) -> str:
    (row,) = await desk.fetch("SELECT c::text AS text FROM connections c WHERE id = $1", connection.id)
    return str(row["text"])


async def test_it_is_in_no_list_and_its_label_is_free(desk: Desk, tenant: Tenant) -> None:
    made = await desk.connect(tenant)
    gone = await desk.admin.connections.disconnect(tenant.id, "test", made.id, by=SOMEBODY)
    assert gone.status == "disconnected"
    assert gone.priority is None
    assert gone.forget_after == gone.disconnected_at + timedelta(days=30)  # type: ignore[operator]
    assert await desk.labels(tenant) == []
    again = await desk.connect(tenant)
    assert again.priority == 1
    assert await desk.labels(tenant) == ["default"]
    entry = (await desk.audit_of(made))[-1]
    assert (entry["action"], entry["actor_id"]) == ("connection.disconnected", SOMEBODY.id)


async def test_doing_it_again_changes_nothing(desk: Desk, tenant: Tenant) -> None:
    made = await desk.connect(tenant)
    gone = await desk.admin.connections.disconnect(tenant.id, "test", made.id)
    assert await desk.admin.connections.disconnect(tenant.id, "test", made.id) == gone
    assert len(await desk.audit_of(made)) == 2


async def test_it_gets_no_place_again_from_who_is_putting_the_route_in_order(desk: Desk, tenant: Tenant) -> None:
    made = [await desk.connect(tenant, str(number)) for number in range(3)]
    async with tenant_transaction(desk.admin.verification._engine, tenant.id, "test") as tx:
        await repository.lock_route(tx, tenant.id, "test", "payments")
        before = await repository.list_all(tx, "payments")
        disconnecting = asyncio.create_task(desk.admin.connections.disconnect(tenant.id, "test", made[2].id))
        await asyncio.wait({disconnecting}, timeout=0.3)
        await repository.set_positions(tx, before, [one.id for one in reversed(before)])
    assert (await disconnecting).priority is None
    assert (await desk.get(made[2])).position is None
    listed = await desk.admin.connections.list(tenant.id, "test")
    assert [(one.label, one.priority) for one in listed] == [("1", 1), ("0", 2)]


async def test_workers_and_callbacks_still_reach_it_for_what_it_took(
    desk: Desk, tenant: Tenant, workers: RegistryClient
) -> None:
    made, other = await desk.connect(tenant), await desk.connect(tenant, "other")
    token = await desk.admin.connections.callback_token(tenant.id, "test", made.id)
    assert token is not None
    await desk.admin.connections.disconnect(tenant.id, "test", made.id)
    routes = await workers.route_set(tenant.id, "test", "payments")
    assert [(one.id, one.enabled) for one in routes.connections] == [(other.id, True), (made.id, False)]
    assert routes.connections[1].credentials["key_secret"]
    target = await workers.callback_target("razorpay", token.get_secret_value())
    assert target is not None
    assert target.connection_id == made.id


class TestForgetting:
    @pytest.fixture(autouse=True)
    async def others_are_not_due(self, desk: Desk) -> None:
        await desk.fetch("UPDATE connections SET forget_after = NULL")

    async def test_destroys_what_is_due_and_nothing_before(
        self, desk: Desk, tenant: Tenant, workers: RegistryClient
    ) -> None:
        made = await desk.connect(tenant)
        token = await desk.admin.connections.callback_token(tenant.id, "test", made.id)
        await desk.admin.connections.disconnect(tenant.id, "test", made.id)
        desk.clock.ahead = timedelta(days=29, hours=23)
        assert await desk.admin.forgetting.sweep() == 0
        assert (await desk.get(made)).credentials.api
        desk.clock.ahead = timedelta(days=30, seconds=1)
        assert await desk.admin.forgetting.sweep() == 1
        assert await desk.admin.forgetting.sweep() == 0
        forgotten = await desk.get(made)
        assert forgotten.forgotten_at is not None
        assert forgotten.forget_after is None
        assert not any((*forgotten.credentials.api, *forgotten.credentials.callback, *forgotten.credentials.public))
        assert made.credentials.api["key_secret"] not in await row_of(desk, made)
        assert token is not None
        assert await workers.callback_target("razorpay", token.get_secret_value()) is None
        assert (await workers.route_set(tenant.id, "test", "payments")).connections == ()
        entry = (await desk.audit_of(made))[-1]
        assert (entry["action"], entry["actor_id"]) == ("connection.credentials_destroyed", "registry")
        assert (await desk.changes_of(tenant))[-1] == ("connection", "deleted")

    async def test_at_once_where_it_is_asked_for(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant)
        gone = await desk.admin.connections.disconnect(tenant.id, "test", made.id, forget=True, by=SOMEBODY)
        assert gone.forgotten_at is not None
        assert gone.credentials.api == {}
        assert "rzp_test" not in await row_of(desk, made)
        assert await desk.fetch("SELECT 1 FROM callback_tokens WHERE connection_id = $1", made.id) == []
        assert [entry["actor_id"] for entry in await desk.audit_of(made)] == [SOMEBODY.id] * 3

    async def test_of_one_that_was_disconnected_before(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant)
        await desk.admin.connections.disconnect(tenant.id, "test", made.id)
        gone = await desk.admin.connections.disconnect(tenant.id, "test", made.id, forget=True)
        assert gone.forgotten_at is not None
        assert await desk.admin.connections.disconnect(tenant.id, "test", made.id, forget=True) == gone

    async def test_by_two_registries_at_once_is_done_once_each(self, desk: Desk, tenant: Tenant) -> None:
        made = [await desk.connect(tenant, str(number)) for number in range(6)]
        for one in made:
            await desk.admin.connections.disconnect(tenant.id, "test", one.id)
        desk.clock.ahead = timedelta(days=31)
        counts = await asyncio.gather(desk.admin.forgetting.sweep(), desk.admin.forgetting.sweep())
        assert sum(counts) == 6
        for one in made:
            actions = [entry["action"] for entry in await desk.audit_of(one)]
            assert actions.count("connection.credentials_destroyed") == 1


class TestHowManyAreKept:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rules, "MOST_KEPT", 3)

    async def test_is_bounded_and_forgetting_makes_room(
        self, desk: Desk, tenant: Tenant, other_tenant: Tenant, workers: RegistryClient
    ) -> None:
        made = [await desk.connect(tenant, str(number)) for number in range(4)]
        for one in made:  # it is never refused to take one out of its route
            await desk.admin.connections.disconnect(tenant.id, "test", one.id)
        with pytest.raises(Conflict, match=r"4 disconnected connections of payments .* forget=true"):
            await desk.connect(tenant)
        await desk.connect(other_tenant)
        assert len((await workers.route_set(tenant.id, "test", "payments")).connections) == 4
        for one in made[:2]:
            await desk.admin.connections.disconnect(tenant.id, "test", one.id, forget=True)
        again = await desk.connect(tenant)
        found = (await workers.route_set(tenant.id, "test", "payments")).connections
        assert {one.id for one in found} == {again.id, *(one.id for one in made[2:])}

    async def test_holds_for_connecting_and_disconnecting_in_a_loop(self, api: Api, tenant: Tenant) -> None:
        body = {"credentials": {name: value.get_secret_value() for name, value in CREDENTIALS.items()}, "verify": False}
        for _ in range(3):
            await api.call("POST", "/payments/razorpay/connect", json=body, expect=201)
            await api.call("DELETE", "/payments/razorpay")
        problem = await api.call("POST", "/payments/razorpay/connect", json=body, expect=409)
        assert "forget=true" in problem["detail"]
        listed = await api.call("GET", "/payments/razorpay?include=disconnected")
        gone = listed["data"][0]["id"]
        await api.call("DELETE", f"/payments/razorpay?connection_id={gone}&forget=true")
        await api.call("POST", "/payments/razorpay/connect", json=body, expect=201)

    async def test_counts_each_category_and_environment_for_itself(self, desk: Desk, tenant: Tenant) -> None:
        for number in range(3):
            made = await desk.connect(tenant, str(number))
            await desk.admin.connections.disconnect(tenant.id, "test", made.id)
        for column, other in (("category", "sms"), ("environment", "live")):
            where = f"tenant_id = '{tenant.id}' AND disconnected_at IS NOT NULL"
            await desk.fetch(f"UPDATE connections SET {column} = '{other}' WHERE {where}")
            made = await desk.connect(tenant, column)
            await desk.admin.connections.disconnect(tenant.id, "test", made.id, forget=True)
            back = {"category": "payments", "environment": "test"}[column]
            await desk.fetch(f"UPDATE connections SET {column} = '{back}' WHERE {where}")
        with pytest.raises(Conflict):
            await desk.connect(tenant)


async def test_anothers_is_not_found(desk: Desk, tenant: Tenant, other_tenant: Tenant) -> None:
    made = await desk.connect(tenant)
    for whose, where in ((other_tenant.id, "test"), (tenant.id, "live")):
        with pytest.raises(NotFound):
            await desk.admin.connections.disconnect(whose, where, made.id, forget=True)
    assert (await desk.get(made)).credentials.api
    assert KEY_SECRET not in await row_of(desk, made)
