"""Connections on a real database, a clock to turn, and a provider on a real port that may refuse or be away."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from aiohttp import BasicAuth, web
from aiohttp.test_utils import TestServer
from pydantic import AnyHttpUrl, SecretStr
from tests.services.registry.conftest import CREDENTIALS, KEY_SECRET, Registry, opened, serving

from onerouter_local.testing import Cluster
from onerouter_registry.actor import Actor
from onerouter_registry.admin import Admin, open_admin
from onerouter_registry.connection.model import Connection
from onerouter_registry.tenant.model import Tenant

SOMEBODY = Actor("user", "usr_1", "ada@example.com", request_id="req_1")
BASE = "https://hooks.example.com"


class Provider:
    """Razorpay's authentication on the wire, nothing else of it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.accepts = KEY_SECRET
        self.away = False
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.gate.wait()
        if self.away:
            return web.json_response({}, status=503)
        auth = BasicAuth.decode(request.headers.get("Authorization", "Basic Og=="))
        if auth.password != self.accepts:
            # It quotes what it was sent, as a careless provider might.
            error = {"code": "BAD_REQUEST_ERROR", "description": f"Authentication failed for {auth.password}"}
            return web.json_response({"error": error}, status=401)
        return web.json_response({"entity": "collection", "count": 0, "items": []})


@dataclass
class TurnedClock:
    """Real time, moved by hand."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Desk:
    """What these tests work with. `admin` asks `provider` and reads `clock`."""

    registry: Registry
    admin: Admin
    provider: Provider
    clock: TurnedClock = field(default_factory=TurnedClock)

    async def connect(self, tenant: Tenant, label: str = "default", **how: Any) -> Connection:
        how.setdefault("by", SOMEBODY)
        made = await self.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS, label=label, **how)
        return made.connection

    async def labels(self, tenant: Tenant) -> list[str]:
        return [one.label for one in await self.admin.connections.list(tenant.id, "test")]

    async def get(self, connection: Connection) -> Connection:
        return await self.admin.connections.get(connection.tenant_id, connection.environment, connection.id)

    async def fetch(self, query: str, *values: Any) -> list[asyncpg.Record]:
        """As superuser."""
        connection = await asyncpg.connect(self.registry.database.admin_dsn)
        try:
            return await connection.fetch(query, *values)
        finally:
            await connection.close()

    async def events_of(self, connection: Connection) -> list[dict[str, Any]]:
        """What the outbox owes the tenant of it, in order."""
        rows = await self.fetch(
            "SELECT value FROM outbox WHERE key = $1 AND topic = 'events.registry.v1' ORDER BY id", connection.id
        )
        return [json.loads(bytes(row["value"])) for row in rows]

    async def changes_of(self, tenant: Tenant) -> list[tuple[str, str]]:
        rows = await self.fetch(
            "SELECT value FROM outbox WHERE tenant_id = $1 AND topic = 'registry.changes.v1' ORDER BY id", tenant.id
        )
        found = [json.loads(bytes(row["value"])) for row in rows]
        return [(change["entity"], change["change"]) for change in found if change["entity"] != "tenant"]

    async def audit_of(self, connection: Connection) -> list[Mapping[str, Any]]:
        rows = await self.fetch(
            "SELECT action, actor_id, before, after FROM audit_entries WHERE target_id = $1 ORDER BY sequence",
            connection.id,
        )
        return [{**row, **{name: row[name] and json.loads(row[name]) for name in ("before", "after")}} for row in rows]


@pytest.fixture(scope="module")
async def desk(postgres: Cluster) -> AsyncIterator[Desk]:
    """One database for a file; each test has a tenant of its own."""
    made, provider = await postgres.create("registry"), Provider()
    app = web.Application()
    app.router.add_get("/{path:.*}", provider.answer)
    async with opened(made) as registry, TestServer(app) as server:
        settings = registry.settings.model_copy(
            update={
                "provider_base_urls": {"razorpay": str(server.make_url("/razorpay"))},
                "callback_base_url": AnyHttpUrl(BASE),
            }
        )
        clock = TurnedClock()
        async with open_admin(settings, clock=clock) as admin:
            yield Desk(Registry(settings, admin, made), admin, provider, clock)
    await postgres.drop(made)


@pytest.fixture(autouse=True)
def untouched(desk: Desk) -> None:
    desk.provider.reset()
    desk.clock.ahead = timedelta(0)


@pytest.fixture
async def registry(desk: Desk) -> Registry:
    return desk.registry


@pytest.fixture
async def tenant(desk: Desk) -> Tenant:
    return await desk.admin.tenants.create("Acme")


@pytest.fixture
async def other_tenant(desk: Desk) -> Tenant:
    return await desk.admin.tenants.create("Umbrella")


@pytest.fixture(scope="module")
async def service(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """The registry service on the same database, without a key."""
    async with (
        serving(desk.registry.settings) as transport,
        httpx.AsyncClient(transport=transport, base_url="http://registry") as client,
    ):
        yield client


@dataclass
class Api:
    """The management API as one API key sees it."""

    client: httpx.AsyncClient
    key: SecretStr

    async def call(self, method: str, path: str, *, expect: int = 200, **sent: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key.get_secret_value()}"}
        if "json" in sent:  # written in ASCII, so that half a surrogate pair can be sent
            headers["Content-Type"] = "application/json"
            sent["content"] = json.dumps(sent.pop("json"))
        answer = await self.client.request(method, f"/api/services{path}", headers=headers, **sent)
        assert answer.status_code == expect, answer.text
        assert KEY_SECRET not in answer.text
        return answer.json()


@pytest.fixture
async def api(desk: Desk, service: httpx.AsyncClient, tenant: Tenant) -> Api:
    created = await desk.admin.api_keys.create(tenant.id, "test", name="backend")
    return Api(service, created.key)
