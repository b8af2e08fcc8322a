"""Indexes that are built beside those who write, on a database with the months of a service in it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from onerouter_common.db import migrate as migrating
from onerouter_common.db.migrate import TablesBusy, migrate
from onerouter_common.worker.schema import INDEXES
from onerouter_local.testing import Database

NAME = INDEXES[0].name
_MONTHS = """
SELECT c.relname::text AS month, (
    SELECT bool_and(x.indisvalid) FROM pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid
    WHERE i.inhparent = to_regclass($1) AND x.indrelid = c.oid
) AS has_it
FROM pg_inherits t JOIN pg_class c ON c.oid = t.inhrelid WHERE t.inhparent = 'operations'::regclass
"""


@pytest.fixture
async def made(database: Callable[[str], Awaitable[Database]]) -> Database:
    return await database("payments")


@pytest.fixture
async def owner(made: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(made.admin_dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def is_complete(owner: asyncpg.Connection) -> bool:
    months = await owner.fetch(_MONTHS, NAME)
    whole = await owner.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)", NAME)
    return bool(whole) and len(months) > 3 and all(month["has_it"] for month in months)


async def test_each_month_has_it_also_those_to_come(owner: asyncpg.Connection) -> None:
    assert await is_complete(owner)
    await owner.execute("SELECT onerouter_ensure_partitions('operations', 5)")
    assert await is_complete(owner)


async def test_a_build_that_was_interrupted_goes_on(made: Database, owner: asyncpg.Connection) -> None:
    """It left the index of the whole, one that is attached, one that is not, and one that is of no use."""
    first, second, third, *_ = sorted(row["month"] for row in await owner.fetch(_MONTHS, NAME))
    await owner.execute(f"DROP INDEX {NAME}")
    await owner.execute(f"CREATE INDEX {NAME} ON ONLY operations {INDEXES[0].definition}")
    for month in (first, second, third):
        part = NAME + month.removeprefix("operations")
        await owner.execute(f"CREATE INDEX {part} ON {month} {INDEXES[0].definition}")
        if month == first:
            await owner.execute(f"ALTER INDEX {NAME} ATTACH PARTITION {part}")
        if month == third:
            await owner.execute(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{part}'::regclass")
    assert not await is_complete(owner)
    await asyncio.to_thread(migrate, "payments", made.admin_dsn)
    assert await is_complete(owner)


async def test_it_gives_up_where_the_table_is_in_use_and_can_be_run_again(
    made: Database, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "LOCK_TIMEOUT_S", 0.2)
    await owner.execute(f"DROP INDEX {NAME}")
    async with owner.transaction():
        await owner.execute("LOCK TABLE operations IN ROW EXCLUSIVE MODE")
        with pytest.raises(TablesBusy):
            await asyncio.to_thread(migrate, "payments", made.admin_dsn)
    await asyncio.to_thread(migrate, "payments", made.admin_dsn)
    assert await is_complete(owner)
