"""Callback tokens move to a table of their own: the addresses that providers have go on working."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.migrating import empty_database, migrate, try_to_migrate

from onerouter_local.testing import Cluster


@pytest.fixture
async def owned(postgres: Cluster) -> AsyncIterator[tuple[str, str]]:
    """An empty database as its owner, who is no superuser, and as a superuser."""
    async with empty_database(postgres) as addresses:
        yield addresses


async def test_each_connection_keeps_its_address(owned: tuple[str, str]) -> None:
    owner, superuser = owned
    await migrate("registry", owner, "0001")
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
        await migrate("registry", owner)
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


async def test_it_gives_up_where_a_table_is_in_use_and_changes_nothing(owned: tuple[str, str]) -> None:
    owner, superuser = owned
    await migrate("registry", owner, "0001")
    connection = await asyncpg.connect(superuser)
    try:
        async with connection.transaction():
            await connection.fetch("SELECT * FROM connections")
            code, said = await try_to_migrate("registry", owner)
            assert (code, "TablesBusy" in said) == (1, True), said
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == "0001"
        assert await connection.fetchval("SELECT to_regclass('users')") is None
        await migrate("registry", owner)
    finally:
        await connection.close()
