"""Which endpoints are sent something now: those whose time has come, in turns, as far as there are slots."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from onerouter_webhooks.delivery.agenda import Agenda, Turn
from onerouter_webhooks.delivery.queue import Due, Lease, Work
from onerouter_webhooks.delivery.rate import WAKE_S
from onerouter_webhooks.delivery.repository import DeliveryQueue
from onerouter_webhooks.delivery.slots import Lane, Slots

ASIDE_AT_ONCE: Final = 1_000
_LANES_AT_ONCE: Final = 200
_ROUND: Final = 1_000
"""Endpoints of one look around."""

Begin = Callable[[Work], None]
"""Called with each delivery that was leased; its slot goes with it."""


class Dispatch:
    """One a process."""

    def __init__(self, queue: DeliveryQueue, slots: Slots, lease: Lease) -> None:
        self._queue = queue
        self._slots = slots
        self._lease = lease
        self.agenda: Final = Agenda(room_of=slots.room_of)
        self._by_hand: set[str] = set()
        self._seen_up_to = ""
        self.has_seen_all = False
        """Since the process started, every endpoint that had something ready was looked at."""

    async def look_around(self) -> None:
        """Finds what other processes left: a part of all endpoints, the next ones each time."""
        page = await self._queue.due(self._seen_up_to, _ROUND)
        is_last = len(page) < _ROUND
        self._seen_up_to = "" if is_last else page[-1].lane.endpoint_id
        self.has_seen_all = self.has_seen_all or is_last
        for one in page:
            self._slots.bound(one.lane.endpoint_id, one.max_in_flight)
            self.agenda.note(one.lane, one.wait_s if one.status == "enabled" else 0.0)

    async def find_asked(self) -> None:
        """What somebody asked for by hand, at any process: few, and waited for."""
        for lane in await self._queue.asked(_ROUND):
            self._by_hand.add(lane.endpoint_id)
            self.agenda.note(lane)

    async def claim(self, begin: Begin) -> None:
        """Lease what is due, for as many as there are slots."""
        turns = self.agenda.take(min(_LANES_AT_ONCE, self._slots.free_now), self._has_room)
        try:
            if turns:
                await self._claim(turns, begin)
        except BaseException:
            for turn in turns:
                self.agenda.put_back(turn)
            raise
        finally:
            self.agenda.end_round()

    def next_in(self) -> float | None:
        """Seconds until something can be sent, as far as is known. None: when somebody tells, or a slot is free."""
        return self.agenda.next_in() if self._slots.free_now else None

    def _has_room(self, lane: Lane) -> bool:
        return self._slots.has_room(lane, asked=lane.endpoint_id in self._by_hand)

    async def _claim(self, turns: Sequence[Turn], begin: Begin) -> None:
        places = {turn.lane.endpoint_id: turn for turn in turns}
        due = sorted(await self._queue.ask(list(places)), key=lambda one: places[one.lane.endpoint_id].at)
        self._by_hand -= places.keys()
        self._by_hand |= {one.lane.endpoint_id for one in due if one.asked_s is not None and one.asked_s <= 0}
        for one in due:
            self._slots.bound(one.lane.endpoint_id, one.max_in_flight)
        await self._put_away(due)
        enabled = [one for one in due if one.status == "enabled"]
        # Somebody waits for what was asked for by hand.
        asked = [one for one in enabled if one.asked_s is not None and one.asked_s <= 0]
        overdue = [one for one in enabled if one.wait_s <= 0]
        may_have_more = await self._claim_of(asked, begin, asked=True) | await self._claim_of(overdue, begin)
        for one in enabled:
            if may_have_more.get(one.lane) == 0:
                self.agenda.put_back(places[one.lane.endpoint_id])
            elif one.lane in may_have_more:
                self.agenda.note(one.lane)
            for wait_s in _waits(one):
                self.agenda.note(one.lane, wait_s)

    async def _put_away(self, due: Iterable[Due]) -> None:
        """What nobody is to get now, or ever, makes room for what is to be sent; a part of it at a time."""
        stopped = sorted(one.lane for one in due if one.status not in ("enabled", None))
        gone = sorted(one.lane for one in due if one.status is None)
        count = await self._queue.put_aside([lane.endpoint_id for lane in stopped], ASIDE_AT_ONCE) if stopped else 0
        count += await self._queue.cancel([lane.endpoint_id for lane in gone], ASIDE_AT_ONCE) if gone else 0
        if count >= ASIDE_AT_ONCE:
            for lane in (*stopped, *gone):
                self.agenda.note(lane)

    async def _claim_of(self, due: Sequence[Due], begin: Begin, *, asked: bool = False) -> dict[Lane, int]:
        """Those among them that used all they were given, which may be nothing; by how much that was."""
        shares = self._slots.share([one.lane for one in due], asked=asked)
        rated = {one.lane.endpoint_id for one in due if one.rate_per_s and one.lane in shares}
        in_order = any(one.in_order and one.lane in shares for one in due)
        claimed = await self._claim_shares(shares, rated, in_order=in_order, asked=asked)
        for work in claimed:
            begin(work)
        counts = Counter(work.lane for work in claimed)
        given = {one.lane: shares.get(one.lane, 0) for one in due}
        return {lane: share for lane, share in given.items() if counts[lane] >= share}

    async def _claim_shares(
        self, shares: dict[Lane, int], rated: Collection[str], *, in_order: bool, asked: bool
    ) -> list[Work]:
        if not shares:
            return []
        try:
            claimed = await self._queue.claim(shares, self._lease, rated=rated, in_order=in_order, asked=asked)
        except BaseException:
            self._return_unused(shares, [])
            raise
        self._return_unused(shares, claimed)
        return claimed

    def _return_unused(self, shares: dict[Lane, int], claimed: list[Work]) -> None:
        unused = Counter(shares)
        unused.subtract(work.lane for work in claimed)
        for lane in unused.elements():
            self._slots.free(lane)


def _waits(one: Due) -> list[float]:
    """In how many seconds there is something else for it, which what was due now does not tell."""
    waits = [wait for wait in (one.wait_s, one.asked_s) if wait is not None and wait > 0]
    if one.wait_s <= 0 and one.rate_per_s:
        waits.append(max(WAKE_S, 1 / one.rate_per_s))
    if one.wait_s <= 0 and one.later_s is not None:
        waits.append(one.later_s)
    return waits
