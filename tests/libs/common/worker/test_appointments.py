"""When a process looks again: at each time it was told, never twice in a moment."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from onerouter_common.worker import appointments as module
from onerouter_common.worker.appointments import Appointments


class Loop:
    """Of asyncio's event loop its timers, on a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> SimpleNamespace:
        timer = (when, call)
        self._timers.append(timer)
        return SimpleNamespace(cancel=lambda: self._timers.remove(timer))

    def run(self, for_s: float) -> None:
        until = self.now + for_s
        while due := [timer for timer in self._timers if timer[0] <= until]:
            first = min(due, key=lambda timer: timer[0])
            self._timers.remove(first)
            self.now = max(self.now, first[0])
            first[1]()
        self.now = until

    def stand_still(self, for_s: float) -> None:
        """As a machine does: what was due meanwhile comes afterwards."""
        self.now += for_s


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    made = Loop()
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(get_running_loop=lambda: made))
    return made


def test_rings_for_each_time_and_once_for_those_close_together(loop: Loop) -> None:
    began, rung = loop.time(), list[float]()
    appointments = Appointments(lambda: rung.append(loop.time() - began))
    for in_s in (0.2, 0.05, 0.0501, 0.2001, 0.0502, 3_600.0):
        appointments.add(in_s)
    loop.run(0.35)
    assert 2 <= len(rung) <= 4  # each may be cut in two by the grid
    assert rung[0] >= 0.05
    assert rung[-1] >= 0.2
    appointments.add(0.02)
    appointments.cancel()
    loop.run(0.06)
    assert len(rung) <= 4


def test_rings_once_for_all_that_it_missed(loop: Loop) -> None:
    rung: list[float] = []
    appointments = Appointments(lambda: rung.append(loop.time()))
    for in_s in (0.1, 0.2, 0.3, 5.0):
        appointments.add(in_s)
    loop.stand_still(1.0)
    loop.run(1.0)
    assert len(rung) == 1
    loop.run(10.0)
    assert len(rung) == 2
