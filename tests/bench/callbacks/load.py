"""Calls that begin at their time, whether or not earlier ones were answered, so that waiting counts."""

import asyncio
import gc
import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from tests.bench.callbacks.rig import Rig
from tests.bench.callbacks.senders import MakeCall

_GET_READY_S = 0.2
_ANSWERED_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Measured:
    what: str
    rate: float
    latencies_ms: list[float]
    """Sorted; from the moment a call was due to begin until its answer was read."""
    failed: int
    """Answers that are not 2xx."""
    us: Mapping[str, float]
    """CPU microseconds a call, by process: what a busy machine changes little."""

    def at(self, share: float) -> float:
        return self.latencies_ms[min(len(self.latencies_ms) - 1, int(len(self.latencies_ms) * share))]


async def measure(rig: Rig, what: str, make: MakeCall, rate: float, seconds: float) -> Measured:
    calls = [make(number) for number in range(max(1, int(rate * seconds)))]
    gc.collect()
    gc.freeze()  # what is here stays: looking through it would keep thousands of calls from being sent, and from being read
    latencies: list[float] = []
    failed = 0
    before = rig.cpu_s()
    begin = time.perf_counter() + _GET_READY_S

    async def one(number: int) -> None:
        nonlocal failed
        due = begin + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        path, body, headers = calls[number]
        method = "POST" if body else "GET"
        timeout = aiohttp.ClientTimeout(total=_ANSWERED_WITHIN_S)
        try:
            async with rig.http.request(
                method, rig.url + path, data=body or None, headers=headers, timeout=timeout
            ) as answer:
                await answer.read()
                failed += not 200 <= answer.status < 300
        except (aiohttp.ClientError, TimeoutError):
            failed += 1
        latencies.append((time.perf_counter() - due) * 1_000)

    await asyncio.gather(*(one(number) for number in range(len(calls))))
    us = {name: (used - before[name]) / len(calls) * 1e6 for name, used in rig.cpu_s().items()}
    return Measured(what, rate, sorted(latencies), failed, us)
