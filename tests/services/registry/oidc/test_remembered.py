"""What is fetched from issuers, how often, and for how long it serves while they are away."""

import asyncio

import pytest
from tests.services.registry.oidc.stand import TurnableClock

from onerouter_registry.oidc.errors import IssuerUnavailable
from onerouter_registry.oidc.remembered import AT_MOST_EVERY, FRESH_FOR, USABLE_FOR, Remembered


class Source:
    def __init__(self) -> None:
        self.fetches = 0
        self.away = False
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> int:
        self.fetches += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise IssuerUnavailable("away")
        return self.fetches


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def remembered(source: Source, clock: TurnableClock) -> Remembered[int]:
    return Remembered(source, clock, what="keys of test")


class TestGet:
    async def test_fetches_once_while_fresh(self, remembered: Remembered[int], clock: TurnableClock) -> None:
        assert await remembered.get() == 1
        clock.pass_by(seconds=FRESH_FOR.total_seconds() - 1)
        assert await remembered.get() == 1
        clock.pass_by(seconds=2)
        assert await remembered.get() == 2

    async def test_many_at_once_wait_for_one_fetch(self, remembered: Remembered[int], source: Source) -> None:
        source.gate = asyncio.Event()
        waiting = [asyncio.create_task(remembered.get()) for _ in range(50)]
        await asyncio.sleep(0)
        source.gate.set()
        assert set(await asyncio.gather(*waiting)) == {1}
        assert source.fetches == 1

    async def test_while_one_fetches_again_the_others_take_what_is_there(
        self, remembered: Remembered[int], source: Source, clock: TurnableClock
    ) -> None:
        await remembered.get()
        clock.pass_by(minutes=11)
        source.gate = asyncio.Event()
        first = asyncio.create_task(remembered.get())
        await asyncio.sleep(0)
        assert await remembered.get() == 1
        source.gate.set()
        assert await first == 2

    async def test_one_who_gives_up_waiting_does_not_end_it_for_the_others(
        self, remembered: Remembered[int], source: Source
    ) -> None:
        source.gate = asyncio.Event()
        first, second = (asyncio.create_task(remembered.get()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        source.gate.set()
        with pytest.raises(IssuerUnavailable):  # tried a moment ago; the next try is due in seconds
            await second

    async def test_serves_for_a_day_while_the_issuer_is_away(
        self, remembered: Remembered[int], source: Source, clock: TurnableClock
    ) -> None:
        await remembered.get()
        source.away = True
        clock.pass_by(seconds=USABLE_FOR.total_seconds() - 60)
        assert await remembered.get() == 1
        assert source.fetches == 2
        assert await remembered.get() == 1
        assert source.fetches == 2  # not every request waits for an issuer that does not answer
        clock.pass_by(seconds=120)
        with pytest.raises(IssuerUnavailable):
            await remembered.get()

    async def test_an_issuer_that_never_answered_is_asked_now_and_then(
        self, remembered: Remembered[int], source: Source, clock: TurnableClock
    ) -> None:
        source.away = True
        for _ in range(5):
            with pytest.raises(IssuerUnavailable):
                await remembered.get()
        assert source.fetches == 1
        source.away = False
        clock.pass_by(seconds=AT_MOST_EVERY.total_seconds())
        assert await remembered.get() == 2


class TestRenewed:
    async def test_fetches_at_most_every_few_seconds_whatever_is_made_up(
        self, remembered: Remembered[int], source: Source, clock: TurnableClock
    ) -> None:
        await remembered.get()
        assert [await remembered.renewed() for _ in range(20)] == [None] * 20
        assert source.fetches == 1
        clock.pass_by(seconds=AT_MOST_EVERY.total_seconds())
        assert await remembered.renewed() == 2
        assert await remembered.renewed() is None
        assert await remembered.get() == 2

    async def test_many_at_once_share_one_fetch(
        self, remembered: Remembered[int], source: Source, clock: TurnableClock
    ) -> None:
        await remembered.get()
        clock.pass_by(minutes=1)
        source.gate = asyncio.Event()
        waiting = [asyncio.create_task(remembered.renewed()) for _ in range(50)]
        await asyncio.sleep(0)
        source.gate.set()
        assert set(await asyncio.gather(*waiting)) == {2}
        assert source.fetches == 2

    async def test_an_issuer_that_is_away_loses_nothing(
        self, remembered: Remembered[int], source: Source, clock: TurnableClock
    ) -> None:
        await remembered.get()
        source.away = True
        clock.pass_by(minutes=1)
        assert await remembered.renewed() is None
        assert await remembered.get() == 1
