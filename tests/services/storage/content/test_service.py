"""Bytes on their way: once, their tenant's alone, bounded, and forgotten when what names them has ended."""

from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.services.storage.examples import PLACE, PUT, an_operation

from onerouter_common.contracts.storage import INLINE_BYTES
from onerouter_common.db.engine import Pool
from onerouter_common.errors import PayloadTooLarge, RateLimited
from onerouter_common.ids import new_id
from onerouter_common.web.internal import TenantContext
from onerouter_storage.content.repository import CONTENTS
from onerouter_storage.content.service import Contents
from onerouter_storage.object.place import place_of
from onerouter_storage.object.repository import ObjectStore
from onerouter_storage.room import Room

ANN = TenantContext("ten_1", "test")
ROOM = Room(INLINE_BYTES, largest=INLINE_BYTES, name="puts", full="Too many.")
_OPERATION = """
INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, fingerprint,
    made_by, api_key_id, accepted_at, created_at, state, due_at)
VALUES ($1, $2, 'test', 'storage', 'object.put', $1, $1, $3, 'f', 'x', 'key_1', now(), now(), 'retrying', now())
"""


@pytest.fixture
def contents(engine: AsyncEngine, pool: Pool) -> Contents:
    return Contents(engine, pool, ROOM)


async def as_admin(storage_database: Any, statement: str, *given: Any) -> None:
    connection = await asyncpg.connect(storage_database.admin_dsn)
    await connection.execute(statement, *given)
    await connection.close()


async def grow_older(storage_database: Any, seconds: float) -> None:
    ago = "make_interval(secs => $1)"
    older = f"UPDATE contents SET handed_over_at = handed_over_at - {ago}, needed_until = needed_until - {ago}"
    await as_admin(storage_database, older, seconds)


async def release(pool: Pool, id_: str) -> None:
    """As the end of an operation does that named them."""
    place = place_of(an_operation("object.put", PUT, PLACE), PUT, "s3")
    async with pool.acquire() as connection:
        await ObjectStore().save(connection, [replace(place, released=id_)])


async def test_the_same_bytes_are_there_once_for_whom_they_are(contents: Contents, pool: Pool) -> None:
    first = await contents.keep(ANN, b"hello")
    assert await contents.keep(ANN, b"hello") == first
    assert (first.size_bytes, len(first.sha256)) == (5, 64)
    others = [
        await contents.keep(tenant, b"hello")
        for tenant in (TenantContext("ten_2", "test"), TenantContext("ten_1", "live"))
    ]
    assert len({first.id, *(one.id for one in others)}) == 3
    assert await contents.load("ten_1", "test", first.id) == b"hello"
    for tenant_id, environment in (("ten_2", "test"), ("ten_1", "live")):
        assert await contents.load(tenant_id, environment, first.id) is None
    assert await contents.load("ten_1", "test", (await contents.keep(ANN, b"")).id) == b""


async def test_they_are_bounded(engine: AsyncEngine, pool: Pool) -> None:
    contents = Contents(engine, pool, ROOM, most_bytes=10)
    with pytest.raises(PayloadTooLarge, match="upload"):
        await contents.keep(ANN, b"x" * (INLINE_BYTES + 1))
    first = await contents.keep(ANN, b"x" * 6)
    with pytest.raises(RateLimited, match="10 bytes"):
        await contents.keep(ANN, b"y" * 5)
    await contents.keep(TenantContext("ten_2", "test"), b"y" * 5)
    await release(pool, first.id)
    assert await contents.forget_once() == 1
    await contents.keep(ANN, b"y" * 10)


class TestForgetting:
    async def test_when_what_named_them_has_ended(self, contents: Contents, pool: Pool) -> None:
        kept = await contents.keep(ANN, b"hello")
        assert await contents.forget_once() == 0
        await release(pool, kept.id)
        assert await contents.forget_once() == 1
        assert await contents.load("ten_1", "test", kept.id) is None
        assert await pool.fetchval("SELECT bytes FROM content_totals") == 0

    async def test_not_while_another_operation_names_them(
        self, contents: Contents, pool: Pool, storage_database: Any
    ) -> None:
        kept = await contents.keep(ANN, b"hello")
        payload = {**PUT.model_dump(mode="json"), "content_id": kept.id}
        await pool.execute(_OPERATION, "op_1", "ten_1", payload)
        await release(pool, kept.id)
        assert await contents.forget_once() == 1  # looked at, and kept
        assert await contents.load("ten_1", "test", kept.id) == b"hello"
        await pool.execute("UPDATE operations SET due_at = NULL, state = 'succeeded' WHERE id = 'op_1'")
        await grow_older(storage_database, 3_601)
        assert await contents.forget_once() == 1
        assert await contents.load("ten_1", "test", kept.id) is None

    async def test_not_for_an_operation_of_somebody_else(self, contents: Contents, pool: Pool) -> None:
        kept = await contents.keep(ANN, b"hello")
        await pool.execute(_OPERATION, "op_1", "ten_2", {**PUT.model_dump(mode="json"), "content_id": kept.id})
        await release(pool, kept.id)
        await contents.forget_once()
        assert await contents.load("ten_1", "test", kept.id) is None

    async def test_not_what_was_handed_over_for_another_command(
        self, contents: Contents, pool: Pool, storage_database: Any
    ) -> None:
        kept = await contents.keep(ANN, b"hello")
        assert await contents.keep(ANN, b"hello") == kept
        await release(pool, kept.id)
        await grow_older(storage_database, 3_000)  # the second command that names it is still in the log
        assert await contents.forget_once() == 0
        assert await contents.load("ten_1", "test", kept.id) == b"hello"
        await release(pool, kept.id)
        assert await contents.forget_once() == 1
        assert await contents.load("ten_1", "test", kept.id) is None

    async def test_after_an_hour_when_nothing_ever_named_them(
        self, contents: Contents, pool: Pool, storage_database: Any
    ) -> None:
        kept = await contents.keep(ANN, new_id("x").encode())
        await grow_older(storage_database, 3_601)
        assert await contents.forget_once() == 1
        assert await contents.load("ten_1", "test", kept.id) is None

    async def test_after_a_week_whatever_still_names_them(
        self, contents: Contents, pool: Pool, storage_database: Any
    ) -> None:
        kept = await contents.keep(ANN, b"hello")
        await pool.execute(_OPERATION, "op_1", "ten_1", {**PUT.model_dump(mode="json"), "content_id": kept.id})
        await grow_older(storage_database, 8 * 86_400)
        await contents.forget_once()
        assert await contents.load("ten_1", "test", kept.id) is None

    async def test_it_reads_no_payload_to_find_what_names_them(self, pool: Pool, storage_database: Any) -> None:
        await pool.execute(
            "INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, "
            "fingerprint, made_by, api_key_id, accepted_at, created_at, state, due_at) "
            "SELECT 'op' || n, 'ten_1', 'test', 'storage', 'object.put', 'obj' || n, 'obj' || n, jsonb_build_object("
            "'content_id', 'cnt_' || n), 'f', 'x', 'key_1', now(), now(), 'retrying', now() + interval '1 day' "
            "FROM generate_series(1, 3000) AS n"
        )
        await as_admin(storage_database, "ANALYZE operations")
        plan = "\n".join(row[0] for row in await pool.fetch("EXPLAIN " + CONTENTS.needed, 100, 604_800.0))
        # Also as the worker, under row-level security.
        assert not [line for line in plan.splitlines() if "Seq Scan on operations" in line and "default" not in line]
        assert "Index Cond: ((payload ->> 'content_id'::text) = " in plan, plan
