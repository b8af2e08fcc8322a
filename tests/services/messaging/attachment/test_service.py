"""Files: the same bytes once, only their tenant's, as long as something needs them."""

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.services.messaging.examples import EMAIL_COMMAND, an_operation

from onerouter_common.db.engine import Pool
from onerouter_common.errors import InvalidRequest, PayloadTooLarge, RateLimited
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.attachment import repository
from onerouter_messaging.attachment.schemas import ATTACHMENT_BYTES
from onerouter_messaging.attachment.service import KEPT_S, UNUSED_S, Attachments, media_type_of
from onerouter_messaging.message.making import message_of
from onerouter_messaging.message.repository import MessageStore
from onerouter_messaging.suppression.repository import SuppressionList

ANN = TenantContext("ten_1", "test")
PDF = b"%PDF-1.7 an invoice"

_OPERATION = """
INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, fingerprint,
    made_by, api_key_id, accepted_at, created_at, state, due_at)
VALUES ($1, 'ten_1', 'test', 'email', 'email.send', $1, $1, $2, 'f', 'x', 'key_1', now(), now(), 'scheduled', now())
"""


@pytest.fixture
def attachments(engine: AsyncEngine, pool: Pool) -> Attachments:
    return Attachments(engine, pool)


async def forget(pool: Pool, most: int = 100) -> int:
    return await repository.forget(pool, unused_s=UNUSED_S, kept_s=KEPT_S, most=most)


async def execute_as_admin(messaging_database: Any, statement: str, *given: Any) -> None:
    connection = await asyncpg.connect(messaging_database.admin_dsn)
    await connection.execute(statement, *given)
    await connection.close()


async def grow_older(messaging_database: Any, days: float) -> None:
    ago = "make_interval(secs => $1)"
    older = f"UPDATE attachments SET handed_over_at = handed_over_at - {ago}, needed_until = needed_until - {ago}"
    await execute_as_admin(messaging_database, older, days * 86_400)


class TestKeep:
    async def test_the_same_bytes_are_there_once_for_whom_they_are(self, attachments: Attachments, pool: Pool) -> None:
        first = await attachments.keep(ANN, PDF, "application/pdf")
        assert await attachments.keep(ANN, PDF, "application/pdf; name=x") == first
        others = [
            await attachments.keep(tenant, PDF, "application/pdf")
            for tenant in (TenantContext("ten_2", "test"), TenantContext("ten_1", "live"))
        ]
        assert len({first.id, *(one.id for one in others)}) == 3
        assert await pool.fetchval("SELECT count(*) FROM attachments") == 3
        assert await repository.load(pool, "ten_1", "test", first.id) == PDF
        for tenant_id, environment in (("ten_2", "test"), ("ten_1", "live")):
            assert await repository.load(pool, tenant_id, environment, first.id) is None

    async def test_too_much_and_nothing_are_refused(self, attachments: Attachments) -> None:
        largest = await attachments.keep(ANN, b"x" * ATTACHMENT_BYTES, None)
        assert (largest.size_bytes, largest.content_type) == (ATTACHMENT_BYTES, "application/octet-stream")
        with pytest.raises(PayloadTooLarge):
            await attachments.keep(ANN, b"x" * (ATTACHMENT_BYTES + 1), None)
        with pytest.raises(InvalidRequest, match="empty"):
            await attachments.keep(ANN, b"", None)


class TestRoom:
    async def test_a_tenant_keeps_so_much_at_a_time(
        self, engine: AsyncEngine, pool: Pool, messaging_database: Any
    ) -> None:
        attachments = Attachments(engine, pool, most_bytes=10)
        await attachments.keep(ANN, b"x" * 6, None)
        with pytest.raises(RateLimited, match="10 bytes"):
            await attachments.keep(ANN, b"y" * 5, None)
        assert await pool.fetchval("SELECT count(*) FROM attachments") == 1
        for tenant in (TenantContext("ten_2", "test"), TenantContext("ten_1", "live")):
            await attachments.keep(tenant, b"y" * 5, None)
        await attachments.keep(ANN, b"z" * 4, None)
        await attachments.keep(ANN, b"x" * 6, None)  # the same bytes need no more room
        await grow_older(messaging_database, 1)
        assert await attachments.forget_once() == 4
        await attachments.keep(ANN, b"y" * 10, None)
        totals = await pool.fetch("SELECT tenant_id, environment, bytes FROM attachment_totals ORDER BY 1, 2")
        assert [tuple(row) for row in totals] == [("ten_1", "live", 0), ("ten_1", "test", 10), ("ten_2", "test", 0)]

    async def test_nor_more_by_asking_at_the_same_time(self, engine: AsyncEngine, pool: Pool) -> None:
        attachments = Attachments(engine, pool, most_bytes=10)
        asked = [attachments.keep(ANN, bytes([n]) * 4, None) for n in range(1, 9)]
        refused = [one for one in await asyncio.gather(*asked, return_exceptions=True) if isinstance(one, RateLimited)]
        assert len(refused) == 6
        assert await pool.fetchval("SELECT sum(size_bytes) FROM attachments") == 8


class TestForget:
    @pytest.mark.parametrize("path", ["attachments", "common"])
    async def test_what_something_unfinished_names_is_kept(
        self, attachments: Attachments, pool: Pool, messaging_database: Any, path: str
    ) -> None:
        named, lone = [(await attachments.keep(ANN, content, None)).id for content in (b"a", b"b")]
        uses = [{"attachment_id": named, "filename": "a"}]
        payload: Any = {"attachments": uses} if path == "attachments" else {"common": {"attachments": uses}}
        await pool.execute(_OPERATION, "em_1", payload)
        await grow_older(messaging_database, 0.03)
        assert await forget(pool) == 0
        await grow_older(messaging_database, 0.03)
        assert await forget(pool) == 2
        assert await repository.load(pool, "ten_1", "test", lone) is None
        assert await repository.load(pool, "ten_1", "test", named) == b"a"
        await pool.execute("UPDATE operations SET state = 'succeeded', due_at = NULL")
        assert await forget(pool) == 0  # a while after it was seen to be needed
        await grow_older(messaging_database, 0.05)
        assert await forget(pool) == 1
        assert await repository.load(pool, "ten_1", "test", named) is None

    async def test_nobody_elses_operation_keeps_it(
        self, attachments: Attachments, pool: Pool, messaging_database: Any
    ) -> None:
        for tenant in (TenantContext("ten_2", "test"), TenantContext("ten_1", "live")):
            named = (await attachments.keep(tenant, b"a", None)).id
            await pool.execute(_OPERATION, named, {"attachments": [{"attachment_id": named}]})
        await grow_older(messaging_database, 1)
        assert await forget(pool) == 2
        assert await pool.fetchval("SELECT count(*) FROM attachments") == 0

    async def test_what_a_bulk_send_has_in_common_is_kept_while_any_of_it_waits(
        self, attachments: Attachments, pool: Pool, messaging_database: Any
    ) -> None:
        named = (await attachments.keep(ANN, b"a", None)).id
        messages = [
            message_of(an_operation("email.send", id_), EMAIL_COMMAND.model_copy(update={"batch_id": "bat_1"}))
            for id_ in ("em_1", "em_2")
        ]
        async with pool.acquire() as connection, connection.transaction():
            await MessageStore(SuppressionList()).save(connection, messages)
        content = {"attachments": [{"attachment_id": named}]}
        await pool.execute("INSERT INTO batch_contents VALUES ('bat_1', 'ten_1', 'test', $1, now())", content)
        for message in messages:
            await pool.execute(_OPERATION, message.id, {"attachments": []})
        for ended in ("em_1", "em_2"):
            await grow_older(messaging_database, 0.1)
            assert await forget(pool) == 1
            assert await repository.load(pool, "ten_1", "test", named) == b"a"
            await pool.execute("UPDATE operations SET state = 'succeeded', due_at = NULL WHERE id = $1", ended)
        await grow_older(messaging_database, 0.1)
        assert await forget(pool) == 1
        assert await repository.load(pool, "ten_1", "test", named) is None

    async def test_what_is_planned_is_not_looked_at_again_before_its_time(
        self, attachments: Attachments, pool: Pool, messaging_database: Any
    ) -> None:
        ids = [(await attachments.keep(ANN, bytes([n]), None)).id for n in range(1, 6)]
        for id_ in ids[1:]:
            await pool.execute(_OPERATION, id_, {"attachments": [{"attachment_id": id_}]})
        await pool.execute("UPDATE operations SET not_before = now() + interval '20 days'")
        await grow_older(messaging_database, 1)
        assert [await forget(pool, most=3), await forget(pool, most=3), await forget(pool, most=3)] == [3, 2, 0]
        assert await pool.fetchval("SELECT count(*) FROM attachments") == 4
        await grow_older(messaging_database, 19.9)
        assert await forget(pool) == 0
        await grow_older(messaging_database, 0.2)
        assert await forget(pool) == 4

    async def test_it_reads_no_payload_to_find_what_names_a_file(self, pool: Pool, messaging_database: Any) -> None:
        await pool.execute(
            "INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, "
            "fingerprint, made_by, api_key_id, accepted_at, created_at, state, due_at) "
            "SELECT 'op' || n, 'ten_1', 'test', 'email', 'email.send', 'em' || n, 'em' || n, jsonb_build_object("
            "'attachments', jsonb_build_array(jsonb_build_object('attachment_id', 'atc_' || n))), 'f', 'x', 'key_1', now(), "
            "now(), 'scheduled', now() + interval '1 day' FROM generate_series(1, 3000) AS n"
        )
        await execute_as_admin(messaging_database, "ANALYZE operations")
        rows = await pool.fetch("EXPLAIN " + repository.ATTACHMENTS.needed, 100, KEPT_S)
        plan = "\n".join(row[0] for row in rows)
        assert "operations" in plan
        # Also as the worker, under row-level security.
        assert not [line for line in plan.splitlines() if "Seq Scan on operations" in line and "default" not in line]
        assert "_coalesce_idx" in plan

    async def test_nothing_is_kept_for_ever(
        self, attachments: Attachments, pool: Pool, messaging_database: Any
    ) -> None:
        named = (await attachments.keep(ANN, b"a", None)).id
        await pool.execute(_OPERATION, "em_1", {"attachments": [{"attachment_id": named}]})
        for days, is_kept in ((35.5, True), (1.0, False)):
            await grow_older(messaging_database, days)
            assert await forget(pool) == 1
            assert (await repository.load(pool, "ten_1", "test", named) is not None) == is_kept

    async def test_handed_over_again_it_waits_anew(
        self, attachments: Attachments, pool: Pool, messaging_database: Any
    ) -> None:
        await attachments.keep(ANN, b"a", None)
        await grow_older(messaging_database, 3)
        await attachments.keep(ANN, b"a", None)
        assert await forget(pool) == 0


class TestMediaType:
    @pytest.mark.parametrize(
        ("said", "told"),
        [
            ("application/pdf", "application/pdf"),
            (None, "application/octet-stream"),
            ("Text/CSV; charset=utf-8", "text/csv"),
        ],
    )
    def test_is_what_is_said(self, said: str | None, told: str) -> None:
        assert media_type_of(said) == told

    @pytest.mark.parametrize("said", ["pdf", "text/plain\r\nX-Injected: 1", "a/" + "b" * 200])
    def test_what_is_none_is_refused(self, said: str) -> None:
        with pytest.raises(InvalidRequest, match="content_type"):
            media_type_of(said)
