"""Whatever SQL a tenant's connection runs, it meets only the tenant's own rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from tests.services.registry.conftest import CREDENTIALS, Registry, opened

from onerouter_common.errors import NotFound
from onerouter_local.testing import Cluster
from onerouter_registry.tenant.model import Tenant

READABLE = ("tenants", "data_keys", "api_keys", "connections")
PEOPLE = {"users", "identities", "sessions", "single_use_tokens", "recovery_codes", "throttles", "oidc_flows"}
"""They belong to no tenant: whoever acts as one may not even ask."""
SERVICES = {"quota_answers"}
"""Between the services: a tenant has no business there."""
CHANGES = (
    "UPDATE api_keys SET revoked_at = now()",
    "UPDATE api_keys SET scopes = '{payments:read}'",
    "UPDATE connections SET enabled = false",
    "DELETE FROM connections",
)


@asynccontextmanager
async def connected(
    registry: Registry, tenant_id: str = "", environment: str = ""
) -> AsyncIterator[asyncpg.Connection]:
    """As the service's own login, for one tenant (or none)."""
    connection = await asyncpg.connect(registry.database.dsn)
    try:
        await connection.execute("SELECT set_config('app.tenant_id', $1, false)", tenant_id)
        await connection.execute("SELECT set_config('app.environment', $1, false)", environment)
        yield connection
    finally:
        await connection.close()


async def as_superuser(registry: Registry, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(registry.database.admin_dsn)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def registry(postgres: Cluster) -> AsyncIterator[Registry]:
    """One database for all of these tests: what they do is refused or rolled back."""
    made = await postgres.create("registry")
    async with opened(made) as one:
        yield one
    await postgres.drop(made)


@pytest.fixture(scope="module")
async def tenant(registry: Registry) -> Tenant:
    return await tenant_with_everything(registry, "Acme")


@pytest.fixture(scope="module", autouse=True)
async def other_tenant(registry: Registry) -> Tenant:
    return await tenant_with_everything(registry, "Umbrella")


async def tenant_with_everything(registry: Registry, name: str) -> Tenant:
    made = await registry.admin.tenants.create(name)
    await registry.admin.api_keys.create(made.id, "test", name="backend")
    await registry.admin.connections.connect(made.id, "test", "razorpay", CREDENTIALS)
    return made


async def test_every_table_a_tenant_can_ask_forces_row_level_security(registry: Registry) -> None:
    rows = await as_superuser(
        registry,
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS forced, "
        "has_any_column_privilege('onerouter_registry_tenant', oid, 'SELECT, INSERT, UPDATE, REFERENCES') "
        "OR has_table_privilege('onerouter_registry_tenant', oid, 'DELETE, TRUNCATE, TRIGGER') AS reachable "
        "FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
        "AND relname <> 'alembic_version'",
    )
    reachable = {row["relname"] for row in rows if row["reachable"]}
    assert {row["relname"] for row in rows} - reachable == PEOPLE | SERVICES
    assert reachable >= {*READABLE, "outbox", "audit_entries", "audit_heads", "provider_switches"}
    assert all(row["forced"] for row in rows if row["reachable"])


@pytest.mark.parametrize("table", READABLE)
async def test_without_a_tenant_nothing_is_there(registry: Registry, table: str) -> None:
    async with connected(registry) as connection:
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0


@pytest.mark.parametrize("table", READABLE)
async def test_a_tenant_sees_only_its_own(registry: Registry, tenant: Tenant, table: str) -> None:
    column = "id" if table == "tenants" else "tenant_id"
    async with connected(registry, tenant.id, "test") as connection:
        owners = await connection.fetch(f"SELECT {column} AS owner FROM {table}")
    assert {row["owner"] for row in owners} == {tenant.id}


@pytest.mark.parametrize("table", READABLE[1:])
async def test_the_other_environment_is_another_world(registry: Registry, tenant: Tenant, table: str) -> None:
    async with connected(registry, tenant.id, "live") as connection:
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0


@pytest.mark.parametrize("change", CHANGES)
async def test_a_tenant_changes_only_its_own(
    registry: Registry, tenant: Tenant, other_tenant: Tenant, change: str
) -> None:
    async with connected(registry, tenant.id, "test") as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert await connection.execute(f"{change} WHERE tenant_id = '{other_tenant.id}'") in {"UPDATE 0", "DELETE 0"}
        assert await connection.execute(change) in {"UPDATE 1", "DELETE 1"}
        await transaction.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO data_keys VALUES ('dk_x', '{other}', 'live', 'credentials', 'w', now())",
        "INSERT INTO data_keys VALUES ('dk_x', '{own}', 'live', 'credentials', 'w', now())",
        "INSERT INTO api_keys VALUES ('key_x', '{other}', 'test', 'n', 'h', 'p', '{{}}', 1, 1, now())",
        "INSERT INTO outbox (tenant_id, environment, key, value, created_at) VALUES ('{other}', 'test', 'k', '', now())",
        "UPDATE connections SET tenant_id = '{other}'",
        "INSERT INTO audit_heads VALUES ('{other}', 9, 'h')",
        "INSERT INTO audit_entries (tenant_id, sequence, id, environment, at, actor_kind, actor_id, action, target_kind, "
        "target_id, hash) VALUES ('{own}', 99, 'aud_x', 'live', now(), 'user', 'u', 'a', 'k', 't', 'h')",
    ],
)
async def test_nothing_can_be_slipped_to_another_tenant_or_environment(
    registry: Registry, tenant: Tenant, other_tenant: Tenant, statement: str
) -> None:
    async with connected(registry, tenant.id, "test") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await connection.execute(statement.format(own=tenant.id, other=other_tenant.id))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT value FROM outbox",
        "DELETE FROM outbox",
        "INSERT INTO tenants VALUES ('ten_x', 'x', now())",
        "UPDATE tenants SET name = 'x'",
        "DELETE FROM api_keys",
        "UPDATE api_keys SET hash = 'x'",
        "UPDATE api_keys SET environment = 'live'",
        "UPDATE api_keys SET last_used_at = now()",
        "UPDATE data_keys SET wrapped = 'x'",
        "DELETE FROM data_keys",
        "UPDATE audit_entries SET action = 'x'",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_heads",
        "DELETE FROM provider_switches",
        "SELECT email FROM users",
        "DELETE FROM sessions",
    ],
)
async def test_a_tenant_may_not_do_what_is_not_its_business(registry: Registry, tenant: Tenant, statement: str) -> None:
    async with connected(registry, tenant.id, "test") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await connection.execute(statement)


async def test_the_use_cases_of_one_tenant_do_not_find_the_others(
    registry: Registry, tenant: Tenant, other_tenant: Tenant
) -> None:
    (key,) = await registry.admin.api_keys.list(other_tenant.id, "test")
    (connection,) = await registry.admin.connections.list(other_tenant.id, "test")
    with pytest.raises(NotFound):
        await registry.admin.api_keys.revoke(tenant.id, "test", key.id)
    with pytest.raises(NotFound):
        await registry.admin.connections.disconnect(tenant.id, "test", connection.id)
    with pytest.raises(NotFound):
        await registry.admin.connections.update_credentials(tenant.id, "test", connection.id, CREDENTIALS)
