"""From the first shape to the newest, with operations in many partitions, while workers run."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.migrating import empty_database, migrate, try_to_migrate

from onerouter_common.db.engine import worker_role
from onerouter_local.testing import Cluster

_OPERATION = """
INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, fingerprint,
    made_by, api_key_id, accepted_at, created_at, state, due_at)
VALUES ($1, 'ten_1', 'live', 'payments', 'payment.create', $1, $1, '{"amount_minor": 1}', 'f', 'cmd_1', 'key_1', $2, $2,
    $3, CASE $3 WHEN 'accepted' THEN now() END)
"""


@pytest.fixture
async def old(postgres: Cluster) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    """The owner's address of a database of the first shape that holds operations, and a superuser's session there."""
    async with empty_database(postgres) as (owner, superuser):
        await migrate("payments", owner, "0001")
        session = await asyncpg.connect(superuser)
        try:
            for months in (-30, -1, 0, 1, 3):
                at = await session.fetchval("SELECT now() + make_interval(months => $1)", months)
                for state in ("accepted", "succeeded"):
                    await session.execute(_OPERATION, f"op_{months}_{state}", at, state)
            yield owner, session
        finally:
            await session.close()


async def rows_of(session: asyncpg.Connection) -> list[dict[str, object]]:
    return [dict(row) for row in await session.fetch("SELECT tableoid::regclass::text, * FROM operations ORDER BY id")]


async def test_operations_of_all_partitions_stay_what_they_were(old: tuple[str, asyncpg.Connection]) -> None:
    owner, session = old
    before = await rows_of(session)
    assert len(before) == 10
    assert {row["tableoid"] for row in before} > {"operations_default"}
    assert len({row["tableoid"] for row in before}) == 5
    await migrate("payments", owner)
    added = {"routing": None, "stuck_at": None, "priority": 0, "turn_at": None}
    assert await rows_of(session) == [{**row, **added} for row in before]


async def test_a_worker_stores_decisions_in_old_and_new_partitions(old: tuple[str, asyncpg.Connection]) -> None:
    owner, session = old
    await migrate("payments", owner)
    async with session.transaction():
        await session.execute(f"SET LOCAL ROLE {worker_role('payments')}")
        assert await session.fetchval("SELECT onerouter_ensure_partitions('operations', 6)") == 3
        at = await session.fetchval("SELECT now() + make_interval(months => 6)")
        await session.execute(_OPERATION, "op_new", at, "accepted")
        changed = await session.execute("""UPDATE operations SET routing = '{"by": "rule"}'""")
    assert changed == "UPDATE 11"
    bare = await session.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid "
        "WHERE inhparent = 'operations'::regclass AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    )
    assert bare == []


async def test_it_gives_up_where_operations_are_in_use_and_changes_nothing(old: tuple[str, asyncpg.Connection]) -> None:
    owner, session = old
    before = await rows_of(session)
    async with session.transaction():
        await session.execute("UPDATE operations SET attempts = attempts WHERE id = 'op_0_accepted'")
        code, said = await try_to_migrate("payments", owner)
        assert (code, "TablesBusy" in said) == (1, True), said
    assert await rows_of(session) == before
    assert await session.fetchval("SELECT version_num FROM alembic_version") == "0001"
    await migrate("payments", owner)
