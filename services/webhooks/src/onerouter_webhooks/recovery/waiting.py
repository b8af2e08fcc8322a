"""Jobs for which there was no room, and when each is looked at again. Pure; of one process, and forgotten with it."""

from typing import Final

FULL_S: Final = 0.1
"""First wait for what is on its way: an endpoint that is quick takes it within that."""
PAUSED_S: Final = 1.0
"""First wait for an endpoint that is not enabled."""
LONGEST_S: Final = 30.0


class Waiting:
    """Each wait of a job is twice the one before, until it is forgotten. Moments are seconds of any steady clock."""

    def __init__(self) -> None:
        self._jobs: dict[str, tuple[float, float]] = {}
        """Id → when it is due, and how long that was waited for."""

    def put_off(self, id_: str, now: float, first_s: float) -> float:
        """Until it is due again, in seconds."""
        _, before_s = self._jobs.get(id_, (0.0, 0.0))
        wait_s = min(LONGEST_S, max(first_s, before_s * 2))
        self._jobs[id_] = (now + wait_s, wait_s)
        return wait_s

    def forget(self, id_: str) -> None:
        """There was room for it, or it has ended."""
        self._jobs.pop(id_, None)

    def ids(self, now: float) -> list[str]:
        """Those that are not due."""
        return [id_ for id_, (due_at, _) in self._jobs.items() if due_at > now]

    def drop_due(self, now: float) -> None:
        """Nothing is left of those that are due: they were canceled, or another process carries them out."""
        self._jobs = {id_: wait for id_, wait in self._jobs.items() if wait[0] > now}

    def next_in(self, now: float) -> float | None:
        """Until the next one is due, in seconds; None: none waits."""
        return max(0.0, min(due_at for due_at, _ in self._jobs.values()) - now) if self._jobs else None
