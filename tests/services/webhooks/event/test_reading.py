"""Reading in the order of commits, on a real database: no gap and no repeat, whoever writes meanwhile."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import cast

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import SystemClock
from onerouter_common.db.engine import _BOUNDS, Pool, tenant_engine
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.ids import TENANT, new_id
from onerouter_common.web.internal import TenantContext
from onerouter_webhooks.database import database_pool
from onerouter_webhooks.delivery.worker import DeliveryWorker
from onerouter_webhooks.event.access import EventAccess
from onerouter_webhooks.event.cursor import BEGINNING, Position, cursor_of, position_of
from onerouter_webhooks.event.reading import PAGE, EventReads, ReadEvent, Wanted
from onerouter_webhooks.event.repository import insert_events
from onerouter_webhooks.event.service import to_store

from ..conftest import CreateDatabase, an_event, eventually

_MANY = """
INSERT INTO events (id, occurred_at, tenant_id, environment, category, type, resource_kind, resource_id, sequence, body,
                    log_partition, log_offset)
SELECT id || n, occurred_at, tenant_id, environment, category, type, resource_kind, resource_id, sequence, body, 0, 0
FROM events, generate_series(1, $1::int) n
"""
_PUBLISHERS = 8
_EACH = 25
_ALL = Wanted()
_RARE = Wanted(("refund.failed",))


@dataclass
class Place:
    engine: AsyncEngine
    pool: Pool
    admin: "asyncpg.Pool[asyncpg.Record]"
    tenant_id: str = field(default_factory=lambda: new_id(TENANT))
    committed: list[str] = field(default_factory=list)
    """Events, as their transactions ended."""

    async def read(
        self, after: Position, wanted: Wanted = _ALL, limit: int = 100, environment: str = "test"
    ) -> tuple[list[ReadEvent], bool]:
        """What is behind a place, and whether nothing is being written."""
        async with tenant_transaction(self.engine, self.tenant_id, environment) as connection:
            reads = EventReads(connection, self.tenant_id, environment)
            horizon = await reads.horizon()
            found = await reads.page(after, horizon, wanted, limit)
            return found.events, horizon.is_clear

    async def publish(self, *types: str, hold_s: float = 0.0, undo: bool = False, tenant_id: str | None = None) -> None:
        """One batch, in a transaction that stays open for a while."""
        events = [to_store(an_event(tenant_id or self.tenant_id, type_), partition=0, offset=0) for type_ in types]
        async with self.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await insert_events(connection, events)
            await asyncio.sleep(hold_s)
            if undo:
                await transaction.rollback()
            else:
                await transaction.commit()
                self.committed += sorted(event.id for event in events)


@pytest.fixture
async def place(database: CreateDatabase) -> AsyncIterator[Place]:
    made = await database("webhooks")
    async with AsyncExitStack() as stack:
        yield Place(
            await stack.enter_async_context(tenant_engine(made.dsn, size=4)),
            await stack.enter_async_context(database_pool(made.dsn, size=_PUBLISHERS)),
            await stack.enter_async_context(asyncpg.create_pool(made.admin_dsn, min_size=1, max_size=2)),
        )


async def test_nothing_is_missed_or_repeated_under_concurrent_publishers_and_restarts(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what is so rare that most pages hold nothing."""
    monkeypatch.setattr("onerouter_webhooks.event.reading.LOOKED_AT", 8)
    access = EventAccess(place.engine, cast(DeliveryWorker, None), SystemClock())
    owner = TenantContext(place.tenant_id, "test")
    rng = random.Random(7)
    writing = True
    empty = 0

    async def publish() -> None:
        for _ in range(_EACH):
            types = ["refund.failed" if rng.random() < 0.06 else "payment.succeeded" for _ in range(rng.randint(1, 4))]
            await place.publish(*types, hold_s=rng.random() * 0.02, undo=rng.random() < 0.15)

    async def consume(wanted: Wanted) -> list[Position]:
        """Forgets all but its cursor after each page, as a process does that is started again."""
        nonlocal empty
        got: list[Position] = []
        cursor = cursor_of(BEGINNING)
        while True:
            last = not writing
            page = await access.page(owner, position_of(cursor, "after"), wanted, rng.randint(1, 9))
            got += [event.position for event in page.events]
            assert page.done or cursor != cursor_of(page.position), "it would never end"
            cursor = cursor_of(page.position)
            empty += not page.events and not page.done
            if last and page.done and not page.is_held_up:
                return got
            await asyncio.sleep(rng.random() * 0.005)

    consumers = [asyncio.create_task(consume(wanted)) for wanted in (_ALL, _ALL, _RARE, _RARE)]
    await asyncio.gather(*(publish() for _ in range(_PUBLISHERS)))
    writing = False
    everyone = await asyncio.gather(*consumers)
    rows = await place.admin.fetch("SELECT id, xid::text AS xid, seq, type FROM events ORDER BY seq")
    kept = [Position(int(row["xid"]), row["seq"]) for row in rows]
    written = [row["id"] for row in rows]
    assert sorted(written) == sorted(place.committed)
    assert len(kept) > _PUBLISHERS * _EACH
    overtaken = sum(place.committed.index(one) != number for number, one in enumerate(written))
    assert overtaken > _EACH, "no transaction overlapped another: nothing was tried"
    rare = [position for position, row in zip(kept, rows, strict=True) if row["type"] == "refund.failed"]
    assert rare
    assert empty, "nothing was so rare that a page was empty"
    assert everyone == [sorted(kept), sorted(kept), sorted(rare), sorted(rare)]


async def test_readers_wait_for_a_transaction_that_stays_open_and_then_see_all(place: Place) -> None:
    before = new_id(TENANT)
    await place.publish("payment.created")
    async with place.pool.acquire() as connection, connection.transaction():
        held = to_store(an_event(place.tenant_id, "payment.authorized"), partition=0, offset=0)
        await insert_events(connection, [held])
        await place.publish("payment.succeeded")
        await place.publish("payment.succeeded", tenant_id=before)
        events, is_clear = await place.read(BEGINNING)
        assert [event.type for event in events] == ["payment.created"]
        assert not is_clear
        cursor = events[-1].position
    events, _ = await place.read(cursor)
    assert [event.type for event in events] == ["payment.authorized", "payment.succeeded"]


async def test_a_transaction_left_open_is_ended_by_the_server(place: Place) -> None:
    async with place.pool.acquire() as connection:
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "10s"
        assert await connection.fetchval("SHOW statement_timeout") == "20s"
    async with tenant_transaction(place.engine, place.tenant_id, "test") as bound:
        shown = await bound.exec_driver_sql("SHOW idle_in_transaction_session_timeout")
        assert shown.scalar_one() == "10s"


async def test_who_leaves_one_open_is_ended_and_holds_up_nobody_any_longer(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_BOUNDS, "idle_in_transaction_session_timeout", "200")
    dsn = place.engine.url.render_as_string(hide_password=False).replace("+asyncpg", "")
    async with database_pool(dsn, size=1) as pool, pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await insert_events(connection, [to_store(an_event(place.tenant_id, "payment.created"), partition=0, offset=0)])
        await place.publish("payment.succeeded")
        assert not (await place.read(BEGINNING))[1], "readers are held up"

        async def is_clear() -> bool:
            return (await place.read(BEGINNING))[1]

        await eventually(is_clear, timeout_s=30, what="the end of who holds readers up")
        with pytest.raises((asyncpg.IdleInTransactionSessionTimeoutError, asyncpg.InterfaceError, OSError)):
            await connection.fetchval("SELECT 1")
    events, _ = await place.read(BEGINNING)
    assert [event.type for event in events] == ["payment.succeeded"], "what it had written was never there"


async def test_the_order_is_that_of_numbers(place: Place) -> None:
    for xid in ("100", "99", "18", "9"):
        await place.publish("payment.succeeded")
        await place.admin.execute(
            "UPDATE events SET xid = $1::text::xid8 WHERE seq = (SELECT max(seq) FROM events)", xid
        )
    events, _ = await place.read(BEGINNING)
    assert [event.position.xid for event in events] == [9, 18, 99, 100]


async def test_types_are_exact_or_all_below_a_name(place: Place) -> None:
    await place.publish(
        "payment.succeeded", "payment_link.paid", "paymentxlink.paid", "refund.failed", "refund.created"
    )
    events, _ = await place.read(BEGINNING, Wanted(("refund.failed",), ("payment_link.",)))
    assert sorted(event.type for event in events) == ["payment_link.paid", "refund.failed"]
    events, _ = await place.read(BEGINNING, Wanted((), ("payment.",)))
    assert [event.type for event in events] == ["payment.succeeded"]


async def test_each_sees_its_own(place: Place) -> None:
    await place.publish("payment.succeeded", tenant_id=new_id(TENANT))
    assert (await place.read(BEGINNING))[0] == []
    await place.publish("payment.succeeded")
    assert (await place.read(BEGINNING, environment="live"))[0] == []
    assert len((await place.read(BEGINNING))[0]) == 1


async def test_a_resumed_reader_walks_over_nothing_it_has_seen(place: Place) -> None:
    """The place is a condition of the index, also behind row-level security."""
    await place.publish("payment.succeeded")
    await place.admin.execute(_MANY, 5_000)
    await place.admin.execute("ANALYZE events")
    last = await place.admin.fetchrow("SELECT xid::text AS xid, seq FROM events ORDER BY seq DESC LIMIT 1")
    assert last is not None
    async with tenant_transaction(place.engine, place.tenant_id, "test") as connection:
        horizon = await EventReads(connection, place.tenant_id, "test").horizon()
        asked = {"xid": last["xid"], "seq": last["seq"] - 3, "finished": str(horizon.finished), "limit": 100, "most": 5}
        owner = {"tenant": place.tenant_id, "environment": "test", "all": True, "exact": [], "below": []}
        plan = await connection.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {PAGE.text}"), {**asked, **owner})
        told = json.dumps(plan.scalar_one())
    # The other months are empty.
    conditions = re.findall(r'"Index Cond": "([^"]*)"', told)
    assert any("ROW(xid, seq) >" in one and "xid <" in one and "tenant_id" in one for one in conditions), conditions
    assert all("xid::text" not in key for key in re.findall(r'"Sort Key": \[([^]]*)\]', told))
    assert re.findall(r'"Rows Removed by Filter": [1-9]', told) == []


async def test_a_page_looks_at_no_more_than_it_shows_nor_than_it_may(place: Place) -> None:
    """Whoever asks for all gets a page at once; whoever asks for what is not there walks over a bounded part."""
    await place.publish("payment.succeeded")
    await place.admin.execute(_MANY, 6_000)
    await place.admin.execute("ANALYZE events")
    async with tenant_transaction(place.engine, place.tenant_id, "test", steady=True) as connection:
        horizon = await EventReads(connection, place.tenant_id, "test").horizon()
        asked = {"xid": "0", "seq": 0, "finished": str(horizon.finished), "limit": 51, "most": 3_000}
        owner = {"tenant": place.tenant_id, "environment": "test", "below": []}
        for wanted, looked_at in (({"all": True, "exact": []}, 51), ({"all": False, "exact": ["none.such"]}, 3_000)):
            plan = await connection.execute(
                text(f"EXPLAIN (ANALYZE, FORMAT JSON) {PAGE.text}"), {**asked, **owner, **wanted}
            )
            told = json.dumps(plan.scalar_one())
            assert '"Node Type": "Sort"' not in told
            rows = max(float(one) for one in re.findall(r'"Actual Rows": ([0-9.]+)', told))
            assert looked_at <= rows <= looked_at + 10, told
