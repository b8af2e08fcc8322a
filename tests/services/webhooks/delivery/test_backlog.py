"""A long backlog of one endpoint: whatever is done in the queue touches what it is about, and not what lies beside it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest
from aiohttp import web

from onerouter_common.db.engine import Pool, worker_pool
from onerouter_webhooks.database import database_pool
from onerouter_webhooks.delivery import claims, repository
from onerouter_webhooks.delivery.queue import Lease, Work
from onerouter_webhooks.delivery.reading import _PAGE
from onerouter_webhooks.delivery.repository import DeliveryQueue
from onerouter_webhooks.delivery.slots import Lane

from ..conftest import CreateDatabase, Receiver, StartService, eventually

ROWS: Final = 20_000
ROOM: Final = 10
LONG, SHORT = Lane("we_long", "ten_1"), Lane("we_short", "ten_1")
LEASE = Lease("wrk_1", timedelta(seconds=20), timedelta(seconds=15))
ARGUMENTS: Final = (["we_long", "we_short"], [ROOM, ROOM], "wrk_1", LEASE.length, LEASE.attempt)

_ENDPOINTS = """
INSERT INTO webhook_endpoints (id, tenant_id, environment, url, metadata, status, created_at, updated_at)
SELECT id, 'ten_1', 'test', 'https://example.com', '{}', 'enabled', now(), now() FROM unnest($1::text[]) AS id
"""
_FILL = """
INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, next_at,
                            created_at, resource, position)
SELECT $1 || '_' || to_char(n, 'FM00000000'), 'ten_1', 'test', $1, 'evt_' || n, now(), 'payment.created', $3,
       now() - interval '1 hour' + n * interval '1 ms', now(),
       CASE WHEN $4 > 0 THEN 'pay_' || to_char(n % $4, 'FM0000') END, CASE WHEN $4 > 0 THEN n END
FROM generate_series(1, $2) AS n
"""
_OF_THE_EVENT = """
UPDATE delivery_queue q SET event_id = e.id, event_at = e.occurred_at FROM events e WHERE q.state = 0
"""


@pytest.fixture
async def pool(database: CreateDatabase) -> AsyncIterator[Pool]:
    made = await database("webhooks")
    async with database_pool(made.dsn, size=2) as opened:
        await opened.execute(_ENDPOINTS, ["we_long", "we_short"])
        yield opened


@pytest.fixture(params=["never counted", "counted when empty", "counted when all but empty"])
async def counted(request: pytest.FixtureRequest, database: CreateDatabase) -> AsyncIterator[Pool]:
    """As it is after some time: filled and emptied, and what the planner believes is of another moment than now."""
    made = await database("webhooks")
    async with database_pool(made.dsn, size=2) as opened:
        await opened.execute(_ENDPOINTS, ["we_long", "we_short"])
        if request.param != "never counted":
            few = 3 if request.param == "counted when all but empty" else 0
            await fill(opened, LONG, ROWS, resources=3)
            await opened.execute("DELETE FROM delivery_queue WHERE position > $1", few)
            owner = await asyncpg.connect(made.admin_dsn)
            await owner.execute("ANALYZE delivery_queue")
            await owner.close()
            await opened.execute("DELETE FROM delivery_queue")
        yield opened


async def fill(executor: Any, lane: Lane, count: int, *, state: int = 0, resources: int = 0) -> None:
    await executor.execute(_FILL, lane.endpoint_id, count, state, resources)


def touched(plan: Any) -> int:
    """Rows of the queue that were read, used or not."""
    if isinstance(plan, list):
        return sum(touched(part) for part in plan)
    rows = 0
    if plan.get("Relation Name") == "delivery_queue" and "Scan" in plan["Node Type"]:
        seen = (
            plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        )
        rows = round(seen * plan["Actual Loops"])
    return rows + touched(plan.get("Plan", [])) + touched(plan.get("Plans", []))


@asynccontextmanager
async def undone(pool: Pool) -> AsyncIterator[Any]:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            yield connection
        finally:
            await transaction.rollback()


async def cost(pool: Pool, statement: str, *arguments: object) -> int:
    async with undone(pool) as connection:
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", *arguments)
    return touched(plan)


async def test_of_a_million_only_what_there_is_room_for(counted: Pool) -> None:
    """Twenty thousand, to be quick: if they were walked over, they would be seen in the plan as well."""
    await fill(counted, LONG, ROWS)
    await fill(counted, SHORT, 3)
    assert await cost(counted, claims.CLAIM, *ARGUMENTS) <= 8 * ROOM
    assert await cost(counted, claims.CLAIM_IN_ORDER, *ARGUMENTS, 100) <= 8 * ROOM
    assert await cost(counted, claims.CLAIM_ASKED, *ARGUMENTS) <= 4
    assert await cost(counted, repository._DUE, 0.02, "", 1_000) <= 10
    assert await cost(counted, repository._ASK, 0.02, ["we_long", "we_short"]) <= 10
    assert await cost(counted, repository._ASKED, 1_000) == 0
    assert await cost(counted, repository._PUT_ASIDE, ["we_long"], ROOM) <= 4 * ROOM
    assert await cost(counted, repository._CANCEL, ["we_long"], ROOM) <= 4 * ROOM
    for back in (None, timedelta(seconds=6)):
        assert await cost(counted, repository._RECLAIM, ROOM, back) <= 4 * ROOM
    await counted.execute("UPDATE delivery_queue SET state = 2 WHERE endpoint_id = 'we_long'")
    assert await cost(counted, repository._TAKE_UP, ROOM) <= 4 * ROOM


@pytest.mark.parametrize("stuck", [False, True], ids=["due", "first_waits_for_its_retry"])
async def test_nor_what_waits_for_the_one_before_it(counted: Pool, stuck: bool) -> None:
    """All of the backlog is of three resources."""
    await fill(counted, LONG, ROWS, resources=3)
    await fill(counted, SHORT, 3)
    if stuck:
        await counted.execute(
            "UPDATE delivery_queue SET next_at = now() + interval '1 hour' WHERE endpoint_id = 'we_long' AND position = 1"
        )
    assert await cost(counted, claims.CLAIM_IN_ORDER, *ARGUMENTS, 100) <= 8 * ROOM
    claimed = await DeliveryQueue(counted).claim({LONG: ROOM, SHORT: ROOM}, LEASE, in_order=True)
    firsts = [work.delivery_id for work in claimed if work.lane == LONG]
    assert sorted(firsts) == [f"we_long_{number:08}" for number in ((2, 3) if stuck else (1, 2, 3))]
    assert len(claimed) - len(firsts) == 3
    assert await DeliveryQueue(counted).claim({LONG: ROOM}, LEASE, in_order=True) == [], "one at a time"


async def test_among_many_resources_those_go_first_that_have_waited_longest(pool: Pool) -> None:
    await fill(pool, LONG, 200, resources=100)
    await pool.execute("UPDATE delivery_queue SET next_at = next_at - position * interval '1 second'")
    claimed = await DeliveryQueue(pool).claim({LONG: 5}, LEASE, in_order=True)
    # Each resource's second waits for its first; of those the last has waited longest.
    assert sorted(work.delivery_id for work in claimed) == [f"we_long_{number:08}" for number in range(96, 101)]


async def test_ordered_and_not_together_are_no_more_than_there_is_room_for(pool: Pool) -> None:
    await fill(pool, LONG, 30, resources=30)
    await pool.execute("UPDATE delivery_queue SET resource = NULL, position = NULL WHERE position % 2 = 0")
    for in_order in (True, False):
        claimed = await DeliveryQueue(pool).claim({LONG: 7}, LEASE, in_order=in_order)
        first = 1 if in_order else 8
        assert sorted(work.delivery_id for work in claimed) == [
            f"we_long_{number:08}" for number in range(first, first + 7)
        ]


async def test_what_was_asked_for_by_hand_is_found_past_all_that_and_goes_first(pool: Pool) -> None:
    await fill(pool, LONG, ROWS)
    asked = await pool.fetchval(
        "UPDATE delivery_queue SET trigger = 'manual', next_at = now() WHERE id = 'we_long_00020000' RETURNING id"
    )
    queue = DeliveryQueue(pool)
    (due,) = await queue.due()
    assert due.asked_s is not None and due.wait_s < due.asked_s <= 0
    assert await cost(pool, claims.CLAIM_ASKED, *ARGUMENTS) <= 4
    await pool.execute(
        "UPDATE webhook_endpoints SET breaker_opens = 1, breaker_until = now() + interval '1 hour' WHERE id = 'we_long'"
    )
    (due,) = await queue.due()
    assert due.asked_s is not None and due.asked_s <= 0 < due.wait_s
    assert await queue.claim({LONG: ROOM}, LEASE) == [], "it is left alone"
    claimed = await queue.claim({LONG: ROOM}, LEASE, asked=True)
    assert [(work.delivery_id, work.is_probe) for work in claimed] == [(asked, False)]


async def test_of_many_endpoints_that_were_enabled_so_many_are_taken_up_at_a_time(pool: Pool) -> None:
    lanes = [Lane(f"we_{number}", "ten_1") for number in range(8)]
    for lane in lanes:
        await fill(pool, lane, 3, state=2)
    await pool.execute(_ENDPOINTS, [lane.endpoint_id for lane in lanes])
    await pool.execute("UPDATE webhook_endpoints SET status = 'paused' WHERE id = 'we_1'")
    queue, taken = DeliveryQueue(pool), Counter[Lane]()
    for expected in (10, 10, 1, 0):
        part = await queue.take_up(10)
        assert part.total() == expected
        taken += part
    assert taken == Counter({lane: 3 for lane in lanes if lane.endpoint_id != "we_1"})


async def test_a_page_of_what_an_endpoint_is_owed_looks_at_no_more(database: CreateDatabase) -> None:
    made = await database("webhooks")
    async with worker_pool(made.dsn, "webhooks", size=2) as pool:  # planned as for a tenant, whose request it is
        await fill(pool, LONG, ROWS)
        await fill(pool, SHORT, 3)
        await DeliveryQueue(pool).claim({LONG: ROOM, SHORT: 1}, LEASE)
        owner = await asyncpg.connect(made.admin_dsn)
        await owner.execute("ANALYZE delivery_queue")
        await owner.close()
        since, until = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
        page = str(_PAGE)
        for number, name in enumerate(("endpoint", "since", "until", "cursor", "type", "status", "limit"), start=1):
            page = page.replace(f":{name}", f"${number}")
        for lane in (LONG, SHORT):
            asked = (lane.endpoint_id, since, until, "zzz", None, None, ROOM)
            assert await cost(pool, page, *asked) <= 4 * ROOM


async def test_a_deleted_endpoints_backlog_ends_a_part_at_a_time(
    start_service: StartService, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onerouter_webhooks.endpoint.repository._CANCELED_AT_ONCE", 10)
    monkeypatch.setattr("onerouter_webhooks.delivery.worker._RECLAIM_BATCH", 10)
    async with start_service() as service:
        endpoint = await service.create_endpoint(receiver.url)
        path = f"/internal/webhook-endpoints/{endpoint['id']}"
        await service.http.post(f"{path}/pause", headers=service.owner())
        lane = Lane(endpoint["id"], service.connection.tenant_id)
        await fill(service.app.state.services.pool, lane, 95, state=2)
        assert (await service.http.delete(path, headers=service.owner())).status_code == 200
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 0 FROM delivery_queue"))
        ended = await service.admin.fetch("SELECT outcome, count(*) AS count FROM deliveries GROUP BY 1")
        assert [tuple(row) for row in ended] == [("canceled", 95)]
    assert receiver.got == []


async def test_a_disabled_endpoints_backlog_is_put_aside_a_part_at_a_time(
    start_service: StartService, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_: web.Request, __: int) -> web.StreamResponse:
        return web.Response(status=410)

    receiver.answer = gone
    monkeypatch.setattr("onerouter_webhooks.delivery.worker._RECLAIM_BATCH", 10)
    async with start_service() as service:
        endpoint = await service.create_endpoint(receiver.url)
        lane = Lane(endpoint["id"], service.connection.tenant_id)
        async with service.app.state.services.pool.acquire() as connection, connection.transaction():
            await fill(connection, lane, 95)  # nobody sees them while they are due
            await connection.execute("UPDATE delivery_queue SET next_at = now() + interval '1 hour'")
        await service.publish(service.event())
        # With the one that was refused, and the event that tells of it.
        await eventually(lambda: service.admin.fetchval("SELECT count(*) = 97 FROM delivery_queue WHERE state = 2"))
    assert len(receiver.got) == 1


async def test_a_stopping_process_sends_nothing_of_what_it_claims_meanwhile_and_frees_it(
    start_service: StartService, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims_now, may_end, answers = asyncio.Event(), asyncio.Event(), asyncio.Event()
    claim = DeliveryQueue.claim

    async def held_back(queue: DeliveryQueue, *what: Any, **how: Any) -> list[Work]:
        claimed = await claim(queue, *what, **how)
        if receiver.got and claimed:
            claims_now.set()
            await may_end.wait()
        return claimed

    async def slow(_: web.Request, __: int) -> web.StreamResponse:
        await answers.wait()
        return web.Response()

    monkeypatch.setattr(DeliveryQueue, "claim", held_back)
    receiver.answer = slow
    async with start_service() as service:
        endpoint = await service.create_endpoint(receiver.url)
        await service.publish(service.event())
        await eventually(lambda: receiver.got)
        lane = Lane(endpoint["id"], service.connection.tenant_id)
        worker = service.app.state.services.worker
        await fill(service.admin, lane, 50)
        await service.admin.execute(_OF_THE_EVENT)
        worker.wake()
        async with asyncio.timeout(60):
            await claims_now.wait()
        draining = asyncio.create_task(worker.drain(60.0))
        await eventually(lambda: worker._draining)
        # One after the other: the request that was begun ends while the claim is still under way.
        answers.set()
        await eventually(lambda: worker.in_flight == 0)
        assert not draining.done(), "not before the leases are known"
        may_end.set()
        await draining
        rows = await service.admin.fetch("SELECT state, attempts, owner FROM delivery_queue")
        assert [tuple(row) for row in rows] == [(0, 0, None)] * 50
        assert worker._slots.in_flight == 0
    assert len(receiver.got) == 1


async def test_and_waits_for_what_was_begun_while_it_stops(start_service: StartService, receiver: Receiver) -> None:
    answers = [asyncio.Event(), asyncio.Event()]

    async def slow(_: web.Request, number: int) -> web.StreamResponse:
        await answers[number - 1].wait()
        return web.Response()

    receiver.answer = slow
    async with start_service() as service:
        endpoint = await service.create_endpoint(receiver.url)
        await service.publish(service.event())
        await eventually(lambda: receiver.got)
        worker, lane = service.app.state.services.worker, Lane(endpoint["id"], "ten_1")
        assert worker.reserve(lane)
        async with service.app.state.services.pool.acquire() as connection, connection.transaction():
            await fill(connection, lane, 1)  # nobody sees it while it is due
            await connection.execute(_OF_THE_EVENT)
            (work,) = await claims.claim(connection, {lane: 1}, worker.lease, in_order=False)
        draining = asyncio.create_task(worker.drain(60.0))
        await eventually(lambda: worker._draining)
        worker.start(work)
        await eventually(lambda: len(receiver.got) == 2)
        answers[0].set()
        await eventually(lambda: worker.in_flight == 1)
        assert not draining.done()
        answers[1].set()
        await draining
        ended = await service.admin.fetch("SELECT outcome, attempts FROM deliveries")
        assert [tuple(row) for row in ended] == [("succeeded", 1)] * 2
