"""Callback tokens move to a table of their own: the addresses that providers have go on working."""

import asyncio
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from onerouter_local.testing import Cluster

# As an operator's pods migrate: as the owner of the database, whom forced row-level security binds.
_MIGRATE = """
import sys
from alembic import command
if sys.argv[2] != "head":
    upgrade = command.upgrade
    command.upgrade = lambda config, _: upgrade(config, sys.argv[2])
from onerouter_common.db.migrate import migrate
migrate("registry", sys.argv[1])
"""
_OWNER = "onerouter_test_migrating_owner"


@pytest.fixture
async def owned(postgres: Cluster) -> AsyncIterator[tuple[str, str]]:
    """An empty database as its owner, who is no superuser, and as a superuser."""
    name = "onerouter_test_migrating"
    admin = await asyncpg.connect(postgres.admin_dsn)
    try:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.execute(f"DROP ROLE IF EXISTS {_OWNER}")
        await admin.execute(f"CREATE ROLE {_OWNER} LOGIN CREATEROLE PASSWORD 'owner'")
        await admin.execute(f"CREATE DATABASE {name} OWNER {_OWNER}")
        superuser = urlsplit(postgres.admin_dsn)._replace(path=f"/{name}")
        address = f"{_OWNER}:owner@{superuser.hostname}:{superuser.port}"
        yield urlunsplit(superuser._replace(netloc=address)), urlunsplit(superuser)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.execute(f"DROP ROLE {_OWNER}")
    finally:
        await admin.close()


async def migrate(dsn: str, revision: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _MIGRATE, dsn, revision, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


async def test_each_connection_keeps_its_address(owned: tuple[str, str]) -> None:
    owner, superuser = owned
    await migrate(owner, "0001")
    connection = await asyncpg.connect(superuser)
    try:
        await connection.execute("INSERT INTO tenants VALUES ('ten_1', 'Acme', now())")
        for number in range(3):
            await connection.execute(
                "INSERT INTO connections VALUES ($1, 'ten_1', 'live', 'payments', 'razorpay', $1, $2, true, NULL, 64, '{}', "
                "'{}', '{}', '{}', $3, $4, 1, NULL, NULL, '2026-01-31', '2026-01-31')",
                f"con_{number}",
                number,
                f"hash-{number}",
                f"sealed-{number}",
            )
        for number in range(2):
            await connection.execute(
                "INSERT INTO api_keys VALUES ($1, 'ten_1', 'live', 'k', $1, 'p', '{*}', 1, 1, '2026-01-31')",
                f"key_{number}",
            )
        await migrate(owner, "head")
        assert await connection.fetchval("SELECT count(*) FROM api_keys WHERE family = id") == 2
        moved = await connection.fetch("SELECT * FROM callback_tokens ORDER BY hash")
        assert [(row["hash"], row["connection_id"], row["sealed"]) for row in moved] == [
            (f"hash-{number}", f"con_{number}", f"sealed-{number}") for number in range(3)
        ]
        assert {(row["tenant_id"], row["environment"], row["provider"]) for row in moved} == {
            ("ten_1", "live", "razorpay")
        }
        assert all(row["expires_at"] is None for row in moved)
        forced = await connection.fetchval("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'connections'")
        assert forced
        forced = await connection.fetchval("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'api_keys'")
        assert forced
        checks = await connection.fetch(
            "SELECT next_check_at BETWEEN now() AND now() + interval '1 day' AS ok FROM connections"
        )
        assert [row["ok"] for row in checks] == [True] * 3
    finally:
        await connection.close()
