"""What is asked about is what can be sent, however many endpoints wait for something else."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Final

import pytest

from onerouter_common.db.engine import Pool
from onerouter_webhooks.database import database_pool
from onerouter_webhooks.delivery.dispatch import Dispatch
from onerouter_webhooks.delivery.queue import Due, Lease, Work
from onerouter_webhooks.delivery.repository import DeliveryQueue
from onerouter_webhooks.delivery.slots import Lane, Slots

from ..conftest import CreateDatabase
from .test_backlog import _ENDPOINTS, LONG, SHORT, fill

LEASE: Final = Lease("wrk_1", timedelta(seconds=20), timedelta(seconds=15))
_LATER = """
INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, next_at,
                            created_at)
SELECT 'dlv_' || n, 'ten_' || n % 50, 'test', 'we_' || to_char(n, 'FM00000'), 'evt_' || n, now(), 'payment.created', 0,
       now() + interval '1 hour', now()
FROM generate_series(1, $1) AS n
"""

_THEIR_ENDPOINTS = """
INSERT INTO webhook_endpoints (id, tenant_id, environment, url, metadata, status, created_at, updated_at)
SELECT endpoint_id, tenant_id, 'test', 'https://example.com', '{}', 'enabled', now(), now() FROM delivery_queue
"""


class Watched(DeliveryQueue):
    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.asked_about: list[list[str]] = []

    async def ask(self, endpoint_ids: Sequence[str]) -> list[Due]:
        self.asked_about.append(list(endpoint_ids))
        return await super().ask(endpoint_ids)


class Sender:
    """A process's, which sends nothing."""

    def __init__(self, pool: Pool, *, total: int = 500, name: str = "wrk_1") -> None:
        self.queue = Watched(pool)
        self.slots = Slots(total, 100, 10)
        self.dispatch = Dispatch(self.queue, self.slots, LEASE._replace(owner=name))
        self.begun: list[Work] = []

    async def claim(self) -> list[Lane]:
        """To whom something is sent now."""
        before = len(self.begun)
        await self.dispatch.claim(self.begun.append)
        return [work.lane for work in self.begun[before:]]

    def free(self, lane: Lane) -> bool:
        self.slots.free(lane)
        return self.dispatch.agenda.freed(lane)


@pytest.fixture
async def pool(database: CreateDatabase) -> AsyncIterator[Pool]:
    made = await database("webhooks")
    async with database_pool(made.dsn, size=2) as opened:
        await opened.execute(_ENDPOINTS, [LONG.endpoint_id, SHORT.endpoint_id])
        yield opened


async def test_many_that_wait_for_a_retry_are_not_asked_about(pool: Pool) -> None:
    await pool.execute(_LATER, 1_500)
    await pool.execute(_THEIR_ENDPOINTS)
    await fill(pool, LONG, 25)
    sender = Sender(pool)
    await sender.dispatch.look_around()
    assert not sender.dispatch.has_seen_all, "a part of them at a time"
    await sender.dispatch.look_around()
    assert sender.dispatch.has_seen_all
    assert await sender.claim() == [LONG] * 10
    assert await sender.claim() == [], "all of its slots are taken"
    assert sender.queue.asked_about == [["we_long"]]
    assert sender.dispatch.next_in() == pytest.approx(3_600, abs=300)
    assert sender.free(LONG), "and one of them is free again"
    assert await sender.claim() == [LONG]
    assert sender.queue.asked_about == [["we_long"]] * 2


async def test_what_comes_later_is_known_once_all_that_is_due_is_sent(pool: Pool) -> None:
    await fill(pool, SHORT, 3)
    await pool.execute("UPDATE delivery_queue SET next_at = now() + interval '1 hour' WHERE id = 'we_short_00000003'")
    sender = Sender(pool)
    await sender.dispatch.look_around()
    assert await sender.claim() == [SHORT] * 2
    assert sender.dispatch.next_in() == pytest.approx(3_600, abs=300)
    assert not sender.dispatch.agenda.is_waiting("we_short"), "what is new is sent at once"


async def test_endpoints_take_turns(pool: Pool) -> None:
    await fill(pool, LONG, 25)
    sender = Sender(pool, total=1)
    await sender.dispatch.look_around()
    assert await sender.claim() == [LONG]
    await fill(pool, SHORT, 2)
    sender.dispatch.agenda.note(SHORT)
    assert sender.dispatch.next_in() is None, "nothing can be sent"
    order = []
    for _ in range(4):
        sender.free(sender.begun[-1].lane)
        order += await sender.claim()
    assert order == [LONG, SHORT, LONG, SHORT], "it was there first"


async def test_of_a_tenants_many_endpoints_those_are_asked_about_that_there_is_room_for(pool: Pool) -> None:
    await pool.execute(_LATER, 1_000)
    await pool.execute("UPDATE delivery_queue SET tenant_id = 'ten_1', next_at = now() - interval '1 hour'")
    await pool.execute(_THEIR_ENDPOINTS)
    sender = Sender(pool)
    await sender.dispatch.look_around()
    begun = await sender.claim()
    assert len(set(begun)) == 100
    assert (await sender.claim(), sender.dispatch.next_in()) == ([], None)
    for lane in begun[:3]:
        assert sender.free(lane)
    assert len(set(await sender.claim()) - set(begun)) == 3
    assert [len(asked) for asked in sender.queue.asked_about] == [100, 3]
    # Another process was there first: those behind it are next.
    await pool.execute("DELETE FROM delivery_queue WHERE state = 0 AND endpoint_id < 'we_00300'")
    assert sender.free(begun[3])
    order: list[Lane] = []
    while sender.dispatch.next_in() == 0:
        order += await sender.claim()
    assert [lane.endpoint_id for lane in order] == ["we_00300"]


async def test_what_another_process_left_is_found_by_looking_around(pool: Pool) -> None:
    first, second = Sender(pool), Sender(pool, name="wrk_2")
    await first.dispatch.look_around()
    await fill(pool, SHORT, 1)
    assert await first.claim() == []
    await first.dispatch.look_around()
    assert await first.claim() == [SHORT]
    await second.dispatch.look_around()
    assert await second.claim() == []
    assert second.queue.asked_about == []


async def test_what_was_asked_for_by_hand_elsewhere_is_found_whoever_else_waits(pool: Pool) -> None:
    await fill(pool, LONG, 25)
    sender = Sender(pool)
    await sender.dispatch.look_around()
    await sender.claim()
    await fill(pool, SHORT, 1)
    await pool.execute(
        "UPDATE delivery_queue SET trigger = 'manual' WHERE id IN ('we_long_00000025', 'we_short_00000001')"
    )
    await sender.dispatch.find_asked()
    assert await sender.claim() == [SHORT]
    assert sender.free(LONG)
    assert await sender.claim() == [LONG]
    assert sender.begun[-1].delivery_id == "we_long_00000025"
    for lane in (SHORT, LONG):
        sender.free(lane)
    assert await sender.claim() == [LONG]
    assert sender.begun[-1].trigger == "event"
