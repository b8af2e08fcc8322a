"""Every tenant-owned table of every service, found in the catalogue: whose rows a tenant can see and change.

A table that is added tomorrow is covered by being there: with a `tenant_id` and without row-level security it fails here.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from onerouter_common.db.engine import tenant_role, worker_role
from onerouter_common.db.migrate import SERVICES

if TYPE_CHECKING:
    from onerouter_local.testing import Cluster

OWNER, STRANGER = "ten_owner", "ten_stranger"

_TABLES = """
SELECT c.oid, c.relname AS name, c.relispartition AS is_partition, c.relrowsecurity AS is_enabled,
       c.relforcerowsecurity AS is_forced,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
       ARRAY(SELECT r.rolname::text FROM pg_policy p, unnest(p.polroles) AS o (oid) JOIN pg_roles r ON r.oid = o.oid
             WHERE p.polrelid = c.oid) AS bound_roles,
       EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND 0 = ANY (p.polroles)) AS binds_everyone
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""

_COLUMNS = """
SELECT a.attname AS name, t.typname AS type, t.typcategory::text AS category,
       (SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1) AS label
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
  AND (a.attnotnull AND NOT a.atthasdef OR a.attname IN ('tenant_id', 'environment'))
"""

# What a row needs is checked elsewhere; here it only has to exist.
_LOOSEN = """
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT conrelid::regclass AS on_table, conname FROM pg_constraint
             WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace AND conparentid = 0 AND conislocal LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', one.on_table, one.conname);
  END LOOP;
END $$
"""


@dataclass(frozen=True)
class Service:
    """One service's database with one row of OWNER's in every table that is a tenant's."""

    name: str
    admin: Any
    login: Any
    rows: Mapping[str, Mapping[str, str]]
    """Table → the row's values, as SQL."""


@pytest.fixture(params=SERVICES, scope="module")
async def service(request: pytest.FixtureRequest, postgres: "Cluster") -> AsyncIterator[Service]:
    """Shared by the module: no test leaves anything behind in it."""
    made = await postgres.create(request.param)
    admin = await asyncpg.connect(made.admin_dsn)
    login = await asyncpg.connect(made.dsn)
    try:
        await admin.execute(_LOOSEN)
        rows = {table["name"]: await _fill(admin, table) for table in await owned_tables(admin)}
        yield Service(request.param, admin, login, rows)
    finally:
        await login.close()
        await admin.close()
        await postgres.drop(made)


async def all_tables(admin: Any) -> list[Any]:
    return list(await admin.fetch(_TABLES))


async def owned_tables(admin: Any) -> list[Any]:
    """Tables with a tenant's rows, named as queries name them: a partition is reached through its parent."""
    return [table for table in await all_tables(admin) if "tenant_id" in table["columns"] and not table["is_partition"]]


async def unprotected(admin: Any, service_name: str) -> list[str]:
    """What is wrong with the tables of this database, a sentence each."""
    found = []
    wanted = {tenant_role(service_name), worker_role(service_name)}
    for table in await all_tables(admin):
        name, roles = table["name"], set(table["bound_roles"])
        readable = await admin.fetchval(
            "SELECT has_table_privilege($1, $2::oid, 'SELECT, INSERT, UPDATE, DELETE') "
            "OR has_any_column_privilege($1, $2::oid, 'SELECT, INSERT, UPDATE')",
            tenant_role(service_name),
            table["oid"],
        )
        if "tenant_id" not in table["columns"]:
            if readable and not (table["is_enabled"] and table["is_forced"]):
                found.append(f"{name} is open to tenants and has neither a tenant_id nor row-level security")
            continue
        if not (table["is_enabled"] and table["is_forced"]):
            found.append(f"{name} has a tenant_id, but row-level security is not enabled and forced")
        if table["is_partition"]:
            if readable:
                found.append(f"{name} is a partition that tenants can reach past its parent's policies")
            continue
        # A table that tenants may not even ask needs no policy that admits them.
        enough = wanted if readable else {worker_role(service_name)}
        if not enough <= roles <= wanted or table["binds_everyone"]:
            found.append(f"{name} has policies for {sorted(roles)}, not for {sorted(wanted)}")
    return found


async def test_every_tenants_table_is_protected(service: Service) -> None:
    assert service.rows, "no tenant-owned table was found: the catalogue query is wrong"
    assert await unprotected(service.admin, service.name) == []


async def test_a_new_table_without_a_policy_is_noticed(service: Service) -> None:
    transaction = service.admin.transaction()
    await transaction.start()
    try:
        await service.admin.execute("CREATE TABLE forgotten (id text, tenant_id text, environment text)")
        await service.admin.execute(f"CREATE TABLE open (id text); GRANT SELECT ON open TO {tenant_role(service.name)}")
        found = await unprotected(service.admin, service.name)
    finally:
        await transaction.rollback()
    assert [line.split()[0] for line in found] == ["forgotten", "forgotten", "open"]


async def test_no_service_role_can_step_around_it(service: Service) -> None:
    roles = await service.admin.fetch(
        "SELECT rolname FROM pg_roles WHERE (rolsuper OR rolbypassrls OR rolcreaterole) AND rolname = ANY($1::text[])",
        [tenant_role(service.name), worker_role(service.name), await service.login.fetchval("SELECT current_user")],
    )
    assert roles == []
    owned = await service.admin.fetch(
        "SELECT relname FROM pg_class JOIN pg_roles r ON r.oid = relowner WHERE r.rolname LIKE 'onerouter_%' AND NOT rolsuper"
    )
    assert owned == []


async def test_the_owner_sees_its_row_where_tenants_may_read(service: Service) -> None:
    """Otherwise the tests below would pass on a policy that admits nobody."""
    for table in service.rows:
        if await service.admin.fetchval(
            "SELECT has_table_privilege($1, $2, 'SELECT')", tenant_role(service.name), table
        ):
            assert await _as(service, OWNER, "test", f"SELECT count(*) FROM {table}") == "1", table


@pytest.mark.parametrize(
    ("tenant", "environment"),
    [(None, None), ("", ""), (STRANGER, "test")],
    ids=["no tenant", "empty tenant", "another"],
)
async def test_others_see_nothing(service: Service, tenant: str | None, environment: str | None) -> None:
    for table in service.rows:
        assert await _as(service, tenant, environment, f"SELECT count(*) FROM {table}") in ("0", "denied"), table


async def test_the_other_environment_sees_nothing(service: Service) -> None:
    for table, row in service.rows.items():
        if "environment" in row:
            assert await _as(service, OWNER, "live", f"SELECT count(*) FROM {table}") in ("0", "denied"), table


@pytest.mark.parametrize(
    ("tenant", "environment"), [(None, None), (STRANGER, "test")], ids=["no tenant", "another tenant"]
)
async def test_others_change_nothing(service: Service, tenant: str | None, environment: str | None) -> None:
    for table, row in service.rows.items():
        columns, values = ", ".join(row), ", ".join(row.values())
        for statement in (
            f"WITH changed AS (UPDATE {table} SET tenant_id = '{STRANGER}' RETURNING 1) SELECT count(*) FROM changed",
            f"WITH gone AS (DELETE FROM {table} RETURNING 1) SELECT count(*) FROM gone",
        ):
            assert await _as(service, tenant, environment, statement) in ("0", "denied"), statement
        # A row in the owner's name, from somebody else.
        insert = f"INSERT INTO {table} ({columns}) VALUES ({values})"
        assert await _as(service, tenant, environment, insert) == "denied", table
        left = await service.admin.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", OWNER)
        assert left == 1, table


async def test_the_worker_must_take_its_role_on_purpose(service: Service) -> None:
    table = next(iter(service.rows))
    async with service.login.transaction():
        await service.login.execute(f"SET LOCAL ROLE {worker_role(service.name)}")
        assert await service.login.fetchval(f"SELECT count(*) FROM {table}") == 1
    assert await _as(service, None, None, f"SELECT count(*) FROM {table}") in ("0", "denied")


async def _fill(admin: Any, table: Any) -> dict[str, str]:
    values = {column["name"]: _value(column) for column in await admin.fetch(_COLUMNS, table["oid"])}
    await admin.execute(f"INSERT INTO {table['name']} ({', '.join(values)}) VALUES ({', '.join(values.values())})")
    return values


def _value(column: Any) -> str:
    """Some value of the column's type, as SQL."""
    if column["name"] == "tenant_id":
        return f"'{OWNER}'"
    if column["name"] == "environment":
        return "'test'"
    if column["label"] is not None:
        return f"'{column['label']}'"
    by_type = {"json": "'{}'", "jsonb": "'{}'", "bytea": "'x'", "uuid": "gen_random_uuid()", "inet": "'127.0.0.1'"}
    by_category = {"N": "1", "B": "true", "D": "now()", "T": "'1 s'", "A": "'{}'", "R": "'{}'", "S": "'x'"}
    return by_type.get(column["type"]) or by_category[column["category"]]


async def _as(service: Service, tenant: str | None, environment: str | None, statement: str) -> str:
    """What the service's login gets for it: the value, or `denied`. Nothing of it stays."""
    transaction = service.login.transaction()
    await transaction.start()
    try:
        if tenant is not None:
            await service.login.execute(
                "SELECT set_config('app.tenant_id', $1, true), set_config('app.environment', $2, true)",
                tenant,
                environment,
            )
        return str(await service.login.fetchval(statement))
    except asyncpg.InsufficientPrivilegeError:
        return "denied"
    finally:
        await transaction.rollback()
