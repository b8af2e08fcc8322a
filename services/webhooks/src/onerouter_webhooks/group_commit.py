"""Writes that share a transaction: whatever is waiting when the last commit returned is the next batch."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Self, TypeVar

from onerouter_common.loops import end

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class GroupCommit(Generic[ItemT, ResultT]):
    """A lone item is written at once; under load one fsync serves many. No timer: the previous commit is the clock. Where
    nobody waits for the result one batch begins `apart_s` after the last at the earliest, and serves more.

    `write` answers one result an item, in order. When it fails, all of its items fail with the same error; but when it
    fails with `item_errors`, which say that one item is wrong, each is written alone, so that only that one fails.
    """

    def __init__(
        self,
        write: Callable[[Sequence[ItemT]], Awaitable[Sequence[ResultT]]],
        *,
        name: str,
        most: int,
        item_errors: tuple[type[Exception], ...] = (),
        apart_s: float = 0.0,
    ) -> None:
        self._write = write
        self._item_errors = item_errors
        self._name = name
        self._most = most
        self._apart_s = apart_s
        self._waiting: list[tuple[ItemT, asyncio.Future[ResultT]]] = []
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name=f"group-commit-{self._name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stops; who still waits is told that nothing was written for it."""
        if self._task is not None:
            await end(self._task)
        for _item, future in self._waiting:
            future.cancel()

    async def submit(self, item: ItemT) -> ResultT:
        """Returns when the item is committed; raises what the database said."""
        future: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._arrived.set()
        return await future

    async def _run(self) -> None:
        clock = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            until = clock.time() + self._apart_s
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            if not self._waiting:
                self._arrived.clear()
            await self._commit([one for one in batch if not one[1].done()])
            if len(self._waiting) < self._most and (left_s := until - clock.time()) > 0:
                await asyncio.sleep(left_s)

    async def _commit(self, batch: list[tuple[ItemT, "asyncio.Future[ResultT]"]]) -> None:
        if not batch:
            return
        try:
            results = await self._write([item for item, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:
            if isinstance(error, self._item_errors) and len(batch) > 1:
                for one in batch:
                    await self._commit([one])
                return
            for _, future in batch:
                _fail(future, error)


def _fail(future: "asyncio.Future[ResultT]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
