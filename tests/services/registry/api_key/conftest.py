"""One registry for the tests of a file, its HTTP API, and people and keys that call it."""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from tests.services.registry.conftest import Registry, opened, serving

from onerouter_common.ids import SESSION, USER, new_id
from onerouter_common.settings import Mode
from onerouter_local.testing import Cluster
from onerouter_registry.access.cookies import CSRF_HEADER, Cookies
from onerouter_registry.api_key.model import CreatedKey
from onerouter_registry.session.model import Role
from onerouter_registry.session.service import hash_token
from onerouter_registry.tenant.model import Tenant


@dataclass(frozen=True)
class Api:
    """The management API and those who call it."""

    registry: Registry
    http: httpx.AsyncClient

    async def key(self, tenant: Tenant, environment: str = "test", **settings: Any) -> CreatedKey:
        return await self.registry.admin.api_keys.create(tenant.id, environment, **{"name": "caller", **settings})

    async def by_key(self, tenant: Tenant, environment: str = "test", **settings: Any) -> "As":
        made = await self.key(tenant, environment, **settings)
        return As(self.http, {"X-API-Key": made.key.get_secret_value()}, made.api_key.id)

    async def by_person(self, tenant: Tenant, role: Role, environment: str = "test") -> "As":
        """A member with this role and a session of theirs, as signing in leaves them."""
        user, session, token = new_id(USER), new_id(SESSION), secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        database = await asyncpg.connect(self.registry.database.admin_dsn)
        try:
            await database.execute(
                "INSERT INTO users (id, email, name, created_at, updated_at) VALUES ($1, $2, 'Ada', $3, $3)",
                user,
                f"{user}@example.com",
                now,
            )
            await database.execute(
                "INSERT INTO memberships (tenant_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)",
                tenant.id,
                user,
                role,
                now,
            )
            await database.execute(
                "INSERT INTO sessions (hash, id, user_id, tenant_id, method, ip, user_agent, created_at, authenticated_at,"
                " last_seen_at, expires_at) VALUES ($1, $2, $3, $4, 'password', '127.0.0.1', 'tests', $5, $5, $5, $6)",
                hash_token(SecretStr(token)),
                session,
                user,
                tenant.id,
                now,
                now + timedelta(days=1),
            )
        finally:
            await database.close()
        cookies = Cookies(self.registry.settings.secret, secure=self.registry.settings.mode is not Mode.LOCAL)
        headers = {
            "Cookie": f"{cookies.session_name}={token}",
            CSRF_HEADER: cookies.csrf_token(session),
            "X-OneRouter-Environment": environment,
        }
        return As(self.http, headers, user)

    async def rows(self, query: str, *values: Any) -> Sequence[asyncpg.Record]:
        """As a superuser, whom no policy binds."""
        database = await asyncpg.connect(self.registry.database.admin_dsn)
        try:
            return list(await database.fetch(query, *values))
        finally:
            await database.close()


@dataclass(frozen=True)
class As:
    """Someone who calls."""

    http: httpx.AsyncClient
    headers: dict[str, str]
    id: str

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await self.http.request(method, path, json=body, headers=sent)


@pytest.fixture(scope="module")
async def api(postgres: Cluster) -> AsyncIterator[Api]:
    made = await postgres.create("registry")
    async with (
        opened(made) as registry,
        serving(registry.settings) as transport,
        httpx.AsyncClient(base_url="http://registry", transport=transport) as http,
    ):
        yield Api(registry, http)
    await postgres.drop(made)


@pytest.fixture
async def tenant(api: Api) -> Tenant:
    return await api.registry.admin.tenants.create("Acme")


@pytest.fixture
async def other_tenant(api: Api) -> Tenant:
    return await api.registry.admin.tenants.create("Umbrella")
