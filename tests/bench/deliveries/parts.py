"""The parts of the bench, each with its figures and the bars it is held to."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Final

from tests.bench.deliveries.found import Found, compare, lost, three
from tests.bench.deliveries.load import Events, Load, Spent, as_fast_as_they_go, at_rate, percentile
from tests.bench.deliveries.order import order
from tests.bench.deliveries.receiver import DRIP, HANG, SLOW
from tests.bench.deliveries.rig import ENDPOINTS, Endpoint, Rig

from onerouter_common.clock import SystemClock
from onerouter_common.ids import EVENT, TENANT, new_id

_STEADY: Final = 300.0
"""Events a second at which healthy endpoints are watched."""
_MINUTES: Final = 10
_DEAD_A_SECOND: Final = 1_000
_ALONE: Final = 2_000
_HELD_AT_ONCE: Final = 500
_UNDER: Final = f"at {_STEADY:,.0f} a second"

Part = Callable[[Rig, Found], Awaitable[None]]


async def warm_up(rig: Rig) -> None:
    """Connections, caches, plans."""
    await at_rate(rig, Events(rig.endpoints), 200, 3)


async def latency(rig: Rig, found: Found) -> None:
    events = Events(rig.endpoints)
    for rate, bar in ((100, None), (500, 100), (1_000, 250)):
        load = await at_rate(rig, events, rate, found.seconds)
        found.us[f"{rate:,} a second"] = load.us
        ordered = load.latencies_ms()
        what = f"publish → first byte at {rate:,} a second, p50 / p95 / p99 ms"
        met = None if bar is None else percentile(ordered, 0.99) <= bar and not load.missing()
        found.add(what, three(ordered) + lost(load), "" if bar is None else f"p99 ≤ {bar}", met)


async def sustained(rig: Rig, found: Found) -> None:
    load = await as_fast_as_they_go(rig, Events(rig.endpoints), found.seconds * 1.5)
    found.per_s, found.us["as fast as they go"] = load.per_s, load.us
    found.add("deliveries a second, sustained, 1,000 under way", f"{load.per_s:,.0f}{lost(load)}")
    alone = await _wal_of_an_event(rig)
    found.add("WAL bytes of an event and its delivery", f"{load.wal:,.0f}", "≤ 2,500", load.wal <= 2_500)
    found.add("of them of the event, that nobody need take", f"{alone:,.0f}")


async def _wal_of_an_event(rig: Rig) -> float:
    """Stored for readers; its tenant has no endpoint."""
    nobody = Endpoint("", new_id(TENANT), "")
    made = [record for _, record in Events([nobody]).make(_ALONE, Load())]
    spent = await Spent.begin(rig)
    for first in range(0, _ALONE, 200):
        await rig.producer.publish_many(made[first : first + 200])
    while await rig.admin.fetchval("SELECT count(*) FROM events WHERE tenant_id = $1", nobody.tenant_id) < _ALONE:
        await asyncio.sleep(0.1)
    load = Load()
    await spent.put(load, _ALONE)
    return load.wal


async def drain(rig: Rig, found: Found) -> None:
    """All endpoints are paused, get their events, and are enabled again."""
    stored_s = await hold(rig, found.backlog)
    found.add(f"{found.backlog:,} events stored and held, a second", f"{found.backlog / stored_s:,.0f}")
    before, cpu = await rig.received(), rig.cpu_s()
    began = perf_counter()
    await release(rig)
    while await rig.received() - before < found.backlog:
        await asyncio.sleep(0.1)
    took = perf_counter() - began
    found.us["a backlog that drains"] = {
        name: (used - cpu[name]) / found.backlog * 1e6 for name, used in rig.cpu_s().items()
    }
    found.add(f"drain of {found.backlog:,} that were held, s", f"{took:.1f} ({found.backlog / took:,.0f} a second)")
    await _settled(rig)


async def hold(rig: Rig, count: int) -> float:
    """Pause all endpoints and have so many events stored for them; how many seconds that took."""
    await asyncio.gather(*(rig.pause(endpoint) for endpoint in rig.endpoints))
    load, events = Load(), Events(rig.endpoints)
    began = perf_counter()
    for first in range(0, count, _HELD_AT_ONCE):
        made = events.make(min(_HELD_AT_ONCE, count - first), load)
        await rig.producer.publish_many([record for _, record in made])
    while await rig.queued() < count:
        await asyncio.sleep(0.2)
    return perf_counter() - began


async def release(rig: Rig) -> None:
    await asyncio.gather(*(rig.enable(endpoint) for endpoint in rig.endpoints))


async def holes(rig: Rig, found: Found) -> None:
    """5 % of the endpoints take requests and never answer, or say 200 and drip; half of the clean time before, half after."""
    events = Events(rig.endpoints)
    bad = [endpoint.path for endpoint in rig.endpoints[:: ENDPOINTS // 5]]
    modes = {path: (HANG, DRIP)[number % 2] for number, path in enumerate(bad)}
    clean = (await at_rate(rig, events, _STEADY, found.seconds)).latencies_ms(bad)
    await rig.behave(modes)
    load = await at_rate(rig, events, _STEADY, found.seconds * 2, holes=bad)
    await rig.behave({})
    await _settled(rig)
    clean = sorted(clean + (await at_rate(rig, events, _STEADY, found.seconds)).latencies_ms(bad))
    compare(found, "5 % of endpoints black holes", clean, load, bad, under=_UNDER)


async def backlog(rig: Rig, found: Found) -> None:
    """A million deliveries of one endpoint that answers after 200 ms; half of the clean time before, half after."""
    events, half = Events(rig.endpoints), found.seconds / 2
    clean = (await at_rate(rig, events, _STEADY, half)).latencies_ms()
    slow = await rig.create_endpoint(new_id(TENANT), "/slow", event_types=["refund.*"])
    await rig.behave({slow.path: SLOW})
    await _add_million(rig, slow.tenant_id, slow.id)
    try:
        load = await at_rate(rig, events, _STEADY, found.seconds)
        left = await rig.queued()
    finally:
        await rig.pause(slow)
        await rig.admin.execute("TRUNCATE delivery_queue")
    clean = sorted(clean + (await at_rate(rig, events, _STEADY, half)).latencies_ms())
    compare(found, f"beside a backlog of {left:,}", clean, load, under=_UNDER)


async def holder(rig: Rig, found: Found) -> None:
    """A transaction that was begun ten minutes ago keeps every row that died since.

    What ten minutes leave behind at a thousand a second is made at once: 600,000 rows of the queue, leased and deleted.
    Half of the time without it is before, half after.
    """
    events, half = Events(rig.endpoints), found.seconds / 2
    before = await as_fast_as_they_go(rig, events, half)
    async with rig.admin.acquire() as other:
        await other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await other.fetchval("SELECT pg_current_xact_id()")
        try:
            await _leave_behind(rig, _MINUTES * 60 * _DEAD_A_SECOND)
            load = await as_fast_as_they_go(rig, events, found.seconds)
        finally:
            await other.execute("ROLLBACK")
    after = await as_fast_as_they_go(rig, events, half)
    clean = (before.per_s + after.per_s) / 2
    found.us["as fast as they go, before the transaction"] = before.us
    found.us["beside a transaction held for 10 min"] = load.us
    if not clean:
        found.add("beside a transaction held for 10 min", "too few were delivered in so short a time", "> -20 %", False)
        return
    drop = 1 - load.per_s / clean
    value = f"{load.per_s:,.0f}, without {clean:,.0f} a second: {-drop:+.0%}{lost(load)}"
    found.add("beside a transaction held for 10 min", value, "> -20 %", drop < 0.2 and not load.missing())


PARTS: Final[Mapping[str, Part]] = {
    "latency": latency,
    "sustained": sustained,
    "order": order,
    "drain": drain,
    "holes": holes,
    "backlog": backlog,
    "holder": holder,
}


async def _settled(rig: Rig) -> None:
    """What black holes were owed is not part of what comes next."""
    deadline = perf_counter() + 30
    while await rig.queued() and perf_counter() < deadline:
        await asyncio.sleep(0.2)
    await rig.admin.execute(
        "UPDATE webhook_endpoints SET breaker_opens = 0, breaker_until = NULL, consecutive_failures = 0, "
        "first_failed_at = NULL, window_at = NULL, window_attempts = 0, window_failures = 0"
    )
    await rig.admin.execute("DELETE FROM delivery_queue")


_EVENT: Final = """
INSERT INTO events (id, occurred_at, tenant_id, environment, category, type, resource_kind, resource_id, sequence, body,
                    log_partition, log_offset)
VALUES ($1, $2, $3, 'test', 'payments', 'refund.succeeded', 'refund', $1, 1, '{"type":"refund.succeeded"}', 0, 0)
"""
_QUEUED: Final = """
INSERT INTO delivery_queue (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, state, next_at,
                            generation, lease_until, created_at)
SELECT 'dlv_' || lpad(number::text, 26, '0'), $1, 'test', CASE $7::int WHEN 1 THEN $2 ELSE $2 || number % $7 END, $3, $4,
       'refund.succeeded', $6::smallint, now() - number * interval '1 ms', 0,
       CASE WHEN $6 = 1 THEN now() - number * interval '1 ms' END, $4
FROM generate_series($5::int, 1, -1) AS number
"""
"""Each a millisecond after the one before, the last one now. `$7`: over how many endpoints."""


async def _add_million(rig: Rig, tenant_id: str, endpoint_id: str) -> None:
    event_id, now = new_id(EVENT), SystemClock().now()
    await rig.admin.execute(_EVENT, event_id, now, tenant_id)
    await rig.admin.execute(_QUEUED, tenant_id, endpoint_id, event_id, now, 1_000_000, 0, 1)
    await rig.admin.execute("ANALYZE delivery_queue")
    await rig.admin.execute("CHECKPOINT")


async def _leave_behind(rig: Rig, count: int) -> None:
    async with rig.admin.acquire() as connection, connection.transaction():
        # Nobody else ever sees them: they are dead when this is committed.
        await connection.execute(
            _QUEUED, new_id(TENANT), "we_dead", new_id(EVENT), SystemClock().now(), count, 1, ENDPOINTS
        )
        await connection.execute("DELETE FROM delivery_queue WHERE endpoint_id LIKE 'we_dead%'")
    await rig.admin.execute("CHECKPOINT")
