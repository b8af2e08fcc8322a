"""What an event and its delivery write to the database's log, in batches as they come under load."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
import pytest

from onerouter_common.clock import SystemClock
from onerouter_common.contracts.event_types import EVENT_TYPES
from onerouter_common.db.engine import Pool
from onerouter_common.ids import ATTEMPT, DELIVERY, ENDPOINT, EVENT, PAYMENT, TENANT, WORKER, new_id
from onerouter_webhooks.database import database_pool
from onerouter_webhooks.delivery.queue import LEASED, Attempt, Completion, Finished, Lease, Work
from onerouter_webhooks.delivery.repository import DeliveryQueue
from onerouter_webhooks.delivery.transport import Answer
from onerouter_webhooks.event.repository import Events, Owed, StoredEvent, Subscriber

from ..conftest import CreateDatabase

COUNT: Final = 1_000
BATCH: Final = 50
MOST: Final = 2_300
"""Bytes. Nearly all of it is rows and what indexes say of them, so it hardly differs from run to run."""
LEASE: Final = Lease(new_id(WORKER), timedelta(seconds=20), timedelta(seconds=15))
_SUBSCRIBER: Final = """
INSERT INTO webhook_endpoints (id, tenant_id, environment, url, metadata, status, created_at, updated_at)
VALUES ($1, $2, 'test', 'https://example.com', '{}', 'enabled', now(), now())
"""
_HEADERS: Final = {"content-type": "text/plain", "content-length": "5"}


@pytest.fixture
async def pool(database: CreateDatabase) -> AsyncIterator[Pool]:
    made = await database("webhooks")
    async with database_pool(made.dsn, size=2) as opened:
        await opened.execute(
            "SELECT onerouter_ensure_days(t, current_date, current_date) FROM unnest($1::text[]) t", _DAYS
        )
        yield opened


_DAYS: Final = ["events", "deliveries", "delivery_attempts"]


def an_event(tenant_id: str, now: datetime) -> StoredEvent:
    """With an id, a resource and a moment of its own, as each has."""
    event_id, payment_id = new_id(EVENT), new_id(PAYMENT)
    shown = EVENT_TYPES["payment.succeeded"].example_event
    body = {
        **shown,
        "id": event_id,
        "timestamp": now.isoformat(),
        "resource": {"kind": "payment", "id": payment_id},
        "data": {**shown["data"], "id": payment_id, "transaction_id": payment_id},
    }
    return StoredEvent(
        id=event_id,
        occurred_at=now,
        tenant_id=tenant_id,
        environment="test",
        category="payments",
        type="payment.succeeded",
        resource_kind="payment",
        resource_id=payment_id,
        sequence=3,
        body=orjson.dumps(body),
        log_partition=1,
        log_offset=1,
    )


async def deliver(pool: Pool, tenant_id: str) -> None:
    """A batch is stored and leased, and all of it is taken."""
    events, queue, now = Events(pool), DeliveryQueue(pool), SystemClock().now()

    def plan(new: Sequence[StoredEvent], subscribers: Sequence[Subscriber]) -> list[Owed]:
        return [Owed(new_id(DELIVERY), event, subscribers[0], LEASED, now) for event in new]

    owed, _ = await events.store([an_event(tenant_id, now) for _ in range(BATCH)], plan, LEASE)
    answer = Answer(200, None, 5, _HEADERS, b"taken", remote_address="127.0.0.1")
    done = await queue.complete(
        [
            Completion(
                _work_of(one), Finished("succeeded"), Attempt(new_id(ATTEMPT), 1, now, answer), datetime.now(UTC)
            )
            for one in owed
        ]
    )
    assert done == [True] * BATCH


def _work_of(one: Owed) -> Work:
    return Work(
        delivery_id=one.id,
        generation=1,
        attempts=0,
        tenant_id=one.event.tenant_id,
        environment="test",
        endpoint_id=one.endpoint.id,
        event_id=one.event.id,
        trigger="event",
        url="https://example.com",
        endpoint_status="enabled",
        endpoint_version=1,
        body=one.event.body,
        event_type=one.event.type,
    )


async def written(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"))


async def test_what_an_event_and_its_delivery_write(pool: Pool) -> None:
    """One of a kilobyte, to one endpoint, which takes it at once. The cluster is shared: the least of a few rounds counts."""
    tenant_id = new_id(TENANT)
    await pool.execute(_SUBSCRIBER, new_id(ENDPOINT), tenant_id)
    await deliver(pool, tenant_id)
    rounds = []
    for _ in range(4):
        before = await written(pool)
        for _ in range(COUNT // 4 // BATCH):
            await deliver(pool, tenant_id)
        rounds.append((await written(pool) - before) / (COUNT // 4))
    assert min(rounds) <= MOST, rounds
