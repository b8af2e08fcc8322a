"""Events of each resource one after the other: what passes between two of them, and whether other resources wait for them."""

import asyncio
from itertools import pairwise
from time import perf_counter
from typing import Final

from tests.bench.deliveries.found import Found, compare, three
from tests.bench.deliveries.load import Events, at_rate, of_one_resource, percentile
from tests.bench.deliveries.receiver import FAR_S, USUAL
from tests.bench.deliveries.rig import Endpoint, Rig

from onerouter_common.ids import TENANT, new_id

_OTHERS_A_SECOND: Final = 50.0
_ROUND_TRIP_MS: Final = FAR_S[USUAL] * 1_000
_STEP_S: Final = 0.1
"""More than one event of a resource takes here, receiver included."""
_WAIT_S: Final = 60.0


async def order(rig: Rig, found: Found) -> None:
    endpoint = await rig.create_endpoint(new_id(TENANT), "/ordered", event_types=["payment.*"], ordering="resource")
    await _between(rig, found, endpoint, "at once", 0.0, None)
    await rig.behave({endpoint.path: USUAL})
    await _between(rig, found, endpoint, f"after {_ROUND_TRIP_MS:.0f} ms", _ROUND_TRIP_MS, _ROUND_TRIP_MS)
    await _others(rig, found, endpoint)
    await rig.behave({})


async def _between(
    rig: Rig, found: Found, endpoint: Endpoint, how: str, takes_ms: float, most_ms: float | None
) -> None:
    """From the receiver's answer to the next event's first byte, of a resource whose events are all there already."""
    wanted = of_one_resource(endpoint, max(10, int(found.seconds / _STEP_S)))
    await rig.seen()
    await rig.producer.publish_many([record for _, record in wanted])
    came = await _came(rig, [id_ for id_, _ in wanted])
    gaps = sorted((later - at) * 1_000 - takes_ms for (_, at), (_, later) in pairwise(came))
    in_order = [id_ for id_, _ in came] == [id_ for id_, _ in wanted]
    value = three(gaps) if in_order else f"{three(gaps)}; {len(came)} of {len(wanted)} came, or not in order"
    bar = "" if most_ms is None else f"p99 ≤ {most_ms:.0f}: one round trip"
    within = most_ms is None or percentile(gaps, 0.99) <= most_ms
    met = None if most_ms is None and in_order else in_order and within
    found.add(f"ordered, answered {how}: from answer to next event, p50 / p95 / p99 ms", value, bar, met)


async def _others(rig: Rig, found: Found, endpoint: Endpoint) -> None:
    """Each of another resource, beside one of which events wait all the time; half of the clean time before, half after."""
    events, half = Events([endpoint]), found.seconds / 2
    clean = (await at_rate(rig, events, _OTHERS_A_SECOND, half)).latencies_ms()
    # An event of the long one needs a round trip at least: they outlast the load beside them.
    long = of_one_resource(endpoint, int((found.seconds + 3.0) * 1_000 / _ROUND_TRIP_MS))
    await rig.producer.publish_many([record for _, record in long])
    load = await at_rate(rig, events, _OTHERS_A_SECOND, found.seconds)
    left = await rig.queued()
    async with asyncio.timeout(_WAIT_S):
        while await rig.queued():
            await asyncio.sleep(0.1)
    clean = sorted(clean + (await at_rate(rig, events, _OTHERS_A_SECOND, half)).latencies_ms())
    what = f"ordered, beside {len(long):,} events of one resource ({left:,} of them left at the end)"
    compare(found, what, clean, load, under=f"ordered, {_OTHERS_A_SECOND:.0f} a second, a resource each")


async def _came(rig: Rig, ids: list[str]) -> list[tuple[str, float]]:
    """Of these the events that came, each once, in that order."""
    came: dict[str, float] = {}
    wanted = set(ids)
    deadline = perf_counter() + _WAIT_S
    while len(came) < len(ids) and perf_counter() < deadline:
        for id_, at in await rig.seen():
            if id_ in wanted:
                came.setdefault(id_, at)
        await asyncio.sleep(0.05)
    return list(came.items())
