"""Events published as the workers publish them, at a rate or as fast as they go, and when each was at the receiver."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Any, Final

from tests.bench.deliveries.rig import Endpoint, Rig
from tests.bench.deliveries.watched import Watched

from onerouter_common.broker import Headers
from onerouter_common.clock import SystemClock
from onerouter_common.contracts import topics
from onerouter_common.contracts.event_examples import EXAMPLES
from onerouter_common.contracts.events import Event, EventResource
from onerouter_common.ids import EVENT, PAYMENT, new_id

_GET_READY_S: Final = 0.2
_LOOK_EVERY_S: Final = 0.02
_LARGEST: Final = 200
_MOST_A_SECOND: Final = 8_000
"""More than any machine here delivers: so many are made ahead."""
_ALL_WITHIN_S: Final = 30.0

Record = tuple[str, bytes, str, Headers]


@dataclass(slots=True)
class Load:
    """What was published, when it was due to be, and when its first byte was at the receiver."""

    due: dict[str, float] = field(default_factory=dict)
    endpoint: dict[str, str] = field(default_factory=dict)
    """Event → the path of its endpoint."""
    first_byte: dict[str, float] = field(default_factory=dict)
    again: int = 0
    """Requests for an event that was seen before."""
    per_s: float = 0.0
    us: Mapping[str, float] = field(default_factory=dict)
    """CPU microseconds a delivery, by process."""
    wal: float = 0.0
    """Bytes of the write-ahead log a delivery."""
    elapsed_s: float = 0.0
    lost: str = ""
    """What is known of events that did not come."""

    def latencies_ms(self, without: Sequence[str] = ()) -> list[float]:
        """Sorted; of events that came, without those of some paths."""
        return sorted(
            (at - self.due[id_]) * 1_000 for id_, at in self.first_byte.items() if self.endpoint[id_] not in without
        )

    def missing(self, without: Sequence[str] = ()) -> int:
        """Events that did not come, without those of some paths."""
        return sum(id_ not in self.first_byte for id_, path in self.endpoint.items() if path not in without)


def percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


class Events:
    """Made ahead, so that making them is not measured. Each goes to the next endpoint's tenant."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = endpoints
        self._made = 0

    def make(self, count: int, load: Load) -> list[tuple[str, Record]]:
        return [self._one(load) for _ in range(count)]

    def _one(self, load: Load) -> tuple[str, Record]:
        endpoint = self._endpoints[self._made % len(self._endpoints)]
        self._made += 1
        event = event_of(endpoint.tenant_id, new_id(PAYMENT), 1)
        load.endpoint[event.id] = endpoint.path
        return event.id, _record(event)


def of_one_resource(endpoint: Endpoint, count: int) -> list[tuple[str, Record]]:
    """Its first so many events."""
    resource_id = new_id(PAYMENT)
    events = [event_of(endpoint.tenant_id, resource_id, number) for number in range(1, count + 1)]
    return [(event.id, _record(event)) for event in events]


def _record(event: Event) -> Record:
    headers = [(name, value.encode()) for name, value in event.headers("payments").items()]
    return topics.events("payments"), event.to_bytes(), event.resource.id, headers


def event_of(tenant_id: str, resource_id: str, sequence: int) -> Event:
    """A payment that succeeded: 1.2 kB as it is delivered."""
    payment: dict[str, Any] = {**EXAMPLES["payment"], "id": resource_id, "status": "succeeded"}
    return Event(
        id=new_id(EVENT),
        type="payment.succeeded",
        tenant_id=tenant_id,
        environment="test",
        category="payments",
        resource=EventResource(kind="payment", id=resource_id),
        sequence=sequence,
        occurred_at=SystemClock().now(),
        data=payment,
    )


@dataclass(slots=True)
class Spent:
    """What the machine used since it was made."""

    rig: Watched
    cpu: dict[str, float]
    """Seconds, by process; one that is not in it was started since."""
    wal: int
    at: float

    @classmethod
    async def begin(cls, rig: Watched) -> "Spent":
        return cls(rig, rig.cpu_s(), await rig.wal(), perf_counter())

    async def put(self, load: Load, deliveries: int) -> None:
        load.elapsed_s = perf_counter() - self.at
        count = max(1, deliveries)
        load.us = {name: (used - self.cpu.get(name, 0.0)) / count * 1e6 for name, used in self.rig.cpu_s().items()}
        load.wal = (await self.rig.wal() - self.wal) / count
        load.per_s = deliveries / load.elapsed_s


async def at_rate(rig: Rig, events: Events, rate: float, seconds: float, *, holes: Sequence[str] = ()) -> Load:
    """Publish each event when it is due, whether or not those before were acknowledged; then wait until all have come.

    `holes`: paths whose events are not waited for. Latency counts from the moment an event was due to be published.
    """
    load = Load()
    made = events.make(int(rate * seconds), load)
    await rig.seen()
    spent = await Spent.begin(rig)
    begin = perf_counter() + _GET_READY_S
    position = 0
    async with asyncio.TaskGroup() as group:
        while position < len(made):
            await asyncio.sleep(max(0.0, begin + position / rate - perf_counter()))
            until = min(len(made), int((perf_counter() - begin) * rate) + 1)
            for number in range(position, until):
                load.due[made[number][0]] = begin + number / rate
            group.create_task(rig.producer.publish_many([record for _, record in made[position:until]]))
            position = until
    await _collect(rig, load, holes)
    await spent.put(load, len(load.first_byte))
    return load


async def as_fast_as_they_go(rig: Rig, events: Events, seconds: float, *, outstanding: int = 1_000) -> Load:
    """Keep so many events published and not yet received. Rate, CPU and WAL are of the time in which that holds."""
    load, ready = Load(), Load()
    supply = iter(events.make(int(seconds * _MOST_A_SECOND), ready))
    before = await rig.received()
    await rig.seen()
    published = received = 0
    spent: Spent | None = None
    counted = 0
    end = perf_counter() + seconds
    while perf_counter() < end:
        received = await rig.received() - before
        if spent is None and received > outstanding:
            spent, counted = await Spent.begin(rig), received
        room = min(_LARGEST, outstanding - (published - received))
        if room < _LARGEST // 4:
            await asyncio.sleep(_LOOK_EVERY_S)
            continue
        made = list(islice(supply, room))
        if not made:
            raise RuntimeError(f"more than {_MOST_A_SECOND} a second: more must be made ahead")
        now = perf_counter()
        load.due |= dict.fromkeys((id_ for id_, _ in made), now)
        load.endpoint |= {id_: ready.endpoint[id_] for id_, _ in made}
        await rig.producer.publish_many([record for _, record in made])
        published += len(made)
    received = await rig.received() - before
    if spent is not None:
        await spent.put(load, received - counted)
    await _collect(rig, load, ())
    return load


async def _collect(rig: Rig, load: Load, holes: Sequence[str]) -> None:
    deadline = perf_counter() + _ALL_WITHIN_S
    wanted = sum(path not in holes for path in load.endpoint.values())
    found = 0
    while found < wanted and perf_counter() < deadline:
        for id_, at in await rig.seen():
            if id_ in load.first_byte:
                load.again += 1
            elif id_ in load.endpoint:
                load.first_byte[id_] = at
                found += load.endpoint[id_] not in holes
        await asyncio.sleep(_LOOK_EVERY_S)
    if found < wanted:
        load.lost = await _where(
            rig, [id_ for id_, path in load.endpoint.items() if path not in holes and id_ not in load.first_byte]
        )


async def _where(rig: Rig, event_ids: Sequence[str]) -> str:
    """What the database knows of events that did not come."""
    row = await rig.admin.fetchrow(
        "SELECT (SELECT count(*) FROM events WHERE id = ANY($1)) AS stored, "
        "(SELECT count(*) FROM deliveries WHERE event_id = ANY($1)) AS finished, "
        "(SELECT string_agg(format('state %s, attempts %s, in %s', state, attempts, next_at - now()), '; ') "
        " FROM delivery_queue WHERE event_id = ANY($1)) AS queued, "
        "(SELECT string_agg(format('%s %s %s ms', a.status, a.failure, a.duration_ms), '; ') FROM delivery_attempts a "
        " JOIN delivery_queue q ON q.id = a.delivery_id WHERE q.event_id = ANY($1)) AS tried",
        list(event_ids),
    )
    return ", ".join(f"{name}: {value}" for name, value in dict(row or {}).items())
