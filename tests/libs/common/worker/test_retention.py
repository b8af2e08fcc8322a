"""What is old is dropped by the month; what is not concluded is never dropped."""

from datetime import UTC, datetime, timedelta

from tests.libs.common.worker.rig import FAST, Rig, create_payment

LONG_AGO = datetime.now(UTC) - timedelta(days=800)


async def age(rig: Rig, admin_dsn: str, operation_id: str) -> None:
    """Make an operation old: its row moves to a partition of its own time."""
    import asyncpg

    admin = await asyncpg.connect(admin_dsn)
    try:
        first = LONG_AGO.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = (first + timedelta(days=32)).replace(day=1)
        name = f"operations_{first:%Y%m}"
        if await admin.fetchval("SELECT to_regclass($1)", name) is None:
            await admin.execute(
                f"CREATE TABLE {name} PARTITION OF operations FOR VALUES FROM ('{first.isoformat()}') "
                f"TO ('{following.isoformat()}')"
            )
        for table, column in (("operations", "id"), ("operation_ids", "operation_id")):
            await admin.execute(f"UPDATE {table} SET created_at = $2 WHERE {column} = $1", operation_id, LONG_AGO)
    finally:
        await admin.close()


async def test_old_operations_and_their_keys_are_forgotten(rig: Rig) -> None:
    async with rig.worker():
        old, recent = create_payment(), create_payment()
        await rig.ask(old)
        await rig.ask(recent)
    await age(rig, rig.admin_dsn, old.operation_id)
    await rig.make_worker(FAST).forget_old()  # a running one does the same by itself, and would be in the way
    for query in ("SELECT array_agg(id) FROM operations", "SELECT array_agg(operation_id) FROM operation_ids"):
        assert await rig.pool.fetchval(query) == [recent.operation_id]


async def test_an_operation_that_is_not_concluded_keeps_its_month(rig: Rig) -> None:
    worker = rig.make_worker(FAST)
    async with rig.worker():
        old = create_payment()
        await rig.ask(old)
    await rig.pool.execute("UPDATE operations SET state = 'unknown', due_at = 'infinity', finished_at = NULL")
    await age(rig, rig.admin_dsn, old.operation_id)
    await worker.forget_old()
    assert await rig.pool.fetchval("SELECT count(*) FROM operations") == 1
    assert await rig.pool.fetchval("SELECT count(*) FROM operation_ids") == 1
