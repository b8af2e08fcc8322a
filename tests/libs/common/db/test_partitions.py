import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from onerouter_common.db.engine import Pool, worker_pool
from onerouter_local.testing import Database

PARTITIONS = """
SELECT c.relname::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS secured
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1) ORDER BY 1
"""
INSERT = """
INSERT INTO attempts (id, operation_id, tenant_id, environment, number, kind, connection_id, provider, capability,
    provider_key, created_at)
VALUES ($1, 'op_1', 'ten_1', 'test', 1, 'call', 'con_1', 'razorpay', 'payment.create', 'k', $2)
RETURNING tableoid::regclass::text
"""


@pytest.fixture
async def payments(database: Callable[[str], Awaitable[Database]]) -> Database:
    return await database("payments")


@pytest.fixture
async def worker(payments: Database) -> AsyncIterator[Pool]:
    async with worker_pool(payments.dsn, "payments", size=3) as pool:
        yield pool


def month(ahead: int) -> str:
    now = datetime.now(UTC)
    number = now.year * 12 + now.month - 1 + ahead
    return f"{number // 12:04}{number % 12 + 1:02}"


async def names(pool: Pool, table: str) -> list[str]:
    return [row["name"] for row in await pool.fetch(PARTITIONS, table)]


@pytest.mark.parametrize("table", ["operations", "attempts"])
async def test_last_this_and_the_next_three_months_are_there_from_the_start(worker: Pool, table: str) -> None:
    assert await names(worker, table) == [*(f"{table}_{month(ahead)}" for ahead in range(-1, 4)), f"{table}_default"]


async def test_more_are_made_ahead_when_asked_and_only_those(worker: Pool) -> None:
    ensure = "SELECT onerouter_ensure_partitions('attempts', $1)"
    assert await worker.fetchval(ensure, 3) == 0
    assert await worker.fetchval(ensure, 5) == 2
    assert await worker.fetchval(ensure, 5) == 0
    assert f"attempts_{month(5)}" in await names(worker, "attempts")


async def test_two_workers_may_make_them_at_once(worker: Pool) -> None:
    made = await asyncio.gather(
        *(worker.fetchval("SELECT onerouter_ensure_partitions('attempts', 8)") for _ in range(3))
    )
    assert sorted(made) == [0, 0, 5]


async def test_every_partition_is_behind_row_level_security(worker: Pool, payments: Database) -> None:
    await worker.execute("SELECT onerouter_ensure_partitions('operations', 6)")
    assert all(row["secured"] for row in await worker.fetch(PARTITIONS, "operations"))
    tenant = await asyncpg.connect(payments.dsn)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tenant.fetch(f"SELECT * FROM operations_{month(0)}")
    finally:
        await tenant.close()


async def test_rows_land_in_their_month_and_what_has_none_is_still_kept(worker: Pool) -> None:
    now = datetime.now(UTC)
    assert await worker.fetchval(INSERT, "att_1", now) == f"attempts_{month(0)}"
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert await worker.fetchval(INSERT, "att_2", first) == f"attempts_{month(0)}"
    assert await worker.fetchval(INSERT, "att_3", first - timedelta(microseconds=1)) == f"attempts_{month(-1)}"
    assert await worker.fetchval(INSERT, "att_4", now + timedelta(days=400)) == "attempts_default"


async def test_old_months_are_dropped_and_nothing_else(worker: Pool, payments: Database) -> None:
    admin = await asyncpg.connect(payments.admin_dsn)
    try:
        for number, (first, end) in {
            "202001": ("2020-01-01", "2020-02-01"),
            "202002": ("2020-02-01", "2020-03-01"),
        }.items():
            await admin.execute(
                f"CREATE TABLE attempts_{number} PARTITION OF attempts FOR VALUES FROM ('{first}Z') TO ('{end}Z')"
            )
        await admin.execute("CREATE TABLE attempts_notes (a int)")
    finally:
        await admin.close()
    kept = [name for name in await names(worker, "attempts") if name not in ("attempts_202001", "attempts_202002")]
    await worker.fetchval(INSERT, "att_1", datetime(2020, 1, 5, tzinfo=UTC))
    drop = "SELECT onerouter_drop_partitions('attempts', $1)"
    assert await worker.fetchval(drop, timedelta(days=365)) == 2
    assert await worker.fetchval(drop, timedelta(days=365)) == 0
    assert await names(worker, "attempts") == kept
    assert await worker.fetchval("SELECT count(*) FROM attempts") == 0
    assert await worker.fetchval("SELECT to_regclass('attempts_notes') IS NOT NULL")


async def test_a_month_that_is_not_over_for_long_enough_stays(worker: Pool) -> None:
    assert await worker.fetchval("SELECT onerouter_drop_partitions('attempts', $1)", timedelta(days=62)) == 0


async def test_a_tenants_connection_may_neither_make_nor_drop_them(payments: Database) -> None:
    tenant = await asyncpg.connect(payments.dsn)
    try:
        for call in ("onerouter_ensure_partitions('attempts', 9)", "onerouter_drop_partitions('attempts', '1 day')"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await tenant.fetchval(f"SELECT {call}")
    finally:
        await tenant.close()
