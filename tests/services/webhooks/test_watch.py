"""What is overdue, and who holds readers up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from prometheus_client import REGISTRY

from onerouter_common.db.engine import Pool
from onerouter_common.loops import end
from onerouter_local.testing import Database
from onerouter_webhooks import watch
from onerouter_webhooks.database import database_pool
from onerouter_webhooks.watch import HeldUp, Watch

from .conftest import CreateDatabase, eventually
from .delivery.test_backlog import _ENDPOINTS, LONG, ROWS, SHORT, cost, fill

HOUR_S = 3_600.0


@pytest.fixture
async def made(database: CreateDatabase) -> Database:
    return await database("webhooks")


@pytest.fixture
async def pool(made: Database) -> AsyncIterator[Pool]:
    async with database_pool(made.dsn, size=2) as opened:
        await opened.execute(_ENDPOINTS, ["we_long", "we_short"])
        yield opened


def told(name: str) -> float:
    value = REGISTRY.get_sample_value(name)
    assert value is not None
    return value


async def overdue(pool: Pool) -> float:
    async with pool.acquire() as connection:
        await Watch("").look(connection)
    return told("onerouter_deliveries_overdue_seconds")


class TestOverdue:
    async def test_the_oldest_that_is_due(self, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a page of its own each."""
        monkeypatch.setattr(watch, "_PAGE", 1)
        assert await overdue(pool) == 0
        for lane in (LONG, SHORT):
            await fill(pool, lane, 3)
        await pool.execute("UPDATE delivery_queue SET next_at = now() + interval '1 hour'")
        assert await overdue(pool) == 0
        await pool.execute(
            "UPDATE delivery_queue SET next_at = now() - interval '1 hour' WHERE id = 'we_short_00000002'"
        )
        assert HOUR_S <= await overdue(pool) < 2 * HOUR_S

    @pytest.mark.parametrize(
        "change",
        ["status = 'paused'", "breaker_opens = 1, breaker_until = now() + interval '1 minute'", "rate_per_s = 1"],
    )
    async def test_not_of_an_endpoint_that_is_to_get_nothing_now(self, pool: Pool, change: str) -> None:
        await fill(pool, LONG, 3)
        assert await overdue(pool) >= HOUR_S
        await pool.execute(f"UPDATE webhook_endpoints SET {change}")
        assert await overdue(pool) == 0

    async def test_not_what_waits_for_the_one_before_it(self, pool: Pool) -> None:
        await fill(pool, LONG, 9, resources=3)
        assert await overdue(pool) >= HOUR_S
        await pool.execute("UPDATE delivery_queue SET next_at = now() + interval '1 hour' WHERE position <= 2")
        assert await overdue(pool) >= HOUR_S, "the first of the third resource"
        await pool.execute("UPDATE delivery_queue SET next_at = now() + interval '1 hour' WHERE position = 3")
        assert await overdue(pool) == 0

    @pytest.mark.parametrize("resources", [0, 3, 5_000])
    async def test_of_a_long_backlog_little_is_looked_at(self, pool: Pool, resources: int) -> None:
        await fill(pool, LONG, ROWS, resources=resources)
        await fill(pool, SHORT, 3)
        assert await cost(pool, watch._OVERDUE, "", 1_000, 100) <= 120


class TestHeldUp:
    def test_as_long_as_one_is_the_oldest(self) -> None:
        now = 0.0
        held_up = HeldUp(lambda: now)
        assert held_up.seen("7", "9") == 0
        now = 15.0
        assert held_up.seen("7", "12") == 15
        now = 30.0
        assert held_up.seen("8", "12") == 0, "another one"
        now = 45.0
        assert held_up.seen("12", "12") == 0, "none"
        assert held_up.seen("8", "12") == 0, "and that one was forgotten"

    async def test_by_a_transaction_of_somebody_else(self, pool: Pool, made: Database) -> None:
        now = 0.0
        looking = Watch("", held_up=HeldUp(lambda: now))
        somebody = await asyncpg.connect(made.admin_dsn)
        try:
            async with pool.acquire() as connection, somebody.transaction():
                await somebody.execute("SELECT pg_current_xact_id()")
                # Transactions of other tests are of the same cluster: older ones end before this one does.
                mine = await somebody.fetchval("SELECT pg_current_xact_id()::text")
                oldest = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text = $1"
                await eventually(lambda: connection.fetchval(oldest, mine))
                await looking.look(connection)
                assert told("onerouter_event_readers_held_up_seconds") == 0, "nothing was written since"
                now = 10.0
                await connection.execute("SELECT pg_current_xact_id()")
                await looking.look(connection)
                now = 75.0
                await looking.look(connection)
                assert told("onerouter_event_readers_held_up_seconds") == 65
        finally:
            await somebody.close()


_STANDS_BY = """
SELECT count(*) = 1 FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%onerouter.webhooks.watch%'
"""


async def test_one_process_tells_and_another_takes_over_when_it_ends(made: Database, pool: Pool) -> None:
    first, second = Watch(made.dsn, every_s=0.05), Watch(made.dsn, every_s=0.05)
    await fill(pool, LONG, 1)
    async with AsyncExitStack() as cleanup:
        admin = await asyncpg.connect(made.admin_dsn)
        cleanup.push_async_callback(admin.close)
        first_task = asyncio.create_task(first.run())
        cleanup.push_async_callback(end, first_task)
        await eventually(lambda: told("onerouter_deliveries_overdue_seconds") >= HOUR_S)
        cleanup.push_async_callback(end, asyncio.create_task(second.run()))
        await eventually(lambda: admin.fetchval(_STANDS_BY))
        assert first.is_telling and not second.is_telling
        await end(first_task)
        await eventually(lambda: second.is_telling and told("onerouter_deliveries_overdue_seconds") >= HOUR_S)
    assert told("onerouter_deliveries_overdue_seconds") == 0, "nobody looks any more"
