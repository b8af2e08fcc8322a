"""When this process looks for due operations next: a hint only, what it misses is found by looking once in a while."""

import asyncio
import heapq
import math
from collections.abc import Callable
from typing import Final

_APART_S: Final = 0.02
_AHEAD_S: Final = 60.0
"""So there are never more than 3,000 of them."""


class Appointments:
    """Lives on one event loop. `ring` is called at each time, never twice within 20 ms."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._times: list[int] = []
        self._known: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, in_s: float) -> None:
        """Not before then, and soon after. What is a minute away is left to chance."""
        if in_s > _AHEAD_S:
            return
        when = math.ceil((asyncio.get_running_loop().time() + max(0.0, in_s)) / _APART_S)
        if when in self._known:
            return
        self._known.add(when)
        heapq.heappush(self._times, when)
        if self._times[0] == when:
            self._set()

    def cancel(self) -> None:
        """Forget all of them."""
        self._times, self._known = [], set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(self._times[0] * _APART_S, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        now = math.floor(asyncio.get_running_loop().time() / _APART_S + 1e-6)
        while self._times and self._times[0] <= now:
            self._known.discard(heapq.heappop(self._times))
        if self._times:
            self._set()
        self._ring()
