"""Events become deliveries: stored once, matched to endpoints, the first of them already on their way."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import orjson

from onerouter_common.clock import Clock
from onerouter_common.contracts.events import Event
from onerouter_common.ids import DELIVERY, new_id
from onerouter_common.metric_names import DELIVERIES_STARTED
from onerouter_webhooks.delivery.queue import HELD, LEASED, READY, Work
from onerouter_webhooks.delivery.slots import Lane
from onerouter_webhooks.delivery.worker import DeliveryWorker
from onerouter_webhooks.event.matching import channel_of, takes
from onerouter_webhooks.event.payload import body_of
from onerouter_webhooks.event.repository import Events, Owed, StoredEvent, Subscriber

_STATE_NAMES = {READY: "ready", LEASED: "leased", HELD: "held"}


def to_store(event: Event, *, partition: int, offset: int) -> StoredEvent:
    """The event as it is kept. Its place in the log is an order that later readers (a stream, a list) can trust."""
    return StoredEvent(
        id=event.id,
        occurred_at=event.occurred_at,
        tenant_id=event.tenant_id,
        environment=event.environment,
        category=event.category,
        type=event.type,
        resource_kind=event.resource.kind,
        resource_id=event.resource.id,
        sequence=event.sequence,
        body=body_of(event),
        log_partition=partition,
        log_offset=offset,
        channel=channel_of(event.data),
    )


class FanOut:
    """Stores batches of events. Deliveries for which there is room are inserted as leased and start after the commit, so
    that on a quiet day a delivery costs one insert and one delete."""

    def __init__(self, events: Events, worker: DeliveryWorker, clock: Clock) -> None:
        self._events = events
        self._worker = worker
        self._clock = clock

    async def store(self, batch: Sequence[StoredEvent]) -> int:
        """All of the batch, in one transaction; what was stored before is skipped. Answers how many deliveries it made."""
        reserved: list[Lane] = []

        def plan(new: Sequence[StoredEvent], subscribers: Sequence[Subscriber]) -> list[Owed]:
            return self._plan(new, subscribers, reserved)

        try:
            owed, freed = await self._events.store(batch, plan, self._worker.lease)
        except BaseException:
            for lane in reserved:
                self._worker.give_back(lane)
            raise
        leased = [one for one in owed if one.state == LEASED]
        for lane, count in (Counter(reserved) - Counter(_lane_of(one.endpoint) for one in leased)).items():
            for _ in range(count):
                self._worker.give_back(lane)
        for state, count in Counter(one.state for one in owed).items():
            DELIVERIES_STARTED.labels(_STATE_NAMES[state]).inc(count)
        for one in leased:
            self._worker.start(_work_of(one))
        if waiting := freed | {_lane_of(one.endpoint) for one in owed if one.state == READY}:
            self._worker.owes(waiting)
        return len(owed)

    def _plan(self, new: Sequence[StoredEvent], subscribers: Sequence[Subscriber], reserved: list[Lane]) -> list[Owed]:
        by_owner: dict[tuple[str, str], list[Subscriber]] = {}
        for subscriber in subscribers:
            by_owner.setdefault((subscriber.tenant_id, subscriber.environment), []).append(subscriber)
            self._worker.bound(subscriber.id, subscriber.max_in_flight)
        now = self._clock.now()
        return [
            Owed(new_id(DELIVERY), event, subscriber, self._state_for(subscriber, reserved), now)
            for event in new
            for subscriber in _interested(event, by_owner.get((event.tenant_id, event.environment), ()))
        ]

    def _state_for(self, subscriber: Subscriber, reserved: list[Lane]) -> int:
        if subscriber.status != "enabled":
            return HELD
        lane = _lane_of(subscriber)
        # Whose turn it is, and how many there may be, the claim decides for all processes.
        takes_turns = subscriber.is_left_alone or subscriber.rate_per_s is not None or subscriber.ordering == "resource"
        if takes_turns or not self._worker.reserve(lane):
            return READY
        reserved.append(lane)
        return LEASED


def _lane_of(subscriber: Subscriber) -> Lane:
    return Lane(subscriber.id, subscriber.tenant_id)


def _interested(event: StoredEvent, subscribers: Sequence[Subscriber]) -> Iterator[Subscriber]:
    @cache
    def body() -> Any:
        return orjson.loads(event.body)

    return (one for one in subscribers if takes(one, event.type, event.channel, body))


def _work_of(owed: Owed) -> Work:
    return Work(
        delivery_id=owed.id,
        generation=1,
        attempts=0,
        tenant_id=owed.event.tenant_id,
        environment=owed.event.environment,
        endpoint_id=owed.endpoint.id,
        event_id=owed.event.id,
        trigger="event",
        url=owed.endpoint.url,
        endpoint_status=owed.endpoint.status,
        endpoint_version=owed.endpoint.version,
        body=owed.event.body,
        timeout_s=owed.endpoint.timeout_s,
        retry_schedule_s=owed.endpoint.retry_schedule_s,
        event_type=owed.event.type,
    )
