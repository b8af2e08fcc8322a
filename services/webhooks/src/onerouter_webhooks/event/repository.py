"""SQL of events and of the deliveries they become, in one transaction for a whole batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from onerouter_common.db.engine import Pool
from onerouter_webhooks.delivery.queue import Lease


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event as it is kept; `body` is what will be signed and sent."""

    id: str
    occurred_at: datetime
    tenant_id: str
    environment: str
    category: str
    type: str
    resource_kind: str
    resource_id: str
    sequence: int
    body: bytes
    log_partition: int
    log_offset: int


@dataclass(frozen=True, slots=True)
class Subscriber:
    """An endpoint, as far as fan-out must know it."""

    id: str
    tenant_id: str
    environment: str
    url: str
    event_types: tuple[str, ...] | None
    status: str
    version: int


@dataclass(frozen=True, slots=True)
class Owed:
    """One new delivery. `state` is a queue state; a leased one is this process's to send at once."""

    id: str
    event: StoredEvent
    endpoint: Subscriber
    state: int
    created_at: datetime


_INSERT_EVENTS = """
INSERT INTO events (id, occurred_at, tenant_id, environment, category, type, resource_kind, resource_id, sequence, body,
                    log_partition, log_offset)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::int[], $10::bytea[], $11::int[], $12::bigint[])
ON CONFLICT (occurred_at, id) DO NOTHING
RETURNING id
"""

_SUBSCRIBERS = """
SELECT w.id, w.tenant_id, w.environment, w.url, w.event_types, w.status, w.version
FROM webhook_endpoints w JOIN unnest($1::text[], $2::text[]) AS o(tenant_id, environment)
  ON w.tenant_id = o.tenant_id AND w.environment = o.environment
ORDER BY w.id
"""

_INSERT_DELIVERIES = """
INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, next_at,
                            generation, owner, lease_until, created_at)
SELECT d.id, d.tenant_id, d.environment, d.endpoint_id, d.event_id, d.event_at, d.event_type, d.state, now(),
       CASE WHEN d.state = 1 THEN 1 ELSE 0 END,
       CASE WHEN d.state = 1 THEN $10::text END,
       CASE WHEN d.state = 1 THEN now() + $11::interval END,
       d.created_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::smallint[],
            $9::timestamptz[])
  AS d(id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, created_at)
"""

Plan = Callable[[Sequence[StoredEvent], Sequence[Subscriber]], Sequence[Owed]]


class Events:
    """Events in the database, for all tenants (the worker role)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def store(self, events: Sequence[StoredEvent], plan: Plan, lease: Lease) -> Sequence[Owed]:
        """Store those that are new with the deliveries `plan` makes of them; all of it is committed, or nothing.

        An endpoint that was committed before this gets its delivery, so nothing published after it was made is missed.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            new = await _insert_events(connection, events)
            if not new:
                return ()
            owed = plan(new, await _subscribers(connection, new))
            if owed:
                await _insert_deliveries(connection, owed, lease)
            return owed


async def _insert_events(connection: Any, events: Sequence[StoredEvent]) -> list[StoredEvent]:
    unique = sorted({event.id: event for event in events}.values(), key=lambda event: (event.occurred_at, event.id))
    columns: list[list[object]] = [
        [event.id for event in unique],
        [event.occurred_at for event in unique],
        [event.tenant_id for event in unique],
        [event.environment for event in unique],
        [event.category for event in unique],
        [event.type for event in unique],
        [event.resource_kind for event in unique],
        [event.resource_id for event in unique],
        [event.sequence for event in unique],
        [event.body for event in unique],
        [event.log_partition for event in unique],
        [event.log_offset for event in unique],
    ]
    inserted = {row["id"] for row in await connection.fetch(_INSERT_EVENTS, *columns)}
    return sorted(
        (event for event in unique if event.id in inserted), key=lambda event: (event.log_partition, event.log_offset)
    )


async def _subscribers(connection: Any, events: Sequence[StoredEvent]) -> list[Subscriber]:
    owners = sorted({(event.tenant_id, event.environment) for event in events})
    rows: list[asyncpg.Record] = await connection.fetch(
        _SUBSCRIBERS, [tenant for tenant, _ in owners], [environment for _, environment in owners]
    )
    return [
        Subscriber(**{**row, "event_types": None if row["event_types"] is None else tuple(row["event_types"])})
        for row in rows
    ]


async def _insert_deliveries(connection: Any, owed: Sequence[Owed], lease: Lease) -> None:
    await connection.execute(
        _INSERT_DELIVERIES,
        [one.id for one in owed],
        [one.endpoint.tenant_id for one in owed],
        [one.endpoint.environment for one in owed],
        [one.endpoint.id for one in owed],
        [one.event.id for one in owed],
        [one.event.occurred_at for one in owed],
        [one.event.type for one in owed],
        [one.state for one in owed],
        [one.created_at for one in owed],
        lease.owner,
        lease.length,
    )
