"""Time of day, each account's own time, and things to do later.

Real time is what signatures, tokens and retried callbacks follow. An account's time is real time plus what the account
was moved forward by: subscriptions renew, trials end and links expire by it, so that a test need not wait a month.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from onerouter_sandbox.journal import Journal

Action = Callable[[], None]


class Clock(Protocol):
    """Where simulators read the time of day, in seconds since 1970."""

    def now(self) -> float: ...


class SystemClock:
    def now(self) -> float:
        return time.time()


class AccountClock:
    """One account's time: real time plus `offset_s`, or the moment at which the timer being run was due."""

    def __init__(self, account: str, base: Clock, offset_s: float = 0.0) -> None:
        self.account = account
        self.offset_s = offset_s
        self._base = base
        self._moment: float | None = None

    def now(self) -> float:
        return self.target() if self._moment is None else self._moment

    def target(self) -> float:
        """The time that timers are run up to: `now`, unless one of them is running."""
        return self._base.now() + self.offset_s

    @property
    def moment(self) -> float | None:
        """When the timer that is being run was due; None while none is."""
        return self._moment

    @contextmanager
    def standing_at(self, moment: float) -> Iterator[None]:
        """Have `now` say `moment` within the block."""
        before, self._moment = self._moment, moment
        try:
            yield
        finally:
            self._moment = before

    def record(self) -> dict[str, Any]:
        return {"account": self.account, "offset_s": self.offset_s}


class Clocks:
    """Every account's clock, made when first asked for. Offsets outlive a restart, if anything does."""

    def __init__(self, base: Clock, journal: Journal) -> None:
        self.base = base
        self._journal = journal
        self._clocks = {
            saved["account"]: AccountClock(saved["account"], base, saved["offset_s"])
            for saved in journal.load("sandbox", "clock")
        }

    def of(self, account: str) -> AccountClock:
        clock = self._clocks.get(account)
        if clock is None:
            clock = self._clocks[account] = AccountClock(account, self.base)
        return clock

    def shift(self, account: str, seconds: float) -> None:
        """Move one account's time; its timers are `Timers.advance`'s affair."""
        clock = self.of(account)
        clock.offset_s += seconds
        self._journal.mark("sandbox", "clock", account, clock)


class _Due(NamedTuple):
    """`order` keeps what is due at the same time in the order in which it was asked for."""

    at: float
    order: int
    action: Action


class Timers:
    """Work that is due later; `close` cancels what is still waiting."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._waiting: set[asyncio.TimerHandle] = set()
        self._due: dict[str, list[_Due]] = {}
        self._alarms: dict[str, asyncio.TimerHandle] = {}
        self._order = itertools.count()

    def at(self, due_at: float, action: Action, *, account: str | None = None) -> None:
        """Run `action` on the event loop once the clock says `due_at` (at once if that has passed).

        The clock is the account's, which then says `due_at` while `action` runs; without an account it is real time.
        """
        if account is None:
            self._at_real_time(due_at, action)
            return
        moment = self._clocks.of(account).moment
        at = due_at if moment is None else max(due_at, moment)  # time does not run backwards within one advance
        heapq.heappush(self._due.setdefault(account, []), _Due(at, next(self._order), action))
        if moment is None:
            self._set_alarm(account)

    def advance(self, account: str, seconds: float) -> int:
        """Move the account's clock forward and run, in order, what became due on the way, and what that asked for.

        How many timers ran. What an action raises is raised here; the rest then runs at the next turn of the loop.
        """
        self._clocks.shift(account, seconds)
        return self._run_due(account)

    def close(self) -> None:
        for handle in (*self._waiting, *self._alarms.values()):
            handle.cancel()
        self._waiting.clear()
        self._alarms.clear()
        self._due.clear()

    def _at_real_time(self, due_at: float, action: Action) -> None:
        handle: asyncio.TimerHandle

        def run() -> None:
            self._waiting.discard(handle)
            action()

        wait_s = max(0.0, due_at - self._clocks.base.now())
        handle = asyncio.get_running_loop().call_later(wait_s, run)
        self._waiting.add(handle)

    def _run_due(self, account: str) -> int:
        clock, waiting = self._clocks.of(account), self._due.setdefault(account, [])
        ran = 0
        try:
            while waiting and waiting[0].at <= clock.target():
                due = heapq.heappop(waiting)
                with clock.standing_at(due.at):
                    due.action()
                ran += 1
        finally:
            self._set_alarm(account)
        return ran

    def _set_alarm(self, account: str) -> None:
        """Wake up when the first of the account's timers is due, by its own clock."""
        old = self._alarms.pop(account, None)
        if old is not None:
            old.cancel()
        waiting = self._due.get(account)
        if waiting:
            wait_s = max(0.0, waiting[0].at - self._clocks.of(account).target())
            self._alarms[account] = asyncio.get_running_loop().call_later(wait_s, self._run_due, account)
