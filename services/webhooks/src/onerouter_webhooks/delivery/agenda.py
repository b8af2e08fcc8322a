"""When each endpoint can be sent something next, as far as this process knows. Pure.

The queue is asked about those whose time has come and for whom there is room, so that what a look costs is what can be sent,
and not what waits: thousands of endpoints with a retry to come in hours, or left alone, or busy, cost nothing meanwhile. What
is noted too early costs one question; who notes nothing of what it wrote leaves it to the rounds over all endpoints.

Whoever has no room is put where it costs nothing either: an endpoint whose own places are taken until one of them is free,
and those of a tenant whose places are taken in a line of that tenant's, from which as many come back as there is room for.
"""

from collections import Counter
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from sys import maxsize
from time import monotonic
from typing import Final, NamedTuple

from onerouter_webhooks.delivery.slots import Lane

_GARBAGE: Final = 64


class Turn(NamedTuple):
    """An endpoint's. Who was noted first is first."""

    lane: Lane
    at: float


class Agenda:
    """One a process. Times are monotonic seconds."""

    def __init__(
        self, time: Callable[[], float] = monotonic, room_of: Callable[[str], int] = lambda _: maxsize
    ) -> None:
        self._time = time
        self._room_of = room_of
        """A tenant's: how many it can be sent at this moment."""
        self._turns: dict[str, Turn] = {}
        self._heap: list[tuple[float, str]] = []
        """With entries that were overtaken; what counts is in `_turns`."""
        self._busy: dict[str, Turn] = {}
        """Whose own places are taken."""
        self._in_line: dict[str, Turn] = {}
        self._lines: dict[str, list[tuple[float, str]]] = {}
        """By tenant, those among them whose tenant's places are taken: heaps."""
        self._asked_about: frozenset[str] = frozenset()

    def note(self, lane: Lane, in_s: float = 0.0) -> None:
        """There may be something to send by then; what was noted for earlier stays."""
        self._put(Turn(lane, self._time() + max(0.0, in_s)))

    def put_back(self, turn: Turn) -> None:
        """It got nothing, and keeps its place."""
        self._put(turn)

    def take(self, most: int, has_room: Callable[[Lane], bool]) -> list[Turn]:
        """Whose time has come, at most so many, and of a tenant no more than it has room for; each is noted anew by who took
        it. `has_room` is of the endpoint itself: who has none is passed over, without being looked at again, until a slot of
        its own is `freed`."""
        self._let_in(most)
        now = self._time()
        taken: list[Turn] = []
        counts: Counter[str] = Counter()
        while len(taken) < most and (turn := self._first()) is not None and turn.at <= now:
            heappop(self._heap)
            endpoint_id, tenant_id = turn.lane
            del self._turns[endpoint_id]
            if counts[tenant_id] >= self._room_of(tenant_id):
                self._in_line[endpoint_id] = turn
                heappush(self._lines.setdefault(tenant_id, []), (turn.at, endpoint_id))
            elif has_room(turn.lane):
                taken.append(turn)
                counts[tenant_id] += 1
            else:
                self._busy[endpoint_id] = turn
        self._asked_about = frozenset(turn.lane.endpoint_id for turn in taken)
        return taken

    def is_waiting(self, endpoint_id: str) -> bool:
        """Whether something may be due for it that was not sent yet: what is new joins the queue behind that."""
        if endpoint_id in self._busy or endpoint_id in self._in_line or endpoint_id in self._asked_about:
            return True
        turn = self._turns.get(endpoint_id)
        return turn is not None and turn.at <= self._time()

    def end_round(self) -> None:
        """All that was taken is noted again, or has nothing due."""
        self._asked_about = frozenset()

    def freed(self, lane: Lane) -> bool:
        """A slot of it; answers whether somebody's time has come."""
        turn = self._busy.pop(lane.endpoint_id, None)
        if turn is not None:
            self._put(turn)
        return self.next_in() == 0.0

    def next_in(self) -> float | None:
        """Seconds until somebody's time comes; None: nobody's is known."""
        # Whoever was taken may have had nothing to be sent: those behind it are next.
        if any(self._room_of(tenant_id) > 0 for tenant_id in self._lines):
            return 0.0
        first = self._first()
        return None if first is None else max(0.0, first.at - self._time())

    def _let_in(self, most: int) -> None:
        """Those of each line that come first, as many as there is room for."""
        for tenant_id, line in list(self._lines.items()):
            for _ in range(min(len(line), most, self._room_of(tenant_id))):
                self._put(self._in_line.pop(heappop(line)[1]))
            if not line:
                del self._lines[tenant_id]

    def _first(self) -> Turn | None:
        while self._heap:
            at, endpoint_id = self._heap[0]
            turn = self._turns.get(endpoint_id)
            if turn is not None and turn.at == at:
                return turn
            heappop(self._heap)
        return None

    def _put(self, turn: Turn) -> None:
        endpoint_id = turn.lane.endpoint_id
        if endpoint_id in self._in_line:  # its time has come long ago
            return
        before = self._turns.get(endpoint_id) or self._busy.pop(endpoint_id, None)
        if before is not None and before.at < turn.at:
            turn = before
        if self._turns.get(endpoint_id) == turn:
            return
        self._turns[endpoint_id] = turn
        heappush(self._heap, (turn.at, endpoint_id))
        if len(self._heap) > 2 * len(self._turns) + _GARBAGE:
            self._heap = [(one.at, id_) for id_, one in self._turns.items()]
            heapify(self._heap)
