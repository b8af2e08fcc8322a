"""Sent by hand and taken while it was under way by itself: it is not sent again."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from onerouter_common.db.engine import Pool
from onerouter_webhooks.delivery import repository
from onerouter_webhooks.delivery.health import GONE
from onerouter_webhooks.delivery.queue import Completion, Decision, Finished, Hold, TryAgain, Work
from onerouter_webhooks.delivery.repository import DeliveryQueue

from ..conftest import eventually
from .test_backlog import LONG, cost, fill
from .test_results import LANE, LEASE, OTHER, pool, result

__all__ = ["pool"]

_BY_HAND = """
INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, next_at, trigger,
                            created_at)
SELECT 'dlv_by_hand', tenant_id, environment, endpoint_id, event_id, event_at, event_type, 0, now(), 'manual', now()
FROM delivery_queue
"""
_ENDED = "SELECT id, outcome, attempts FROM deliveries ORDER BY id"
_WAITS = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"


async def both(pool: Pool) -> tuple[Work, Work]:
    """The one that goes out by itself, and the one sent by hand."""
    await fill(pool, LANE, 1)
    (by_itself,) = await DeliveryQueue(pool).claim({LANE: 1}, LEASE)
    await pool.execute(_BY_HAND)
    (by_hand,) = await DeliveryQueue(pool).claim({LANE: 1}, OTHER, asked=True)
    return by_itself, by_hand


def taken(by_hand: Work) -> Completion:
    return replace(result(by_hand, 200, Finished("succeeded")), at=datetime.now(UTC))


async def outcomes(pool: Pool) -> dict[str, tuple[str, int]]:
    return {row["id"]: (row["outcome"], row["attempts"]) for row in await pool.fetch(_ENDED)}


@pytest.mark.parametrize("decision", [TryAgain(5), Hold(), Hold(disable=GONE)], ids=str)
async def test_what_would_be_put_back_ends(pool: Pool, decision: Decision) -> None:
    by_itself, by_hand = await both(pool)
    queue = DeliveryQueue(pool)
    assert await queue.complete([taken(by_hand)]) == [True]
    assert await queue.complete([result(by_itself, 500, decision)]) == [True]
    assert await outcomes(pool) == {by_hand.delivery_id: ("succeeded", 1), by_itself.delivery_id: ("canceled", 1)}
    assert await pool.fetchval("SELECT count(*) FROM delivery_queue") == 0
    assert await pool.fetchval("SELECT count(*) FROM delivery_attempts WHERE late") == 0


async def test_what_was_refused_by_hand_goes_on(pool: Pool) -> None:
    by_itself, by_hand = await both(pool)
    queue = DeliveryQueue(pool)
    await queue.complete([result(by_hand, 500, Finished("exhausted"))])
    await queue.complete([result(by_itself, 500, TryAgain(5))])
    assert await pool.fetchval("SELECT state FROM delivery_queue") == 0


async def test_what_was_taken_by_hand_before_it_was_owed_does_not_count(pool: Pool) -> None:
    by_itself, by_hand = await both(pool)
    queue = DeliveryQueue(pool)
    await queue.complete([taken(by_hand)])
    await pool.execute("UPDATE delivery_queue SET created_at = now() + interval '1 minute'")
    await queue.complete([result(by_itself, 500, TryAgain(5))])
    assert await pool.fetchval("SELECT state FROM delivery_queue") == 0


async def test_both_results_at_once(pool: Pool) -> None:
    """The one is written and not committed yet when the other comes."""
    by_itself, by_hand = await both(pool)
    async with pool.acquire() as connection, connection.transaction():
        await repository._requeue(connection, [result(by_itself, 500, TryAgain(5))])
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(_complete_by_hand(pool, by_hand))
            await eventually(lambda: ending.done() or connection.fetchval(_WAITS))
            assert not ending.done(), "it waits for what is being put back"
            await connection.execute("COMMIT")
            await ending
            await connection.execute("BEGIN")
    assert await outcomes(pool) == {by_hand.delivery_id: ("succeeded", 1), by_itself.delivery_id: ("canceled", 1)}


async def _complete_by_hand(pool: Pool, by_hand: Work) -> None:
    assert await DeliveryQueue(pool).complete([taken(by_hand)]) == [True]


async def test_of_a_long_backlog_only_those_are_looked_at(pool: Pool) -> None:
    await fill(pool, LONG, 20_000)
    ids = [f"we_long_{number:08}" for number in range(1, 6)]
    assert await cost(pool, repository._CANCEL_TAKEN, ids) <= 20
    assert await cost(pool, repository._AWAIT_OTHERS, ["evt_1", "evt_2"], ["we_long", "we_long"]) <= 4
