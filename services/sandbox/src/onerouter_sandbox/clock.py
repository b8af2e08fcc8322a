"""Time of day and things to do later."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Where simulators read the time of day, in seconds since 1970."""

    def now(self) -> float: ...


class SystemClock:
    def now(self) -> float:
        return time.time()


class Timers:
    """Work that is due later; `close` cancels what is still waiting."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: set[asyncio.TimerHandle] = set()

    def at(self, due_at: float, action: Callable[[], None]) -> None:
        """Run `action` on the event loop once the clock says `due_at` (at once if that has passed)."""
        handle: asyncio.TimerHandle

        def run() -> None:
            self._waiting.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(max(0.0, due_at - self._clock.now()), run)
        self._waiting.add(handle)

    def close(self) -> None:
        for handle in self._waiting:
            handle.cancel()
        self._waiting.clear()
