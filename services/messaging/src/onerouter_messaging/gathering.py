"""Many small questions at the same time become one query: while one is under way the next is gathered."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

AskedT = TypeVar("AskedT")
AnswerT = TypeVar("AnswerT")


class Gathering(Generic[AskedT, AnswerT]):
    def __init__(
        self,
        answer: Callable[[Sequence[AskedT]], Awaitable[Sequence[AnswerT]]],
        *,
        most: int,
        size: Callable[[AskedT], int] = lambda _: 1,
        name: str = "gathering",
    ) -> None:
        """`answer`: one answer a question, in their order; what it raises, all of them get. `most`: the sizes of one query
        together; one that is larger goes alone."""
        self._answer = answer
        self._most = most
        self._size = size
        self._name = name
        self._waiting: list[tuple[AskedT, asyncio.Future[AnswerT]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, asked: AskedT) -> AnswerT:
        future: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # whoever is about to ask joins
                await self._answer_all(self._taken())
        finally:
            self._task = None

    def _taken(self) -> list[tuple[AskedT, asyncio.Future[AnswerT]]]:
        number = size = 0
        for asked, _ in self._waiting:
            size += self._size(asked)
            if number and size > self._most:
                break
            number += 1
        taken, self._waiting = self._waiting[:number], self._waiting[number:]
        return taken

    async def _answer_all(self, taken: Sequence[tuple[AskedT, asyncio.Future[AnswerT]]]) -> None:
        try:
            answers = await self._answer([asked for asked, _ in taken])
        except Exception as error:
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(taken, answers, strict=True):
            if not future.done():
                future.set_result(answer)
