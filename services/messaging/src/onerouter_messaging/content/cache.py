"""What never changes under its key, kept while there is room: versions of templates, files."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Kept(Generic[KeyT, ValueT]):
    """Loads each key once for all who ask at the same time; the least recently used goes when there is too much."""

    def __init__(
        self, load: Callable[[KeyT], Awaitable[ValueT | None]], size_of: Callable[[ValueT], int], *, most_bytes: int
    ) -> None:
        self._load = load
        self._size_of = size_of
        self._most_bytes = most_bytes
        self._values: OrderedDict[KeyT, ValueT] = OrderedDict()
        self._bytes = 0
        self._loading: dict[KeyT, asyncio.Task[ValueT | None]] = {}

    async def get(self, key: KeyT) -> ValueT | None:
        """None is asked for again the next time. Raises what `load` raises."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        task = self._loading.get(key)
        if task is None:
            task = asyncio.create_task(self._loaded(key), name="kept-load")
            self._loading[key] = task
            task.add_done_callback(lambda done: self._over(key, done))
        return await asyncio.shield(task)  # whoever gives up does not take it from the others

    async def _loaded(self, key: KeyT) -> ValueT | None:
        value = await self._load(key)
        if value is not None:
            self._values[key] = value
            self._bytes += self._size_of(value)
            while self._bytes > self._most_bytes and len(self._values) > 1:
                _, dropped = self._values.popitem(last=False)
                self._bytes -= self._size_of(dropped)
        return value

    def _over(self, key: KeyT, task: asyncio.Task[ValueT | None]) -> None:
        self._loading.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen, also where everybody who asked has gone
