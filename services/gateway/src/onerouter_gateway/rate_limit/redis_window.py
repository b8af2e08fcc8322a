"""A moving window in Redis: exact however many instances share it, one round trip however many requests wait for it.

Why not the `limits` library here: its moving window takes the time from each client's clock, so instances whose clocks
differ admit too many, and what is left of the limit costs a second round trip. This script reads Redis's clock and
returns all three numbers.
"""

import asyncio
import contextlib
from typing import Any, Final, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from onerouter_gateway.rate_limit.quota import Quota, Verdict

# KEYS[1] list of the admitted requests' times, newest first. ARGV: limit, window in µs.
# Returns {allowed, remaining, µs until reset}. LINDEX of a bounded list; the count by bisection.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local oldest = tonumber(redis.call('LINDEX', KEYS[1], limit - 1) or -1)
if oldest > now - window then
  return {0, 0, oldest + window - now}
end
redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
redis.call('LTRIM', KEYS[1], 0, limit - 1)
redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
local low, high = 1, redis.call('LLEN', KEYS[1])
while low < high do
  local middle = math.ceil((low + high) / 2)
  if tonumber(redis.call('LINDEX', KEYS[1], middle - 1)) > now - window then low = middle else high = middle - 1 end
end
return {1, limit - low, window}
"""
_PREFIX: Final = "onerouter:rate:"
_MOST_AT_ONCE: Final = 512
_PASSES: Final = 10


class RedisAway(Exception):
    """Redis did not answer in time, or answered nonsense."""


class RedisWindows:
    """Checks that wait at the same moment travel together: the previous round trip is the clock, nothing is delayed."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=None,  # the deadline is ours, below
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            max_connections=4,
        )
        self._sha = ""
        self._waiting: list[tuple[str, Quota, asyncio.Future[Verdict]]] = []
        self._wake = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._sender = asyncio.create_task(self._send_batches(), name="rate-limit-checks")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sender is not None:
            self._sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sender
        await self._redis.aclose()

    async def hit(self, key: str, quota: Quota) -> Verdict:
        """Take one if there is one. Raises RedisAway."""
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, quota, verdict))
        self._wake.set()
        return await verdict

    async def _send_batches(self) -> None:
        while True:
            await self._wake.wait()
            batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            if not self._waiting:
                self._wake.clear()
            answers = await self._check_in_time(batch)
            for (_, quota, verdict), answer in zip(batch, answers, strict=True):
                if not verdict.done():
                    _settle(verdict, quota, answer)

    async def _check_in_time(self, batch: list[tuple[str, Quota, "asyncio.Future[Verdict]"]]) -> list[Any]:
        check = asyncio.create_task(self._check(batch))
        await asyncio.wait({check}, timeout=self._timeout_s)
        for _ in range(_PASSES):
            # A busy loop is not a slow Redis: what has arrived by now is read before the answer counts as late.
            if check.done():
                break
            await asyncio.sleep(0)
        if not check.done():
            check.cancel()
            await asyncio.wait({check})
            return [TimeoutError()] * len(batch)
        try:
            return check.result()
        except Exception as error:  # whatever it is: without an answer to each, every request would wait for ever
            return [error] * len(batch)

    async def _check(self, batch: list[tuple[str, Quota, "asyncio.Future[Verdict]"]]) -> list[Any]:
        if not self._sha:
            self._sha = await self._redis.script_load(_SCRIPT)
        answers = await self._evaluate(batch)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            # Redis was restarted or flushed: no check of this batch was carried out, the script is unknown to all.
            self._sha = await self._redis.script_load(_SCRIPT)
            answers = await self._evaluate(batch)
        return answers

    async def _evaluate(self, batch: list[tuple[str, Quota, "asyncio.Future[Verdict]"]]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for key, quota, _ in batch:
            pipeline.evalsha(self._sha, 1, _PREFIX + key, quota.limit, int(quota.window_s * 1_000_000))
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers


def _settle(verdict: "asyncio.Future[Verdict]", quota: Quota, answer: Any) -> None:
    if isinstance(answer, BaseException):
        failure = RedisAway(type(answer).__name__)
        failure.__cause__ = answer
        verdict.set_exception(failure)
    else:
        try:
            allowed, remaining, reset_us = answer
            settled = Verdict(bool(allowed), quota, int(remaining), int(reset_us) / 1_000_000)
        except (TypeError, ValueError):
            verdict.set_exception(RedisAway("an answer of another shape"))
        else:
            verdict.set_result(settled)
