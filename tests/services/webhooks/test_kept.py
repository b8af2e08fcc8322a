"""How long events, deliveries and attempts are kept: a partition for each day, made ahead, opened only when it matters."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.db.engine import Pool, tenant_engine
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.ids import DELIVERY, EVENT, first_id, made_at, new_id
from onerouter_webhooks.callback.stored.repository import StoredCallbacks
from onerouter_webhooks.database import database_pool
from onerouter_webhooks.delivery import reading as deliveries
from onerouter_webhooks.delivery.queue import Lease
from onerouter_webhooks.delivery.repository import DeliveryQueue
from onerouter_webhooks.delivery.slots import Lane
from onerouter_webhooks.endpoint.ended import EndedTenants
from onerouter_webhooks.event import reading as events
from onerouter_webhooks.maintenance import Maintenance

from .conftest import CreateDatabase, StartService, eventually

START = datetime(2031, 3, 10, 15, 30, tzinfo=UTC)
"""Far from the months that are there from the beginning."""
DAY = timedelta(days=1)
EVENTS_FOR, DELIVERIES_FOR = timedelta(days=30), timedelta(days=90)
OWNER = ("ten_1", "test")

_EVENT = """
INSERT INTO events (id, occurred_at, tenant_id, environment, category, type, resource_kind, resource_id, sequence, body,
                    log_partition, log_offset)
VALUES ($1, $2, 'ten_1', 'test', 'payments', 'payment.created', 'payment', 'pay_1', 1, '{"data":{}}', 0, 0)
RETURNING tableoid::regclass::text
"""
_DELIVERY = """
INSERT INTO deliveries (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, attempts, trigger,
                        created_at, finished_at)
VALUES ($1, 'ten_1', 'test', 'we_1', 'evt_1', $2, 'payment.created', 'succeeded', 1, 'event', $2, $2)
"""
_ATTEMPT = """
INSERT INTO delivery_attempts (id, tenant_id, environment, delivery_id, endpoint_id, number, trigger, created_at, duration_ms,
                               response_headers, response_body, response_truncated, late)
VALUES ($1, 'ten_1', 'test', $2, 'we_1', 1, 'event', $3, 1, '{}', '', false, false)
"""
_OWED = """
INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, next_at,
                            created_at)
VALUES ($1, 'ten_1', 'test', 'we_1', $2, $3, 'payment.created', 0, now(), $3)
"""
_KNOWN = "INSERT INTO known_sequences VALUES ('ten_1', 'test', 'payment', $1, '{[1,2)}', NULL, $2)"
_PARTITIONS = """
SELECT c.relname::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS secured
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::text::regclass ORDER BY 1
"""


@dataclass
class StoppedClock:
    at: datetime = START

    def now(self) -> datetime:
        return self.at


@dataclass
class Place:
    pool: Pool
    engine: AsyncEngine
    admin: "asyncpg.Connection[asyncpg.Record]"
    maintenance: Maintenance
    clock: StoppedClock = field(default_factory=StoppedClock)

    async def days(self, table: str = "events") -> list[date]:
        names = [row["name"] for row in await self.pool.fetch(_PARTITIONS, table)]
        tails = [name.rpartition("_")[2] for name in names]
        return [
            date(int(tail[:4]), int(tail[4:6]), int(tail[6:])) for tail in tails if len(tail) == 8 and tail.isdigit()
        ]

    async def opened(self, statement: str, values: dict[str, Any]) -> set[str]:
        """Which partitions a tenant's read looks into."""
        async with tenant_transaction(self.engine, *OWNER) as connection:
            plan = await connection.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"), values)
            return set(_relations(plan.scalar_one()))


def _relations(plan: Any) -> Sequence[str]:
    """Of the scans that were carried out."""
    found: list[str] = []
    for node in [plan] if isinstance(plan, dict) else plan:
        if node.get("Actual Loops") and "Relation Name" in node:
            found.append(node["Relation Name"])
        for part in ("Plan", "Plans"):
            found += _relations(node.get(part, []))
    return found


async def _nobody_ended(_: Sequence[str]) -> Sequence[str]:
    return ()


@pytest.fixture
async def place(database: CreateDatabase) -> AsyncIterator[Place]:
    made = await database("webhooks")
    clock = StoppedClock()
    admin = await asyncpg.connect(made.admin_dsn)
    try:
        async with database_pool(made.dsn, size=2) as pool, tenant_engine(made.dsn, size=1) as engine:
            maintenance = Maintenance(
                pool,
                StoredCallbacks(pool),
                EndedTenants(pool, _nobody_ended),
                DAY,
                DAY,
                EVENTS_FOR,
                DELIVERIES_FOR,
                clock,
            )
            yield Place(pool, engine, admin, maintenance, clock)
    finally:
        await admin.close()


async def test_a_week_ahead_whatever_month_it_is_in_and_behind_row_level_security(place: Place) -> None:
    place.clock.at = START.replace(day=28)
    for _ in range(2):
        await place.maintenance.once()
        for table in ("events", "deliveries", "delivery_attempts"):
            ahead = [one for one in await place.days(table) if one.year == 2031]
            assert ahead == [date(2031, 3, 28) + DAY * number for number in range(8)]
            assert all(row["secured"] for row in await place.pool.fetch(_PARTITIONS, table))
    first = datetime(2031, 4, 1, tzinfo=UTC)
    assert await place.pool.fetchval(_EVENT, "evt_1", first) == "events_20310401"
    assert await place.pool.fetchval(_EVENT, "evt_2", first - timedelta(microseconds=1)) == "events_20310331"
    indexes = "SELECT count(*) FROM pg_indexes WHERE tablename = $1"
    assert (
        await place.pool.fetchval(indexes, "events_20310401")
        == await place.pool.fetchval(indexes, "events_default")
        > 2
    )


async def test_after_a_long_rest_the_day_is_there_before_anything_is_read(start_service: StartService) -> None:
    """The service was off for so long that nobody had made the days it wakes up in."""
    async with start_service(clock=StoppedClock()) as service:
        assert await service.admin.fetchval("SELECT to_regclass('events_20310310') IS NOT NULL")
        event = service.event(occurred_at=START)
        await service.publish(event)
        stored = "SELECT tableoid::regclass::text FROM events WHERE id = $1"
        assert await eventually(lambda: service.admin.fetchval(stored, event.id)) == "events_20310310"


async def test_events_go_after_thirty_days_and_their_deliveries_after_ninety(place: Place) -> None:
    made: set[date] = set()
    for number in range(0, 121, 24):
        place.clock.at = START + number * DAY
        await place.maintenance.once()
        made |= {place.clock.at.date() + ahead * DAY for ahead in range(8)}
        name = f"{number:03}"
        await place.pool.execute(_EVENT, f"evt_{name}", place.clock.at)
        await place.pool.execute(_DELIVERY, f"dlv_{name}", place.clock.at)
        await place.pool.execute(_ATTEMPT, f"att_{name}", f"dlv_{name}", place.clock.at)
        for table in ("events", "deliveries", "delivery_attempts"):
            oldest = (place.clock.at - (EVENTS_FOR if table == "events" else DELIVERIES_FOR)).date()
            days = {one for one in await place.days(table) if one.year == 2031}
            assert days == {one for one in made if one >= oldest}
    kept = {row["id"] for row in await place.pool.fetch("SELECT id FROM events")}
    assert kept == {"evt_096", "evt_120"}
    assert await place.pool.fetchval("SELECT min(id) FROM deliveries") == "dlv_048"
    assert await place.pool.fetchval("SELECT count(*) FROM delivery_attempts") == 4
    months = [row["name"] for row in await place.pool.fetch(_PARTITIONS, "events") if row["name"][-7] == "_"]
    assert months == [], "those of years ago went by their age"


async def test_what_is_owed_of_events_that_are_gone_is_canceled(place: Place) -> None:
    await place.maintenance.once()
    for days_ago in (31, 29):
        at = START - days_ago * DAY
        await place.pool.execute(_OWED, f"dlv_{days_ago}", first_id(EVENT, at), at)
    await place.maintenance.once()
    assert [row["id"] for row in await place.pool.fetch("SELECT id FROM delivery_queue")] == ["dlv_29"]
    ended = await place.pool.fetchrow("SELECT id, outcome, finished_at FROM deliveries")
    assert ended is not None
    assert tuple(ended) == ("dlv_31", "canceled", START)


async def test_what_is_known_of_resources_goes_when_nothing_was_told_of_them_for_as_long(place: Place) -> None:
    for number, days_ago in enumerate((31, 29)):
        await place.pool.execute(_KNOWN, f"pay_{number}", (START - days_ago * DAY).date())
    await place.maintenance.once()
    assert [row["resource_id"] for row in await place.pool.fetch("SELECT * FROM known_sequences")] == ["pay_1"]


async def test_what_has_no_day_is_kept_as_long_as_the_rest_and_keeps_only_its_own_day_from_being_made(
    place: Place,
) -> None:
    await place.maintenance.once()
    assert await place.pool.fetchval(_EVENT, "evt_late", START - 20 * DAY) == "events_default"
    assert await place.pool.fetchval(_EVENT, "evt_early", START + 9 * DAY) == "events_default"
    place.clock.at += 3 * DAY
    await place.maintenance.once()
    days = await place.days()
    assert (START + 9 * DAY).date() not in days
    assert {(START + 8 * DAY).date(), (START + 10 * DAY).date()} <= set(days)
    place.clock.at = START + 11 * DAY
    await place.maintenance.once()
    assert {row["id"] for row in await place.pool.fetch("SELECT id FROM events")} == {"evt_early"}


async def test_where_all_changes_are_published_everything_can_be_forgotten(place: Place) -> None:
    await place.maintenance.once()
    await place.admin.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    late = START - 200 * DAY
    await place.pool.execute(_EVENT, "evt_1", late)
    await place.pool.execute(_DELIVERY, "dlv_1", late)
    await place.pool.execute(_ATTEMPT, "att_1", "dlv_1", late)
    await place.pool.execute(_OWED, "dlv_2", first_id(EVENT, late), late)
    await place.maintenance.once()
    left = (
        "SELECT ARRAY(SELECT id FROM events UNION SELECT id FROM delivery_queue UNION SELECT id FROM delivery_attempts)"
    )
    assert await place.pool.fetchval(left) == []
    # That one was canceled only now.
    assert [row["id"] for row in await place.pool.fetch("SELECT id FROM deliveries")] == ["dlv_2"]
    await place.maintenance.once()
    assert await place.pool.fetchval("SELECT count(*) FROM deliveries") == 0


class TestOpened:
    """Of 40 days, only those that can matter."""

    @pytest.fixture(autouse=True)
    async def days(self, place: Place) -> None:
        for table in ("events", "deliveries", "delivery_attempts"):
            last = START.date() + 39 * DAY
            await place.pool.execute("SELECT onerouter_ensure_days($1, $2, $3)", table, START.date(), last)

    at = START + 20 * DAY
    period = {"since": at - DAY, "until": at + DAY}

    async def test_an_event_by_its_id(self, place: Place) -> None:
        id_ = first_id(EVENT, self.at)
        await place.pool.execute(_EVENT, id_, self.at)
        opened = await place.opened(events.GET.text, {"id": id_, **self.period})
        assert opened == {f"events_{self.at + number * DAY:%Y%m%d}" for number in (-1, 0, 1)}
        async with tenant_transaction(place.engine, *OWNER) as connection:
            reads = events.EventReads(connection, *OWNER)
            assert (found := await reads.find(id_)) and found.occurred_at == self.at
            for stranger in ("evt_1", "evt_" + "z" * 26, "evt_7" + "z" * 25, first_id(EVENT, START)):
                assert await reads.find(stranger) is None

    async def test_a_delivery_by_its_id_and_its_attempts(self, place: Place) -> None:
        id_ = first_id(DELIVERY, self.at)
        await place.pool.execute(_DELIVERY, id_, self.at)
        await place.pool.execute(_ATTEMPT, "att_1", id_, self.at)
        opened = await place.opened(deliveries.GET.text, {"id": id_, **self.period})
        assert len({name for name in opened if name.startswith("deliveries_2")}) == 3
        asked = {"deliveries": [id_], "bytes": 10, **self.period}
        opened = await place.opened(deliveries.ATTEMPTS.text, asked)
        assert len({name for name in opened if name.startswith("delivery_attempts_2")}) == 3
        async with tenant_transaction(place.engine, *OWNER) as connection:
            reads = deliveries.DeliveryReads(connection)
            found = await reads.find(id_)
            assert found is not None
            assert list(await reads.attempts([found], 10, self.at)) == [id_]
            cursor, later = first_id(DELIVERY, self.at + DAY), self.at + 10 * DAY
            assert [row["id"] for row in await reads.page("we_1", deliveries.Wanted(), cursor, 10, later)] == [id_]

    async def test_the_bodies_of_what_is_claimed(self, place: Place) -> None:
        for number in range(20):
            at = START + number * DAY
            id_ = first_id(EVENT, at)
            await place.pool.execute(_EVENT, id_, at)
            await place.pool.execute(_OWED, f"dlv_{number:02}", id_, at)
        queue, lease = DeliveryQueue(place.pool), Lease("wrk_1", DAY, DAY)
        before = await self._scans(place)
        claimed = await queue.claim({Lane("we_1", "ten_1"): 3}, lease)
        assert [work.body for work in claimed] == [b'{"data":{}}'] * 3
        assert await self._scans(place) - before <= 3

    async def _scans(self, place: Place) -> int:
        await place.pool.execute("SELECT pg_stat_force_next_flush()")
        scans = (
            "SELECT coalesce(sum(idx_scan + seq_scan), 0)::int FROM pg_stat_all_tables WHERE relname LIKE 'events\\_2%'"
        )
        return int(await place.admin.fetchval(scans))


def test_an_id_tells_when_it_was_made() -> None:
    assert made_at(first_id(EVENT, START)) == START
    made = made_at(new_id(DELIVERY))
    assert made is not None
    assert abs((datetime.now(UTC) - made).total_seconds()) < 60
    for other in ("", "evt_", "evt_short", "evt_7" + "z" * 25, "pay_" + "u" * 26, json.dumps({})):
        assert made_at(other) is None
