"""From the first shape to the newest, with events in several partitions."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from tests.migrating import empty_database, migrate, try_to_migrate

from onerouter_common.db.engine import worker_role
from onerouter_local.testing import Cluster

from .conftest import eventually

_EVENT = """
INSERT INTO events (id, occurred_at, tenant_id, environment, category, type, resource_kind, resource_id, sequence, body,
                    log_partition, log_offset)
VALUES ($1, now() + make_interval(months => $2), 'ten_1', 'test', 'payments', 'payment.created', 'payment', 'pay_1', 1,
        '{}', 0, 0)
"""

_OWED = """
INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, next_at,
                            created_at)
VALUES ($1, 'ten_1', 'test', 'we_1', 'evt_1', now(), 'payment.created', 0, now(), now())
"""

_BUILDS = """
SELECT count(*) > 0 FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'
"""

_INDEXES = """
SELECT c.relname::text FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
WHERE x.indrelid = 'delivery_queue'::regclass AND x.indisvalid ORDER BY 1
"""

_FILES = """
SELECT c.relname::text AS name, pg_relation_filenode(c.oid) AS file FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
WHERE inhparent = 'events'::regclass
"""


@pytest.fixture
async def old(postgres: Cluster) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    """The owner's address of a database of the second shape that holds events, and a superuser's session there."""
    async with empty_database(postgres) as (owner, superuser):
        await migrate("webhooks", owner, "0002")
        session = await asyncpg.connect(superuser)
        try:
            for number, months in enumerate((-30, -1, 0, 1)):
                await session.execute(_EVENT, f"evt_{number}", months)
            yield owner, session
        finally:
            await session.close()


async def test_events_that_are_there_come_before_all_new_ones(old: tuple[str, asyncpg.Connection]) -> None:
    owner, session = old
    await migrate("webhooks", owner)
    async with session.transaction():
        await session.execute(f"SET LOCAL ROLE {worker_role('webhooks')}")
        await session.execute(_EVENT, "evt_new", -1)
    rows = await session.fetch("SELECT id, xid::text AS xid, seq FROM events ORDER BY events.xid, seq")
    assert [row["id"] for row in rows][-1] == "evt_new"
    assert {row["xid"] for row in rows[:-1]} == {"3"}
    assert int(rows[-1]["xid"]) > 3
    assert len({row["seq"] for row in rows}) == 5


async def test_months_that_hold_events_stay_as_they_lie_and_those_to_come_make_room_for_days(
    old: tuple[str, asyncpg.Connection],
) -> None:
    owner, session = old
    await migrate("webhooks", owner, "0007")
    before = {row["name"]: row["file"] for row in await session.fetch(_FILES)}
    await migrate("webhooks", owner)
    after = {row["name"]: row["file"] for row in await session.fetch(_FILES)}
    months = sorted(name for name in before if re.fullmatch(r"events_\d{6}", name))
    # Of last month, this one and the next there are events; then come two without any.
    assert len(months) == 5
    assert {name: after.get(name) for name in before} == {**before, months[3]: None, months[4]: None}
    assert await session.fetchval("SELECT count(*) FROM events") == 4
    assert await session.fetchval("SELECT count(*) FROM events_default") == 1
    past_them = datetime.strptime(months[3][-6:] + "+0000", "%Y%m%z").date()
    ensure = "SELECT onerouter_ensure_days('events', $1, $2)"
    async with session.transaction():
        await session.execute(f"SET LOCAL ROLE {worker_role('webhooks')}")
        assert await session.fetchval(ensure, past_them - timedelta(days=9), past_them) == 1, "months have their days"


async def test_endpoints_and_what_they_are_owed_go_on_as_they_were(old: tuple[str, asyncpg.Connection]) -> None:
    owner, session = old
    await session.execute(
        "INSERT INTO webhook_endpoints (id, tenant_id, environment, url, metadata, status, consecutive_failures, "
        "created_at, updated_at) VALUES ('we_1', 'ten_1', 'test', 'https://example.com', '{}', 'enabled', 3, now(), now())"
    )
    await session.execute(
        "INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, "
        "attempts, next_at, created_at) VALUES ('dlv_1', 'ten_1', 'test', 'we_1', 'evt_1', now(), 'payment.created', 0, "
        "2, now(), now())"
    )
    before = [dict(row) for row in await session.fetch("SELECT * FROM delivery_queue")]
    await migrate("webhooks", owner)
    (endpoint,) = await session.fetch("SELECT * FROM webhook_endpoints")
    assert (endpoint["status"], endpoint["consecutive_failures"], endpoint["breaker_opens"]) == ("enabled", 3, 0)
    assert (endpoint["ordering"], endpoint["rate_per_s"], endpoint["told"]) == (None, None, 0)
    after = [dict(row) for row in await session.fetch("SELECT * FROM delivery_queue")]
    assert after == [{**one, "resource": None, "position": None} for one in before]


async def test_the_queue_is_written_while_its_indexes_are_built_and_a_build_that_was_interrupted_goes_on(
    old: tuple[str, asyncpg.Connection], postgres: Cluster
) -> None:
    owner, session = old
    await migrate("webhooks", owner, "0008")
    before = {row["relname"] for row in await session.fetch(_INDEXES)}
    name = await session.fetchval("SELECT current_database()")
    writer = await asyncpg.connect(urlunsplit(urlsplit(postgres.admin_dsn)._replace(path=f"/{name}")))
    try:
        async with session.transaction():
            await session.execute(_OWED, "dlv_1")  # and its transaction is a long one
            migrating = asyncio.create_task(try_to_migrate("webhooks", owner))
            await eventually(lambda: migrating.done() or writer.fetchval(_BUILDS))
            assert not migrating.done(), migrating.result()
            await writer.execute("SET lock_timeout = '10s'")
            await writer.execute(_OWED, "dlv_2")
        code, said = await migrating
        assert code == 0, said
    finally:
        await writer.close()
    after = {row["relname"] for row in await session.fetch(_INDEXES)}
    assert after == before - {"delivery_queue_in_order", "delivery_queue_endpoint", "delivery_queue_event"} | {
        "delivery_queue_asked",
        "delivery_queue_firsts",
        "delivery_queue_of_event",
        "delivery_queue_unordered",
        "delivery_queue_waiting",
    }
    # One is left unfinished, and the one that it replaces half dropped.
    await session.execute("CREATE INDEX delivery_queue_in_order ON delivery_queue (endpoint_id, resource, position)")
    await session.execute(
        "UPDATE pg_index SET indisvalid = false "
        "WHERE indexrelid IN ('delivery_queue_firsts'::regclass, 'delivery_queue_in_order'::regclass)"
    )
    await migrate("webhooks", owner)
    assert {row["relname"] for row in await session.fetch(_INDEXES)} == after
    assert await session.fetchval("SELECT to_regclass('delivery_queue_in_order') IS NULL")
