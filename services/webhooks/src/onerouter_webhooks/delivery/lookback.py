"""How far back is looked for leases that have ended. Pure.

A lease ends in the order in which it was given, so that one look need not go behind where the one before has been. What it
would find there again and again is rows that died: while any transaction stays open the database keeps all that died since, a
thousand a second.
"""

from collections.abc import Callable
from time import monotonic
from typing import Final

_OVERLAP_S: Final = 5.0
"""A lease is counted from its transaction's begin, and seen from its commit."""
_EVERYTHING_EVERY_S: Final = 60.0
"""For what was committed later than that."""


class Lookback:
    """One a process."""

    def __init__(self, time: Callable[[], float] = monotonic) -> None:
        self._time = time
        self._began_at = 0.0
        self._looked_at: float | None = None
        self._everything_at: float | None = None

    def begin(self) -> float | None:
        """Seconds to look back from now; None: look at everything."""
        self._began_at = self._time()
        if self._everything_at is None or self._began_at - self._everything_at >= _EVERYTHING_EVERY_S:
            return None
        return self._began_at - (self._looked_at or 0.0) + _OVERLAP_S

    def end(self, back_s: float | None, *, is_all: bool) -> None:
        """The look that `begin` gave `back_s` for has succeeded; `is_all`: it found no more than it takes at once."""
        if not is_all:
            self._everything_at = None
            return
        self._looked_at = self._began_at
        if back_s is None:
            self._everything_at = self._began_at
