"""How many calls an account may make in a second, where a provider limits that."""

from typing import NamedTuple


class Pacing(NamedTuple):
    """What one call finds: whether it may go on, and what is left of this second."""

    allowed: bool
    remaining: int
    reset_s: float
    """Until the next second begins."""


class Pace:
    """Counts calls by account in whole seconds, as windows that providers tell of in their headers."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, int]] = {}

    def take(self, account: str, per_s: int | None, now: float) -> Pacing:
        """`per_s` None: no limit."""
        second = int(now)
        if per_s is None:
            return Pacing(True, 0, 0.0)
        began, used = self._windows.get(account, (second, 0))
        used = used if began == second else 0
        reset_s = second + 1 - now
        if used >= per_s:
            return Pacing(False, 0, reset_s)
        self._windows[account] = (second, used + 1)
        return Pacing(True, per_s - used - 1, reset_s)
