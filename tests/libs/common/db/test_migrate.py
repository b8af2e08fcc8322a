import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import pytest

from onerouter_common.db.engine import tenant_role, worker_role
from onerouter_common.db.migrate import SERVICES, ensure_login, migrate
from onerouter_local.testing import Cluster, Database

Create = Callable[[str], Awaitable[Database]]

ODD_LOGIN = "onerouter_test_odd"


@pytest.fixture
async def empty_databases(postgres: Cluster) -> AsyncIterator[list[str]]:
    """Two databases without a schema, as an operator hands them over."""
    names = ["onerouter_test_empty_1", "onerouter_test_empty_2"]
    admin = await asyncpg.connect(postgres.admin_dsn)
    try:
        for name in names:
            await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await admin.execute(f"CREATE DATABASE {name}")
        yield [urlunsplit(urlsplit(postgres.admin_dsn)._replace(path=f"/{name}")) for name in names]
        for name in names:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


async def fetch(dsn: str, query: str, *values: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(query, *values))
    finally:
        await connection.close()


async def migrate_in_a_process(dsn: str) -> None:
    """As an operator's pods do; Alembic's own state belongs to a process."""
    program = "import sys; from onerouter_common.db.migrate import migrate; migrate('payments', sys.argv[1])"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, dsn, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


class TestMigrate:
    async def test_migrators_at_once_take_turns(self, empty_databases: list[str]) -> None:
        one, other = empty_databases
        await asyncio.gather(*(migrate_in_a_process(dsn) for dsn in (one, one, other)))
        for dsn in empty_databases:
            assert len(await fetch(dsn, "SELECT version_num FROM alembic_version")) == 1
            assert await fetch(dsn, "SELECT 1 FROM pg_class WHERE relname = 'operations'")

    async def test_a_second_time_changes_nothing(self, database: Create) -> None:
        made = await database("payments")
        shape = "SELECT relname, relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
        before = await fetch(made.admin_dsn, shape)
        await asyncio.to_thread(migrate, "payments", made.admin_dsn)
        assert await fetch(made.admin_dsn, shape) == before


@pytest.mark.parametrize("service", SERVICES)
class TestRoles:
    async def test_no_role_of_a_service_owns_anything(self, shared_database: Create, service: str) -> None:
        made = await shared_database(service)
        mine = "(SELECT oid FROM pg_roles WHERE rolname LIKE 'onerouter\\_%')"
        owned = await fetch(
            made.admin_dsn,
            f"SELECT relname::text FROM pg_class WHERE relowner IN {mine} "
            f"UNION SELECT proname FROM pg_proc WHERE proowner IN {mine} "
            f"UNION SELECT nspname FROM pg_namespace WHERE nspowner IN {mine} "
            f"UNION SELECT datname FROM pg_database WHERE datdba IN {mine}",
        )
        assert owned == []

    async def test_no_role_of_a_service_gets_past_row_level_security(
        self, shared_database: Create, service: str
    ) -> None:
        made = await shared_database(service)
        over = await fetch(
            made.admin_dsn,
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'onerouter\\_%' AND (rolsuper OR rolbypassrls OR rolcreaterole)",
        )
        assert over == []

    async def test_the_login_is_bound_until_it_becomes_the_worker(self, shared_database: Create, service: str) -> None:
        made = await shared_database(service)
        rows = await fetch(
            made.dsn,
            "SELECT pg_has_role($1, 'USAGE') AS tenant, pg_has_role($2, 'USAGE') AS inherits, pg_has_role($2, 'SET') AS may",
            tenant_role(service),
            worker_role(service),
        )
        assert dict(rows[0]) == {"tenant": True, "inherits": False, "may": True}

    async def test_neither_login_nor_worker_can_make_or_change_a_table(
        self, shared_database: Create, service: str
    ) -> None:
        made = await shared_database(service)
        connection = await asyncpg.connect(made.dsn)
        try:
            for become in ("RESET ROLE", f"SET ROLE {worker_role(service)}"):
                await connection.execute(become)
                for statement in ("CREATE TABLE public.mine (a int)", "ALTER TABLE alembic_version ADD COLUMN a int"):
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.execute(statement)
        finally:
            await connection.close()


class TestEnsureLogin:
    @pytest.mark.parametrize(
        "password", ["it's", 'quo"ted', "back\\slash'", "; DROP ROLE x --", "$$a$$", "pä§ß✓", "%s{}"]
    )
    async def test_any_password_works_and_again_changes_it(
        self, postgres: Cluster, shared_database: Create, password: str
    ) -> None:
        made = await shared_database("payments")
        try:
            for again in ("first", password):
                await ensure_login(made.admin_dsn, "payments", ODD_LOGIN, again)
            parts = urlsplit(made.admin_dsn)
            netloc = f"{ODD_LOGIN}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
            rows = await fetch(urlunsplit(parts._replace(netloc=netloc)), "SELECT current_user::text AS name")
            assert rows[0]["name"] == ODD_LOGIN
        finally:
            await fetch(postgres.admin_dsn, f"DROP ROLE IF EXISTS {ODD_LOGIN}")

    @pytest.mark.parametrize("login", ["", "a b", "x; DROP ROLE y", 'a"b', "Upper", "1st", "a" * 64, "line\n", "ä"])
    async def test_a_login_that_is_no_plain_name_is_refused(self, shared_database: Create, login: str) -> None:
        made = await shared_database("payments")
        with pytest.raises(ValueError, match="plain role name"):
            await ensure_login(made.admin_dsn, "payments", login, "x")
