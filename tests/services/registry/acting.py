"""People to act as, on the management API of a registry in this process."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
from tests.services.registry.conftest import Registry

from onerouter_common.clock import SystemClock
from onerouter_common.db.engine import tenant_engine
from onerouter_common.ids import USER, new_id
from onerouter_common.settings import Mode
from onerouter_registry.access.cookies import Cookies
from onerouter_registry.session.model import Role
from onerouter_registry.session.service import Sessions
from onerouter_registry.transactions import operator_transaction


@dataclass(frozen=True)
class Person:
    id: str
    email: str
    headers: dict[str, str]


async def as_owner(registry: Registry, query: str, *arguments: object) -> list[Any]:
    """As the owner of the database: no policy binds."""
    connection = await asyncpg.connect(registry.database.admin_dsn)
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


async def sign_in(
    registry: Registry, tenant_id: str | None = None, role: Role = "owner", *, is_operator: bool = False
) -> Person:
    """Somebody new with a session, as a member of the tenant."""
    user_id = new_id(USER)
    email = f"{secrets.token_hex(6)}@example.com"
    await as_owner(
        registry,
        "INSERT INTO users (id, email, name, is_operator, created_at, updated_at) VALUES ($1, $2, 'Ada', $3, now(), now())",
        *(user_id, email, is_operator),
    )
    if tenant_id is not None:
        await as_owner(registry, "INSERT INTO memberships VALUES ($1, $2, $3, now())", tenant_id, user_id, role)
    async with tenant_engine(registry.database.dsn, size=1) as engine, operator_transaction(engine) as tx:
        opened = await Sessions(engine, SystemClock()).open(
            tx, user_id, tenant_id=tenant_id, method="password", ip="203.0.113.9", user_agent="Firefox"
        )
    cookies = Cookies(registry.settings.secret, secure=registry.settings.mode is not Mode.LOCAL)
    token = opened.token.get_secret_value()
    headers = {"Cookie": f"{cookies.session_name}={token}", "X-CSRF-Token": cookies.csrf_token(opened.id)}
    return Person(user_id, email, headers)


@asynccontextmanager
async def browsing(
    transport: httpx.AsyncBaseTransport, person: Person | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends what the person's browser would; nobody's, for None. It shares the transport."""
    headers = {} if person is None else person.headers
    client = httpx.AsyncClient(base_url="http://registry", headers=headers, transport=transport)
    yield client
