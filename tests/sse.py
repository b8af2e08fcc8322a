"""A reader of server-sent events, as a browser is one."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx


@dataclass
class Told:
    """One event of a stream."""

    id: str
    type: str
    data: str


@dataclass
class Reader:
    answer: httpx.Response
    last_id: str = ""
    comments: list[str] = field(default_factory=list)
    retry_ms: int | None = None

    def __post_init__(self) -> None:
        self._lines = self.answer.aiter_lines()
        self._reading: asyncio.Task[Told | None] | None = None

    async def next(self, within_s: float = 60.0) -> Told | None:
        """The next event; None: the stream has ended. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            reading, self._reading = self._reading or asyncio.create_task(self._next()), None
            return await reading

    async def next_nothing(self, for_s: float) -> None:
        """It goes on, and tells nothing."""
        reading = self._reading = self._reading or asyncio.create_task(self._next())
        done, _ = await asyncio.wait({reading}, timeout=for_s)
        assert not done, reading.result()

    async def take(self, count: int, within_s: float = 60.0) -> list[Told]:
        async with asyncio.timeout(within_s):
            return [told for _ in range(count) if (told := await self._next()) is not None]

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _next(self) -> Told | None:
        type_, data = "message", None
        async for line in self._lines:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                if data is not None:
                    return Told(self.last_id, type_, data)
                type_ = "message"
            elif not name:
                self.comments.append(value)
            elif name == "id":
                self.last_id = value
            elif name == "event":
                type_ = value
            elif name == "retry":
                self.retry_ms = int(value)
            elif name == "data":
                data = value if data is None else f"{data}\n{value}"
        return None


@asynccontextmanager
async def reading(url: str, headers: Mapping[str, str]) -> AsyncIterator[Reader]:
    """An open stream; fails where it is refused."""
    timeout = httpx.Timeout(10.0, read=60.0)
    async with httpx.AsyncClient(timeout=timeout) as client, client.stream("GET", url, headers=headers) as answer:
        if answer.status_code != 200:
            await answer.aread()
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream")
        reader = Reader(answer)
        try:
            yield reader
        finally:
            await reader.close()
