"""One Lua script on Redis, with a deadline. What it keeps there is never the truth: it may be gone at any time."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

_PASSES: Final = 10


class RedisAway(Exception):
    """Redis did not answer in time, or could not; whether the script was carried out is not known."""


class RedisScript:
    """An asynchronous context manager; lives on one event loop. One primary, no cluster."""

    def __init__(self, url: str, script: str, *, timeout_s: float) -> None:
        self._script = script
        self._timeout_s = timeout_s
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=None,  # the deadline is ours, below
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            max_connections=4,
        )
        self._sha = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.aclose()

    async def run(self, keys: Sequence[str], arguments: Sequence[str | int | float]) -> Any:
        """Its answer. Raises RedisAway."""
        task = asyncio.create_task(self._evaluate(keys, arguments))
        try:
            await asyncio.wait({task}, timeout=self._timeout_s)
            for _ in range(_PASSES):
                # A busy loop is not a slow Redis: what has arrived by now is read before the answer counts as late.
                if task.done():
                    break
                await asyncio.sleep(0)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if task.cancelled():
            raise RedisAway("TimeoutError")
        try:
            return task.result()
        except (RedisError, TimeoutError, OSError, ValueError, TypeError) as error:
            raise RedisAway(type(error).__name__) from error

    async def _evaluate(self, keys: Sequence[str], arguments: Sequence[str | int | float]) -> Any:
        if self._sha:
            try:
                return await self._redis.evalsha(self._sha, len(keys), *keys, *arguments)
            except NoScriptError:  # Redis was restarted or flushed: nothing was carried out
                pass
        self._sha = await self._redis.script_load(self._script)
        return await self._redis.evalsha(self._sha, len(keys), *keys, *arguments)
