"""The loop that removes content whose time is over."""

from datetime import timedelta
from typing import Final

from onerouter_common.clock import Clock
from onerouter_common.db.engine import Pool
from onerouter_common.once import repository as once
from onerouter_common.polling import poll_forever
from onerouter_messaging.composition.repository import forget
from onerouter_messaging.retention.repository import erase

_NOTES_AGE: Final = timedelta(days=2)
"""What was noted before a call is needed until its outcome is known; that is seen to, whatever the age."""


class Retention:
    def __init__(self, pool: Pool, clock: Clock, *, days: int, interval_s: float, batch: int = 500) -> None:
        self._pool = pool
        self._clock = clock
        self._age = timedelta(days=days)
        self._interval_s = interval_s
        self._batch = batch

    async def run(self) -> None:
        """Until cancelled."""
        await poll_forever(self.erase_once, interval_s=self._interval_s, batch=self._batch)

    async def erase_once(self) -> int:
        """One batch of each; how many there were of the more."""
        now = self._clock.now()
        erased = await erase(self._pool, now - self._age, self._batch)
        forgotten = await forget(self._pool, now - min(self._age, _NOTES_AGE), self._batch)
        return max(erased, forgotten, await once.forget(self._pool, now, self._batch))
