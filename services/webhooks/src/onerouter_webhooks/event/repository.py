"""SQL of events and of the deliveries they become, in one transaction for a whole batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

import asyncpg

from onerouter_common.db.engine import Pool
from onerouter_webhooks.delivery.queue import Lease
from onerouter_webhooks.delivery.slots import Lane
from onerouter_webhooks.event import order
from onerouter_webhooks.event.bodies import pack
from onerouter_webhooks.event.feed import CHANNEL, address_of


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
    channel: str | None = None


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
    is_left_alone: bool
    """It failed too often: only one request at a time is tried."""
    channels: Sequence[str] | None = None
    filter: Mapping[str, Any] | None = None
    timeout_s: float | None = None
    max_in_flight: int | None = None
    retry_schedule_s: Sequence[float] | None = None
    rate_per_s: float | None = None
    ordering: str | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """One new delivery. `state` is a queue state; a leased one is this process's to send at once."""

    id: str
    event: StoredEvent
    endpoint: Subscriber
    state: int
    created_at: datetime
    wait_s: float = 0.0
    """For the event before it, where the endpoint wants them in order and it is not stored yet."""


class Stored(NamedTuple):
    """What came of a batch."""

    owed: list[Owed]
    """Deliveries that were made."""
    freed: set[Lane]
    """Whose deliveries waited for what is stored now."""


# All of it in one statement, which commits itself: each round trip more would be a good part of what an event costs. What was
# stored before gets no deliveries; `IS TRUE` keeps the planner from making a join of that question, which would look through
# all new events for each delivery: it asks a hash table instead. Readers are told when it is committed.
_STORE = """
WITH new AS (
  INSERT INTO events (id, occurred_at, tenant_id, environment, category, type, resource_kind, resource_id, sequence, body,
                      log_partition, log_offset)
  SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                       $8::text[], $9::int[], $10::bytea[], $11::int[], $12::bigint[])
  ON CONFLICT (occurred_at, id) DO NOTHING
  RETURNING id
), owed AS (
  INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, next_at,
                              generation, owner, lease_until, created_at, resource, position)
  SELECT d.id, d.tenant_id, d.environment, d.endpoint_id, d.event_id, d.event_at, d.event_type, d.state,
         now() + make_interval(secs => d.wait_s),
         CASE WHEN d.state = 1 THEN 1 ELSE 0 END,
         CASE WHEN d.state = 1 THEN $13::text END,
         CASE WHEN d.state = 1 THEN now() + $14::interval + make_interval(secs => d.longer_s) END,
         d.created_at, d.resource, d.position
  FROM unnest($15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::timestamptz[], $21::text[],
              $22::smallint[], $23::timestamptz[], $24::float8[], $25::text[], $26::int[], $29::float8[])
    AS d(id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, created_at, longer_s, resource,
         position, wait_s)
  WHERE (d.event_id IN (SELECT id FROM new)) IS TRUE
), told AS (
  SELECT pg_notify($27, owner) AS done FROM unnest($28::text[]) AS owner
)
SELECT id, (SELECT count(done) FROM told) FROM new
"""

_SUBSCRIBERS = """
SELECT w.id, w.tenant_id, w.environment, w.url, w.event_types, w.status, w.version,
       w.breaker_opens > 0 AS is_left_alone, w.channels, w.filter, w.timeout_s, w.max_in_flight, w.retry_schedule_s,
       w.rate_per_s, w.ordering
FROM webhook_endpoints w JOIN unnest($1::text[], $2::text[]) AS o(tenant_id, environment)
  ON w.tenant_id = o.tenant_id AND w.environment = o.environment
"""

Plan = Callable[[Sequence[StoredEvent], Sequence[Subscriber]], Sequence[Owed]]


class Events:
    """Events in the database, for all tenants (the worker role)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def store(self, events: Sequence[StoredEvent], plan: Plan, lease: Lease) -> Stored:
        """Store those that are new with the deliveries `plan` makes of them; all of it is committed, or nothing.

        `plan` is asked about all of them, what was stored before included. An endpoint that was committed before this gets
        its delivery, so nothing published after it was made is missed.
        """
        unique = _in_order(events)
        subscribers = await _subscribers(self._pool, unique)
        owed = plan(unique, subscribers)
        ordered = [one for one in subscribers if one.ordering == "resource"]
        if ordered:
            return await self._store_in_order(unique, owed, ordered, lease)
        new = await insert_events(self._pool, unique, owed, lease)
        return Stored([one for one in owed if one.event.id in new], set())

    async def _store_in_order(
        self, events: Sequence[StoredEvent], owed: Sequence[Owed], ordered: Sequence[Subscriber], lease: Lease
    ) -> Stored:
        """The same, where `ordered` want the events of each resource in their order."""
        endpoints: dict[tuple[str, str], list[str]] = {}
        for one in ordered:
            endpoints.setdefault((one.tenant_id, one.environment), []).append(one.id)
        # Also those that none of them takes: the next one need not wait for them.
        places = [_place_of(event) for event in events if (event.tenant_id, event.environment) in endpoints]
        async with self._pool.acquire() as connection, connection.transaction():
            known = await order.note(connection, places)
            waiting = [
                replace(one, wait_s=known.wait_s(_place_of(one.event))) if _resource_of(one) is not None else one
                for one in owed
            ]
            freed = await order.bring_forward(connection, known, places, endpoints)
            new = await insert_events(connection, events, waiting, lease)
        lanes = {Lane(one.id, one.tenant_id) for one in ordered if one.id in freed}
        return Stored([one for one in waiting if one.event.id in new], lanes)


async def insert_events(
    executor: Any, events: Sequence[StoredEvent], owed: Sequence[Owed] = (), lease: Lease | None = None
) -> set[str]:
    """Those that are new, with their deliveries; answers their ids."""
    ordered = _in_order(events)
    rows = await executor.fetch(
        _STORE,
        [event.id for event in ordered],
        [event.occurred_at for event in ordered],
        [event.tenant_id for event in ordered],
        [event.environment for event in ordered],
        [event.category for event in ordered],
        [event.type for event in ordered],
        [event.resource_kind for event in ordered],
        [event.resource_id for event in ordered],
        [event.sequence for event in ordered],
        [pack(event.body) for event in ordered],
        [event.log_partition for event in ordered],
        [event.log_offset for event in ordered],
        None if lease is None else lease.owner,
        None if lease is None else lease.length,
        [one.id for one in owed],
        [one.endpoint.tenant_id for one in owed],
        [one.endpoint.environment for one in owed],
        [one.endpoint.id for one in owed],
        [one.event.id for one in owed],
        [one.event.occurred_at for one in owed],
        [one.event.type for one in owed],
        [one.state for one in owed],
        [one.created_at for one in owed],
        [0.0 if lease is None else lease.longer_s(one.endpoint.timeout_s) for one in owed],
        [_resource_of(one) for one in owed],
        [one.event.sequence for one in owed],
        CHANNEL,
        sorted({address_of(one.tenant_id, one.environment) for one in ordered}),
        [one.wait_s for one in owed],
    )
    return {row["id"] for row in rows}


def _in_order(events: Sequence[StoredEvent]) -> list[StoredEvent]:
    """Each once. One order for all, or two batches with the same events could wait for each other; it is also the order
    readers get."""
    return sorted(
        {event.id: event for event in events}.values(),
        key=lambda event: (event.occurred_at, event.resource_id, event.sequence, event.id),
    )


async def _subscribers(executor: Any, events: Sequence[StoredEvent]) -> list[Subscriber]:
    owners = sorted({(event.tenant_id, event.environment) for event in events})
    rows: list[asyncpg.Record] = await executor.fetch(
        _SUBSCRIBERS, [tenant for tenant, _ in owners], [environment for _, environment in owners]
    )
    return [
        Subscriber(**{**row, "event_types": None if row["event_types"] is None else tuple(row["event_types"])})
        for row in sorted(rows, key=itemgetter("id"))
    ]


def _place_of(event: StoredEvent) -> order.Place:
    resource = order.Resource(event.tenant_id, event.environment, event.resource_kind, event.resource_id)
    return order.Place(resource, event.sequence)


def _resource_of(owed: Owed) -> str | None:
    return owed.event.resource_id if owed.endpoint.ordering == "resource" else None
