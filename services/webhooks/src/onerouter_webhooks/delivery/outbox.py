"""Events of our own: stored with what they tell of, then handed to the log, from where they come back as all others do."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog

from onerouter_common.broker import Headers, Producer
from onerouter_common.contracts.events import Event
from onerouter_common.contracts.topics import WEBHOOKS, events
from onerouter_common.db.engine import Pool

log = structlog.get_logger()

_BATCH: Final = 100
_LEASE_S: Final = 15.0
"""Longer than the log may take to acknowledge. Who crashed meanwhile leaves the event to others after that."""

_ADD = """
INSERT INTO event_outbox (tenant_id, environment, key, value, headers)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::jsonb[])
"""

_TAKE = """
UPDATE event_outbox SET due_at = now() + make_interval(secs => $2)
WHERE id = ANY(ARRAY(
  SELECT id FROM event_outbox WHERE due_at <= now() ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING id, key, value, headers
"""

_DELETE = "DELETE FROM event_outbox WHERE id = ANY($1::bigint[])"


async def add(connection: Any, told: Sequence[Event]) -> None:
    """Within the caller's transaction."""
    if told:
        await connection.execute(
            _ADD,
            [event.tenant_id for event in told],
            [event.environment for event in told],
            [event.resource.id for event in told],
            [event.to_bytes() for event in told],
            [event.headers(WEBHOOKS) for event in told],
        )


class Outbox:
    """Publishes what is owed. Several processes share it; an event may be published twice, and is known by its id."""

    def __init__(self, pool: Pool, producer: Producer, *, poll_interval_s: float) -> None:
        self._pool = pool
        self._producer = producer
        self._poll_interval_s = poll_interval_s

    async def run(self) -> None:
        """Loop. Raises BrokerUnavailable and what the database says, to be called again: all is still owed."""
        while True:
            if await self.publish() < _BATCH:
                await asyncio.sleep(self._poll_interval_s)

    async def publish(self) -> int:
        """What is due, in order; how many these were."""
        rows = sorted(await self._pool.fetch(_TAKE, _BATCH, _LEASE_S), key=lambda row: int(row["id"]))
        if rows:
            await self._producer.publish_many([_record(row) for row in rows])
            await self._pool.execute(_DELETE, [row["id"] for row in rows])
            log.info("webhooks.events.published", count=len(rows))
        return len(rows)


def _record(row: Any) -> tuple[str, bytes, str, Headers]:
    headers = [(name, value.encode()) for name, value in row["headers"].items()]
    return events(WEBHOOKS), row["value"], row["key"], headers
