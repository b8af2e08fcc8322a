"""An operator suspends a tenant: every gateway refuses it within a second, and serves it again within a second."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.e2e.tenants import administration
from tests.e2e.world import World, check_problem, client_of

from onerouter_registry.admin import Admin
from onerouter_registry.tenant.model import Tenant

WITHIN_S = 1.0


@pytest.fixture
async def admin(world: World) -> AsyncIterator[Admin]:
    async with administration(world.stack) as one:
        yield one


@pytest.fixture
async def tenant(admin: Admin) -> Tenant:
    return await admin.tenants.create("Late payer")


@pytest.fixture
async def gateways(world: World, admin: Admin, tenant: Tenant) -> AsyncIterator[list[httpx.AsyncClient]]:
    """A client of the tenant's at each gateway; both have its key in their caches."""
    created = await admin.api_keys.create(tenant.id, "test", name="shop")
    key = created.key.get_secret_value()
    world.secrets.append(key)
    clients = [client_of(world.stack.services[name].spec.url, key) for name in ("gateway", "gateway-2")]
    for client in clients:
        assert (await client.get("/v1/payments")).status_code == 200
    yield clients
    for client in clients:
        await client.aclose()


async def seconds_until(clients: list[httpx.AsyncClient], status: int, since: float) -> float:
    """When the last of the gateways first answered so, and has not answered otherwise after it."""
    last = since
    for client in clients:
        while (await client.get("/v1/payments")).status_code != status:
            assert time.monotonic() - since < 60, f"never {status}"
            await asyncio.sleep(0.01)
        last = time.monotonic()
    return last - since


async def test_every_gateway_refuses_within_a_second_and_serves_again_within_one(
    admin: Admin, tenant: Tenant, gateways: list[httpx.AsyncClient]
) -> None:
    refused_s, served_s = [], []
    for _ in range(5):
        await admin.tenants.suspend(tenant.id, "Invoice 1042 is unpaid.")
        refused_s.append(await seconds_until(gateways, 403, time.monotonic()))
        for client in gateways:
            for answer in (
                await client.get("/v1/payments"),
                await client.post("/v1/payments", json={"amount": "1.00", "currency": "INR"}),
            ):
                check_problem(answer, 403, "TENANT_SUSPENDED")
        await admin.tenants.resume(tenant.id)
        served_s.append(await seconds_until(gateways, 200, time.monotonic()))
    # One may meet a moment in which the machine does nothing.
    assert statistics.median(refused_s) < WITHIN_S
    assert statistics.median(served_s) < WITHIN_S


async def test_one_that_is_being_deleted_is_refused_until_that_is_undone(
    admin: Admin, tenant: Tenant, gateways: list[httpx.AsyncClient]
) -> None:
    await admin.tenants.delete(tenant.id)
    await seconds_until(gateways, 403, time.monotonic())
    await admin.tenants.undelete(tenant.id)
    await seconds_until(gateways, 200, time.monotonic())
