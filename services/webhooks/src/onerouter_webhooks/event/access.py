"""A tenant's events: read from a cursor on, looked into, and sent again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import orjson
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.ids import DELIVERY, EVENT, is_id, new_id
from onerouter_common.once.request import UNKEYED, Once
from onerouter_common.web.internal import TenantContext
from onerouter_webhooks.delivery.worker import DeliveryWorker
from onerouter_webhooks.event.cursor import BEGINNING, Position, cursor_of, position_of
from onerouter_webhooks.event.matching import is_pattern, takes_as_kept
from onerouter_webhooks.event.reading import EventReads, FoundEvent, ReadEvent, Target, Wanted
from onerouter_webhooks.event.schemas import EventDelivery, Redelivery

NOW: Final = "now"
"""In place of a cursor: from this moment on."""
_MOST_TYPES: Final = 50
_MOST_DELIVERIES: Final = 100
_MOST_ENDPOINTS: Final = 1_000
_SKEW: Final = timedelta(days=1)
"""A delivery is made after its event happened, but by another machine's clock."""
_REDELIVERY: Final = TypeAdapter(Redelivery)


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, none perhaps, and where to go on. Once `done` there is nothing more for now."""

    events: Sequence[ReadEvent]
    position: Position
    done: bool
    is_held_up: bool
    """Something is being written that this page may not hold yet."""

    def to_json(self) -> bytes:
        """`{data, iterator, done}`, each event as its bytes were delivered."""
        events = b",".join(event.body for event in self.events)
        rest = orjson.dumps({"iterator": cursor_of(self.position), "done": self.done})
        return b'{"data":[' + events + b"]," + rest[1:]


def wanted_of(types: Sequence[str]) -> Wanted:
    """From `payment.succeeded`, `refund.*`, `*`. Raises InvalidRequest (`types`)."""
    patterns = list(dict.fromkeys(types))
    if len(patterns) > _MOST_TYPES:
        raise InvalidRequest.of("types", f"must name at most {_MOST_TYPES} types")
    if "*" in patterns:
        return Wanted()
    wrong = next((one for one in patterns if not is_pattern(one)), None)
    if wrong is not None:
        raise InvalidRequest.of("types", f"must be types such as payment.succeeded or payment.*, not '{wrong[:100]}'")
    below = tuple(one[:-1] for one in patterns if one.endswith(".*"))
    return Wanted(tuple(one for one in patterns if not one.endswith(".*")), below)


@dataclass(frozen=True, slots=True)
class EventAccess:
    engine: AsyncEngine
    worker: DeliveryWorker
    clock: Clock

    async def start(self, owner: TenantContext, after: str | None, *, field: str = "after") -> Position:
        """The place that a cursor, or an event's id, names; None: the oldest event. Raises InvalidRequest about `field`."""
        if after is None:
            return BEGINNING
        is_event = is_id(EVENT, after)
        position = None if is_event or after == NOW else position_of(after, field)
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            reads = EventReads(connection, owner.tenant_id, owner.environment)
            horizon = await reads.horizon()
            if is_event:
                position = await reads.place(after)
                if position is None:
                    raise InvalidRequest.of(field, "is no event that is kept; begin again without it")
        if position is None:
            return Position(horizon.finished, 0)
        if is_event:
            # One that was delivered may be ahead of what is still being written: none of that may be passed over.
            return min(position, Position(horizon.finished, 0))
        if position.xid > horizon.begun:
            # Nothing was ever written by that transaction: the database was put back to before it.
            raise InvalidRequest.of(field, "is of a time that was lost; begin again without it")
        return position

    async def page(self, owner: TenantContext, after: Position, wanted: Wanted, limit: int) -> EventPage:
        """At most `limit` events behind a place, in the order of commits."""
        # To plan this anew for every day that is kept takes longer than to do it.
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment, steady=True) as connection:
            reads = EventReads(connection, owner.tenant_id, owner.environment)
            horizon = await reads.horizon()
            found = await reads.page(after, horizon, wanted, limit)
        done = found.more_behind is None
        # Where there is none left: behind all that was looked at.
        position = found.more_behind or max(after, Position(horizon.finished, 0))
        return EventPage(found.events, position, done, not horizon.is_clear)

    async def get(self, owner: TenantContext, event_id: str) -> dict[str, Any]:
        """The event as it was delivered, with what became of its deliveries. Raises NotFound."""
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            reads = EventReads(connection, owner.tenant_id, owner.environment)
            event = await _get(reads, event_id)
            deliveries = await _deliveries(reads, event)
        view: dict[str, Any] = orjson.loads(event.body)
        return {**view, "deliveries": [one.model_dump(mode="json") for one in deliveries]}

    async def redeliver(
        self, owner: TenantContext, event_id: str, endpoint_id: str | None, once: Once = UNKEYED
    ) -> Redelivery:
        """Send it once more: to this endpoint, or to each that is enabled and wants events of its type.

        Raises NotFound, InvalidRequest (`endpoint_id`), Conflict (nobody is there to get it) and IdempotencyMismatch.
        """
        now = self.clock.now()

        async def act() -> Redelivery:
            return await _redeliver(
                EventReads(connection, owner.tenant_id, owner.environment), event_id, endpoint_id, now
            )

        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            redelivery = await once.carry_out(connection, now, act, _REDELIVERY)
        self.worker.wake()
        return redelivery


async def _redeliver(reads: EventReads, event_id: str, endpoint_id: str | None, now: datetime) -> Redelivery:
    event = await _get(reads, event_id)
    chosen = _chosen(await reads.targets(endpoint_id, _MOST_ENDPOINTS), endpoint_id, event)
    await reads.add_manual(event, [new_id(DELIVERY) for _ in chosen], chosen, now)
    waiting = [one for one in await _deliveries(reads, event) if one.trigger == "manual" and one.finished_at is None]
    return Redelivery(event_id=event.id, deliveries=[one for one in waiting if one.endpoint_id in chosen])


def _chosen(targets: Sequence[Target], endpoint_id: str | None, event: FoundEvent) -> list[str]:
    if endpoint_id is None:
        body = cache(lambda: orjson.loads(event.body))
        chosen = [one.id for one in targets if one.status == "enabled" and takes_as_kept(one, event.type, body)]
        if not chosen:
            raise Conflict(f"No endpoint that is enabled takes this event, of the type {event.type}.")
        return chosen
    if not targets:
        raise InvalidRequest.of("endpoint_id", "names no webhook endpoint of this environment")
    if targets[0].status != "enabled":
        raise Conflict(f"The endpoint is {targets[0].status}; enable it first.")
    return [endpoint_id]


async def _get(reads: EventReads, event_id: str) -> FoundEvent:
    event = await reads.find(event_id)
    if event is None:
        raise NotFound(f"There is no event {event_id[:64]}.")
    return event


async def _deliveries(reads: EventReads, event: FoundEvent) -> list[EventDelivery]:
    rows = await reads.deliveries(event.id, event.occurred_at - _SKEW, _MOST_DELIVERIES)
    return [EventDelivery(**row) for row in rows]
