"""What one person and one tenant do at once takes neither the management API nor sign-in away from the others."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import httpx
import pytest
from tests.services.registry.acting import as_owner, browsing, sign_in
from tests.services.registry.conftest import Registry, serving

from onerouter_registry import app
from onerouter_registry.access.turns import Turns
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.tenant.model import Tenant


@asynccontextmanager
async def held(registry: Registry, chain: str) -> AsyncIterator[None]:
    """Another change of this chain that does not come to its end."""
    await as_owner(
        registry,
        "INSERT INTO audit_heads (tenant_id, sequence, hash) VALUES ($1, 0, repeat('0', 64)) ON CONFLICT DO NOTHING",
        chain,
    )
    connection = await asyncpg.connect(registry.database.admin_dsn)
    try:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM audit_heads WHERE tenant_id = $1 FOR UPDATE", chain)
            yield
    finally:
        await connection.close()


@pytest.fixture
async def patient(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.ASGITransport]:
    """Who waits there does so until the test goes on, however long the machine does nothing."""
    monkeypatch.setattr(app, "LOCK_TIMEOUT_S", 100.0)
    monkeypatch.setattr(app, "Turns", partial(Turns, wait_s=100.0))
    async with serving(registry.settings) as transport:
        yield transport


async def _until_waiting(registry: Registry, connections: int) -> None:
    """So many wait in the database for what another holds."""
    admin = await asyncpg.connect(registry.database.admin_dsn)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    try:
        async with asyncio.timeout(60):
            while await admin.fetchval(waiting) != connections:
                await asyncio.sleep(0.02)
    finally:
        await admin.close()


async def _rename(client: httpx.AsyncClient, name: str) -> httpx.Response:
    return await client.patch("/api/tenant", json={"name": name})


class TestChange:
    async def test_that_waits_for_another_too_long_is_503_and_not_made(
        self, registry: Registry, transport: httpx.ASGITransport, tenant: Tenant
    ) -> None:
        person = await sign_in(registry, tenant.id)
        async with browsing(transport, person) as client:
            async with held(registry, tenant.id):
                started = time.perf_counter()
                answer = await _rename(client, "Other")
                assert 0.9 < time.perf_counter() - started < 60
            assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
            assert (answer.headers["retry-after"], answer.json()["effect"]) == ("2", "none")
            assert (await client.get("/api/tenant")).json()["name"] == "Acme"
            assert (await _rename(client, "Other")).status_code == 200

    async def test_by_one_person_many_times_is_refused_and_keeps_nobody_waiting(
        self, registry: Registry, patient: httpx.ASGITransport, tenant: Tenant, other_tenant: Tenant
    ) -> None:
        attacker, other = await sign_in(registry, tenant.id), await sign_in(registry, other_tenant.id)
        async with browsing(patient, attacker) as flooding, browsing(patient, other) as client:
            assert (await client.get("/api/tenant")).status_code == 200
            async with held(registry, tenant.id):
                flood = [asyncio.create_task(_rename(flooding, f"Acme {number}")) for number in range(300)]
                await _until_waiting(registry, 1)
                async with asyncio.timeout(60):
                    while sum(task.done() for task in flood) < 300 - 1 - 64:  # one in the database, others for its turn
                        await asyncio.sleep(0.01)
                asked = await asyncio.gather(*(client.get("/api/tenant") for _ in range(3)), _rename(client, "B"))
                assert {answer.status_code for answer in asked} == {200}
            statuses = Counter(answer.status_code for answer in await asyncio.gather(*flood))
        assert statuses == {429: 300 - 1 - 64, 200: 1 + 64}


class TestSession:
    async def test_is_found_while_every_other_connection_waits(
        self, registry: Registry, patient: httpx.ASGITransport
    ) -> None:
        people = [await sign_in(registry) for _ in range(8)]
        victim = await sign_in(registry)
        clients: list[Any] = []
        async with held(registry, PLATFORM), browsing(patient, victim) as client:
            for person in people:
                async with browsing(patient, person) as one:
                    clients.append(one)
            waiting = [
                asyncio.create_task(one.patch("/api/account", json={"name": f"Ada {number}"}))
                for number, one in enumerate(clients)
            ]
            await _until_waiting(registry, 4)  # all connections of changes, for the chain of the installation
            found = await client.get("/api/auth/session")
            wrong = {"email": "nobody@example.com", "password": "some-password-1234"}
            refused = await client.post("/api/auth/sign-in", json=wrong)
            assert sum(not task.done() for task in waiting) >= 4, "or nothing was shown"
        assert found.status_code == 200
        assert refused.status_code == 401
        # Who waited in vain for one of the four was told so.
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} <= {200, 503}
