"""Memory is bounded in all and for each tenant, and comes back however somebody leaves."""

import asyncio
from functools import partial
from typing import Any

import pytest

from onerouter_common.errors import Overloaded
from onerouter_storage.room import Held, Room

MIB = 1024 * 1024

FULL = "Too many."


def a_room(most: int = 40, largest: int = 5, **said: Any) -> Room:
    return Room(most, largest=largest, name="tests", full=FULL, **said)


async def taken(room: Room, *tenants: str, size: int = 5) -> list[Held]:
    return [await room.take(tenant, size, within_s=0.01) for tenant in tenants]


async def settled() -> None:
    """What can go on has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_tenant_has_a_quarter_at_most() -> None:
    room = a_room()
    mine = await taken(room, "a", "a")
    with pytest.raises(Overloaded, match=FULL) as refused:
        await taken(room, "a")
    assert refused.value.retry_after_s
    await taken(room, "b", "b", "c", "c")
    mine[0].release()
    await taken(room, "a")


async def test_all_of_it_is_all() -> None:
    room = a_room()
    held = await taken(room, *"aabbccdd")
    assert room.free == 0
    with pytest.raises(Overloaded):
        await taken(room, "e")
    for one in held:
        one.release()
        one.release()
    assert room.free == 40
    assert room._held == {}


async def test_what_is_smaller_leaves_room_for_others() -> None:
    room = a_room()
    for one in await taken(room, "a", "a"):
        one.shrink(1)
        one.shrink(3)
    assert room.free == 38
    await taken(room, "a")


async def test_nothing_at_all_takes_some_and_the_largest_always_fits() -> None:
    tight = a_room(most=1)
    (one,) = await taken(tight, "a", size=99)
    one.release()
    (none,) = await taken(tight, "a", size=0)
    assert tight.free == 4
    none.release()
    assert (tight.free, tight._held) == (5, {})


async def test_who_waits_is_served_in_turn_but_for_those_with_their_share() -> None:
    room, order = a_room(), []

    async def ask(name: str, tenant: str) -> Held:
        held = await room.take(tenant, 5, within_s=60)
        order.append(name)
        return held

    held = await taken(room, *"aabbccdd")
    waiting = [asyncio.create_task(ask(name, name[0])) for name in ("a1", "e1", "e2", "f1")]
    await settled()
    held[2].release()
    await settled()
    assert order == ["e1"], "a has its share; e came before f"
    held[0].release()
    await settled()
    assert order == ["e1", "a1"]
    for one in held[3:6]:
        one.release()
    for task in waiting:
        await task
    assert order == ["e1", "a1", "e2", "f1"]


async def test_who_leaves_while_waiting_takes_nothing() -> None:
    room = a_room(most=5)
    (held,) = await taken(room, "a")
    gone, next_ = (asyncio.create_task(room.take(name, 5, within_s=60)) for name in "bc")
    await settled()
    gone.cancel()
    held.release()  # before the one that was cancelled could say so
    (await next_).release()
    assert gone.cancelled()
    assert room.free == 5


async def test_who_leaves_as_it_is_its_turn_gives_it_back() -> None:
    room = a_room(most=5)
    (held,) = await taken(room, "a")
    gone = asyncio.create_task(room.take("b", 5, within_s=60))
    await settled()
    held.release()
    gone.cancel()  # it was granted, and has not run since
    await asyncio.wait([gone])
    assert gone.cancelled()
    assert room.free == 5
    await taken(room, "c")


async def test_it_is_held_for_a_while_and_given_back_also_after_an_error() -> None:
    room = a_room()
    with pytest.raises(ValueError, match="no"):
        async with room.holding("a", 5):
            assert room.free == 35
            raise ValueError("no")
    assert room.free == 40


async def test_of_one_tenant_so_many_wait_at_most() -> None:
    room = a_room(most_waiting=2)
    held = await taken(room, "a", "a")
    waiting = [asyncio.create_task(room.take("a", 5, within_s=60)) for _ in range(2)]
    await settled()
    with pytest.raises(Overloaded):
        await room.take("a", 5, within_s=60)
    await taken(room, "b")
    for one in held:
        one.release()
    for task in waiting:
        await task
    assert room._waiting_of == {}


class Readers:
    """A room full of objects that are read, and a clock that goes when it is told to."""

    def __init__(self, tenants: str) -> None:
        self.seconds = 0.0
        self.cut: list[int] = []
        self.room = a_room(len(tenants) * 5 * MIB, 5 * MIB, share=1, now=lambda: self.seconds)
        self.tenants = tenants
        self.held: list[Held] = []

    async def begin(self) -> None:
        self.held = await taken(self.room, *self.tenants, size=5 * MIB)
        for number, held in enumerate(self.held):
            held.read_by(partial(self.cut.append, number))

    async def wanted(self, tenant: str = "new", size: int = 5 * MIB) -> "asyncio.Task[Held]":
        asking = asyncio.create_task(self.room.take(tenant, size, within_s=60))
        await settled()
        return asking

    async def got(self, asking: "asyncio.Task[Held]") -> Held:
        for number in self.cut:
            self.held[number].release()
        return await asking


class TestSlowReaders:
    async def test_the_slowest_goes_where_somebody_waits(self) -> None:
        readers = Readers("aaab")
        await readers.begin()
        readers.seconds = 3.9
        for number in (0, 1):
            readers.held[number].taken(MIB)
        readers.held[3].taken(64 * 1024)
        readers.seconds = 4.3
        first = await readers.wanted(size=100)
        assert readers.cut == [2], "as much as is needed, and nobody before 4 s are over"
        second = await readers.wanted(size=5 * MIB)
        assert readers.cut == [2], "the first one's has not come back yet, and who comes later waits"
        await readers.got(first)
        assert readers.cut == [2, 3]
        await readers.got(second)

    async def test_nobody_waits_and_everybody_may_be_slow(self) -> None:
        readers = Readers("aabb")
        await readers.begin()
        readers.seconds = 3_600.0
        await settled()
        assert readers.cut == []

    async def test_who_is_quick_enough_stays_and_who_stops_does_not(self) -> None:
        readers = Readers("a")
        await readers.begin()
        for _ in range(100):
            readers.seconds += 1.0
            readers.held[0].taken(300 * 1024)
        asking = await readers.wanted()
        assert readers.cut == []
        readers.seconds += 4.1  # what it was ahead in a hundred seconds is no credit now
        async with asyncio.timeout(60):
            while not readers.cut:
                await asyncio.sleep(0.01)
        await readers.got(asking)

    async def test_who_is_always_a_little_too_slow_falls_behind(self) -> None:
        readers = Readers("a")
        await readers.begin()
        for _ in range(100):
            readers.seconds += 1.0
            readers.held[0].taken(200 * 1024)
        await readers.got(await readers.wanted())
        assert readers.cut == [0]

    async def test_what_is_not_sent_to_anybody_yet_is_left(self) -> None:
        readers = Readers("a")
        readers.held = await taken(readers.room, "a", size=5 * MIB)
        readers.seconds = 60.0
        asking = await readers.wanted()
        assert not asking.done()
        readers.held[0].release()
        await asking
