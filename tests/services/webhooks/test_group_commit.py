"""Writes that share a transaction."""

import asyncio
from collections.abc import Sequence

import pytest

from onerouter_webhooks import group_commit
from onerouter_webhooks.group_commit import GroupCommit

from .conftest import Rest


async def test_what_waits_during_a_commit_is_one_batch() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def write(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        await gate.wait()
        return [item * 2 for item in items]

    async with GroupCommit(write, name="test", most=100) as commit:
        first = asyncio.create_task(commit.submit(0))
        while not batches:
            await asyncio.sleep(0)
        others = [asyncio.create_task(commit.submit(number)) for number in range(1, 51)]
        await asyncio.sleep(0)
        gate.set()
        assert await first == 0
        assert await asyncio.gather(*others) == [number * 2 for number in range(1, 51)]
    assert batches == [[0], list(range(1, 51))]


async def test_batches_that_begin_apart_serve_what_comes_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rest = Rest(monkeypatch, group_commit)
    batches: list[list[int]] = []

    async def write(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        return list(items)

    async with GroupCommit(write, name="test", most=100, apart_s=600.0) as commit:
        assert await commit.submit(1) == 1, "what comes alone does not wait"
        assert 0 < await rest.asked_s() <= 600
        later = []
        for number in (2, 3, 4):
            later.append(asyncio.create_task(commit.submit(number)))
            await asyncio.sleep(0)
        rest.end()
        assert await asyncio.gather(*later) == [2, 3, 4]
    assert batches == [[1], [2, 3, 4]]


async def test_one_wrong_item_fails_alone() -> None:
    async def write(items: Sequence[int]) -> list[int]:
        if 13 in items:
            raise ValueError("thirteen")
        return list(items)

    async with GroupCommit(write, name="test", most=100, item_errors=(ValueError,)) as commit:
        results = await asyncio.gather(*(commit.submit(n) for n in range(20)), return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, ValueError)] == [13]


async def test_who_gives_up_is_not_written() -> None:
    written: list[int] = []
    gate = asyncio.Event()

    async def write(items: Sequence[int]) -> list[int]:
        written.extend(items)
        await gate.wait()
        return list(items)

    async with GroupCommit(write, name="test", most=1) as commit:
        first = asyncio.create_task(commit.submit(1))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(commit.submit(2), 0.01)
        gate.set()
        await first
        assert await commit.submit(3) == 3
    assert written == [1, 3]
