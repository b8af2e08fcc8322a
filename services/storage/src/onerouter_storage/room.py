"""How many bytes of objects are held in memory at once: in all, and of one tenant, so that nobody takes all of it."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from onerouter_common import metric_names as metrics
from onerouter_common.errors import Overloaded

WAIT_S: Final = 5.0
"""How long somebody waits for others to end."""
_SHARE: Final = 4
"""One tenant has a quarter of it at most."""
_AGAIN_S: Final = 2.0
_LEAST_BYTES_PER_S: Final = 256 * 1024
"""Of a reader, while others wait for what it keeps. Nobody waiting, it may be as slow as it likes."""
_GRACE_S: Final = 4.0
"""So far it may fall behind that, and no further ahead of it does it come: one who stops is seen as soon as this is over."""
_LOOK_EVERY_S: Final = 0.25


@dataclass(slots=True, eq=False)
class Held:
    """Bytes of the room. They are given back once, by `release`."""

    _room: "Room"
    _tenant_id: str
    _size: int
    _granted: asyncio.Future[None] = field(repr=False)
    _cut: Callable[[], None] | None = field(default=None, repr=False)
    _is_cut: bool = False
    _on_time_until: float = 0.0

    def shrink(self, size: int) -> None:
        """There are fewer than were taken."""
        if size < self._size:
            given, self._size = self._size - size, size
            self._room._give_back(self, given)

    def release(self) -> None:
        """As often as one likes."""
        self.shrink(0)

    def read_by(self, cut: Callable[[], None]) -> None:
        """From now on somebody is sent these bytes. `cut` is called once, should it be slow while others wait for room:
        then it ends soon, and releases them."""
        self._cut, self._on_time_until = cut, self._room._now() + _GRACE_S

    def taken(self, size: int) -> None:
        """So many more bytes the reader has taken."""
        ahead_most = self._room._now() + _GRACE_S
        self._on_time_until = min(ahead_most, self._on_time_until + size / _LEAST_BYTES_PER_S)


class Room:
    def __init__(
        self,
        most: int,
        *,
        largest: int,
        name: str,
        full: str,
        share: int = _SHARE,
        most_waiting: int | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Bytes. `largest`: of one object; a tenant has room for one at least. `name`: in metrics. `full`: the sentence for
        who is refused. `share`: a tenant has one part of so many. `most_waiting`: so many of one tenant's wait at most."""
        self._free = max(most, largest)
        self._share = max(self._free // share, largest)
        self._largest = largest
        self._name = name
        self._full = full
        self._most_waiting = most_waiting
        self._now = now
        self._held: dict[str, int] = {}
        self._waiting: deque[Held] = deque()
        self._waiting_of: Counter[str] = Counter()
        self._given: set[Held] = set()
        self._looked_at = float("-inf")

    @property
    def free(self) -> int:
        return self._free

    async def take(self, tenant_id: str, size: int, *, within_s: float = WAIT_S) -> Held:
        """Who comes first is served first, but for those whose own tenant has its share. Raises Overloaded."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        held = Held(self, tenant_id, max(1, min(size, self._largest)), granted)
        self._waiting.append(held)
        self._waiting_of[tenant_id] += 1
        self._grant()
        if not granted.done() and self._most_waiting is not None and self._waiting_of[tenant_id] > self._most_waiting:
            self._leave(held)
            raise self._refusal()
        try:
            async with asyncio.timeout(within_s):
                while not granted.done():
                    await asyncio.wait([granted], timeout=_LOOK_EVERY_S)
                    self._look_again()
        except BaseException as error:
            if not granted.done():
                self._leave(held)
                self._grant()  # a smaller one behind it may fit
            else:  # it was granted while its time ended
                held.release()
            if isinstance(error, TimeoutError):
                raise self._refusal() from None
            raise
        return held

    @asynccontextmanager
    async def holding(self, tenant_id: str, size: int, *, within_s: float = WAIT_S) -> AsyncIterator[None]:
        """Raises Overloaded."""
        held = await self.take(tenant_id, size, within_s=within_s)
        try:
            yield
        finally:
            held.release()

    def _grant(self) -> None:
        for held in list(self._waiting):
            if self._held.get(held._tenant_id, 0) + held._size > self._share:
                continue
            if held._size > self._free:
                self._cut_slow(held._size - self._free)
                return  # whoever comes later waits, too: else a large one would wait for ever
            self._leave(held)
            self._free -= held._size
            self._held[held._tenant_id] = self._held.get(held._tenant_id, 0) + held._size
            self._given.add(held)
            held._granted.set_result(None)

    def _look_again(self) -> None:
        """Who was quick enough a moment ago may not be any more. Once for all who wait."""
        if self._waiting and self._now() - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = self._now()
            self._grant()

    def _cut_slow(self, wanted: int) -> None:
        """The slowest first, and no more of them than are needed."""
        now = self._now()
        coming = sum(held._size for held in self._given if held._is_cut)
        late = [held for held in self._given if held._cut and not held._is_cut and held._on_time_until < now]
        for held in sorted(late, key=lambda one: one._on_time_until):
            if coming >= wanted:
                return
            held._is_cut = True
            coming += held._size
            metrics.ROOM_CUT.labels(self._name).inc()
            if held._cut is not None:
                held._cut()

    def _leave(self, held: Held) -> None:
        self._waiting.remove(held)
        self._waiting_of[held._tenant_id] -= 1
        if not self._waiting_of[held._tenant_id]:
            del self._waiting_of[held._tenant_id]

    def _give_back(self, held: Held, size: int) -> None:
        self._free += size
        left = self._held[held._tenant_id] - size
        if left:
            self._held[held._tenant_id] = left
        else:
            del self._held[held._tenant_id]
        if not held._size:
            self._given.discard(held)
        self._grant()

    def _refusal(self) -> Overloaded:
        metrics.ROOM_REFUSED.labels(self._name).inc()
        return Overloaded(self._full, retry_after_s=_AGAIN_S)
