"""Results as they are written: once, whatever became of the answer that they were; and none by whom the lease was lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onerouter_common.db.engine import Pool
from onerouter_common.ids import ATTEMPT, new_id
from onerouter_webhooks.database import database_pool
from onerouter_webhooks.delivery.queue import Attempt, Completion, Decision, Finished, Lease, TryAgain, Work
from onerouter_webhooks.delivery.repository import DeliveryQueue
from onerouter_webhooks.delivery.requests import Requests
from onerouter_webhooks.delivery.slots import Lane
from onerouter_webhooks.delivery.transport import Answer
from onerouter_webhooks.endpoint.keys import SigningKeysUnavailable

from ..conftest import CreateDatabase
from .test_backlog import fill

NOW = datetime.now(UTC)
LANE = Lane("we_long", "ten_1")
LEASE = Lease("wrk_1", timedelta(seconds=20), timedelta(seconds=15))
OTHER = LEASE._replace(owner="wrk_2")


@pytest.fixture
async def pool(database: CreateDatabase) -> AsyncIterator[Pool]:
    made = await database("webhooks")
    async with database_pool(made.dsn, size=2) as opened:
        await opened.execute(
            "INSERT INTO webhook_endpoints (id, tenant_id, environment, url, metadata, status, created_at, updated_at) "
            "VALUES ('we_long', 'ten_1', 'test', 'https://example.com', '{}', 'enabled', now(), now())"
        )
        yield opened


def result(work: Work, status: int, decision: Decision) -> Completion:
    answer = Answer(status, None if status == 200 else "status", 5, {}, body=b"said")
    return Completion(work, decision, Attempt(new_id(ATTEMPT), work.attempts + 1, NOW, answer), NOW)


async def written(pool: Pool) -> dict[str, Any]:
    row = await pool.fetchrow(
        "SELECT (SELECT count(*) FROM deliveries) AS ended, (SELECT count(*) FROM delivery_queue) AS owed, "
        "(SELECT count(*) FROM delivery_attempts) + (SELECT count(attempt_id) FROM deliveries) AS attempts, "
        "(SELECT count(*) FROM delivery_attempts WHERE late) AS late, "
        "(SELECT sum(consecutive_failures) FROM webhook_endpoints) AS failures"
    )
    assert row is not None
    return dict(row)


@pytest.mark.parametrize("all_taken", [True, False])
async def test_what_is_written_again_because_nobody_said_that_it_was_changes_nothing(
    pool: Pool, all_taken: bool
) -> None:
    queue = DeliveryQueue(pool)
    await fill(pool, LANE, 2)
    first, second = await queue.claim({LANE: 2}, LEASE)
    batch = [
        result(first, 200, Finished("succeeded")),
        result(second, 200, Finished("succeeded")) if all_taken else result(second, 500, TryAgain(60)),
    ]
    assert await queue.complete(batch) == [True, True]
    before = await written(pool)
    assert before == {
        "ended": 2 if all_taken else 1,
        "owed": 0 if all_taken else 1,
        "attempts": 2,
        "late": 0,
        # Both are of one moment: who takes something is well.
        "failures": 0,
    }
    assert await queue.complete(batch) == [False, False]
    assert await written(pool) == before


async def test_what_is_written_again_beside_something_else_is_not_attempted_twice(pool: Pool) -> None:
    queue = DeliveryQueue(pool)
    await fill(pool, LANE, 2)
    first, second = await queue.claim({LANE: 2}, LEASE)
    taken, failed = result(first, 200, Finished("succeeded")), result(second, 500, TryAgain(60))
    assert await queue.complete([taken]) == [True]
    assert await queue.complete([taken, failed]) == [False, True]
    after = await written(pool)
    assert (after["attempts"], after["late"]) == (2, 0)


async def test_what_is_taken_at_once_is_one_row_and_whatever_took_longer_has_its_attempts_beside_it(pool: Pool) -> None:
    queue = DeliveryQueue(pool)
    await fill(pool, LANE, 2)
    first, second = await queue.claim({LANE: 2}, LEASE)
    assert await queue.complete([result(second, 500, TryAgain(-1))]) == [True]
    (again,) = await queue.claim({LANE: 1}, LEASE)
    taken = [result(first, 200, Finished("succeeded")), result(again, 200, Finished("succeeded"))]
    assert await queue.complete(taken) == [True, True]
    kept = await pool.fetch(
        "SELECT attempt_id, attempts, status, duration_ms, response_body, response_headers, response_truncated "
        "FROM deliveries ORDER BY attempts"
    )
    at_once, later = (one.attempt for one in taken)
    assert at_once is not None and later is not None
    assert [tuple(row) for row in kept] == [
        (at_once.id, 1, 200, 5, b"said", {}, False),
        (None, 2, None, None, None, None, None),
    ]
    beside = await pool.fetch("SELECT delivery_id, number, status, late FROM delivery_attempts ORDER BY number")
    assert [tuple(row) for row in beside] == [(again.delivery_id, 1, 500, False), (again.delivery_id, 2, 200, False)]


async def test_who_lost_the_lease_changes_nothing_and_is_noted(pool: Pool) -> None:
    queue = DeliveryQueue(pool)
    await fill(pool, LANE, 1)
    (slow,) = await queue.claim({LANE: 1}, LEASE)
    await pool.execute("UPDATE delivery_queue SET lease_until = now() - interval '1 second'")
    assert await queue.reclaim_expired(10) == [LANE]
    (other,) = await queue.claim({LANE: 1}, OTHER)
    assert other.generation == slow.generation + 1
    for late in (result(slow, 500, Finished("exhausted")), result(slow, 200, Finished("succeeded"))):
        assert await queue.complete([late]) == [False]
    assert await written(pool) == {"ended": 0, "owed": 1, "attempts": 2, "late": 2, "failures": 0}
    assert await queue.complete([result(other, 200, Finished("succeeded"))]) == [True]
    assert (await written(pool))["ended"] == 1


async def test_who_stops_gives_back_its_own_leases_only(pool: Pool) -> None:
    queue = DeliveryQueue(pool)
    await fill(pool, LANE, 2)
    (mine,) = await queue.claim({LANE: 1}, LEASE)
    (theirs,) = await queue.claim({LANE: 1}, OTHER)
    assert await queue.release(LEASE.owner) == 1
    (again,) = await queue.claim({LANE: 5}, LEASE)
    assert (again.delivery_id, again.generation) == (mine.delivery_id, mine.generation + 1)
    assert await queue.complete([result(mine, 200, Finished("succeeded"))]) == [False]
    assert await queue.complete([result(theirs, 200, Finished("succeeded"))]) == [True]


async def test_a_probe_is_kept_for_when_something_can_be_sent(pool: Pool) -> None:
    """The endpoint was left alone, its time is over, and its rate lets nothing out at this moment."""
    queue = DeliveryQueue(pool)
    await fill(pool, LANE, 3)
    await pool.execute(
        "UPDATE webhook_endpoints SET breaker_opens = 1, breaker_until = now() - interval '1 second', rate_per_s = 0.001, "
        "rate_used_until = now() + interval '1 hour'"
    )
    assert await queue.claim({LANE: 3}, LEASE, rated=["we_long"]) == []
    await pool.execute("UPDATE webhook_endpoints SET rate_used_until = now() - interval '1 hour'")
    (probe,) = await queue.claim({LANE: 3}, LEASE, rated=["we_long"])
    assert probe.is_probe


async def test_keys_that_do_not_come_cost_no_more_than_the_attempt_may_take(pool: Pool) -> None:
    """A database that is slow must not have a request outlast its lease."""

    class SlowKeys:
        def find_open(self, *_: object) -> None:
            return None

        async def of(self, *_: object) -> None:
            await asyncio.sleep(60)

    nobody: Any = None
    slow: Any = SlowKeys()
    queue = DeliveryQueue(pool)
    await fill(pool, LANE, 1)
    (work,) = await queue.claim({LANE: 1}, LEASE)
    with pytest.raises(SigningKeysUnavailable):
        await Requests(slow, nobody, nobody, timeout_s=0.05).send(work, "https://example.com", b"{}", NOW)
