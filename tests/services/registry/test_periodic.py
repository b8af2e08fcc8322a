"""Work that comes round again: whatever one round raises, there is a next one, until the service ends."""

import asyncio

from onerouter_registry.periodic import periodically


async def test_goes_on_after_a_failure_and_ends_with_the_block() -> None:
    rounds = 0
    enough = asyncio.Event()

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            enough.set()
        if rounds < 3:
            raise OSError("the database is away") if rounds == 1 else RuntimeError("a bug")

    async with periodically("a-test", 0.001, work):
        await asyncio.wait_for(enough.wait(), 60)
    after = rounds
    await asyncio.sleep(0.02)
    assert rounds == after


async def test_a_round_under_way_is_ended_too() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with periodically("a-test", 60, work):
        await asyncio.wait_for(started.wait(), 60)
    assert ended.is_set()
