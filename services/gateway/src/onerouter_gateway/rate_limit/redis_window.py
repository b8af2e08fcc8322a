"""A moving window in Redis: exact however many instances share it, one round trip however many requests wait for it.

Why not the `limits` library here: its moving window takes the time from each client's clock, so instances whose clocks
differ admit too many, and what is left of the limit costs a second round trip. This script reads Redis's clock and
returns all three numbers.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final, Self, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from onerouter_gateway.rate_limit.policy import Policy, Verdict, settled

# KEYS: a list of the admitted requests' times for each policy, newest first. ARGV: limit and window in µs of each, and
# whether to count (1) or only to look (0).
# Returns {allowed, remaining, µs until reset, remaining, …}. All or nothing: the first loop only looks. LINDEX of bounded
# lists; the counts by bisection.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local function at(key, index) return tonumber(redis.call('LINDEX', key, index) or -1) end
local function counted(key, window)
  local low, high = 0, redis.call('LLEN', key)
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if at(key, middle - 1) > now - window then low = middle else high = middle - 1 end
  end
  return low
end
local refused, counting = false, ARGV[#ARGV] == '1'
for number, key in ipairs(KEYS) do
  if at(key, ARGV[2 * number - 1] - 1) > now - ARGV[2 * number] then refused = true end
end
local answer = {refused and 0 or 1}
for number, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * number - 1]), tonumber(ARGV[2 * number])
  local reset = window
  if refused or not counting then
    local oldest = at(key, limit - 1)
    if oldest <= now - window then oldest = at(key, 0) end
    reset = math.max(0, oldest + window - now)
  else
    redis.call('LPUSH', key, string.format('%.0f', now))
    redis.call('LTRIM', key, 0, limit - 1)
    redis.call('PEXPIRE', key, math.ceil(window / 1000))
  end
  answer[2 * number] = math.max(0, limit - counted(key, window))
  answer[2 * number + 1] = reset
end
return answer
"""
_PREFIX: Final = "onerouter:rate:"
_MOST_AT_ONCE: Final = 512
_PASSES: Final = 10


_Check: TypeAlias = "tuple[Sequence[Policy], bool, asyncio.Future[Verdict]]"
"""Policies, whether the request counts, where the verdict goes."""


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
        self._waiting: list[_Check] = []
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

    async def hit(self, policies: Sequence[Policy]) -> Verdict:
        """Take one of each policy if each has one, else none of any. Raises RedisAway."""
        return await self._decide(policies, counting=True)

    async def look(self, policies: Sequence[Policy]) -> Verdict:
        """What `hit` would say, without taking any. Raises RedisAway."""
        return await self._decide(policies, counting=False)

    async def _decide(self, policies: Sequence[Policy], *, counting: bool) -> Verdict:
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting.append((policies, counting, verdict))
        self._wake.set()
        return await verdict

    async def _send_batches(self) -> None:
        while True:
            await self._wake.wait()
            batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            if not self._waiting:
                self._wake.clear()
            answers = await self._check_in_time(batch)
            for (policies, _, verdict), answer in zip(batch, answers, strict=True):
                if not verdict.done():
                    _settle(verdict, policies, answer)

    async def _check_in_time(self, batch: list[_Check]) -> list[Any]:
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

    async def _check(self, batch: list[_Check]) -> list[Any]:
        if not self._sha:
            self._sha = await self._redis.script_load(_SCRIPT)
        answers = await self._evaluate(batch)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            # Redis was restarted or flushed: no check of this batch was carried out, the script is unknown to all.
            self._sha = await self._redis.script_load(_SCRIPT)
            answers = await self._evaluate(batch)
        return answers

    async def _evaluate(self, batch: list[_Check]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for policies, counting, _ in batch:
            keys = [_PREFIX + policy.key for policy in policies]
            figures = [
                figure for policy in policies for figure in (policy.rate.limit, int(policy.rate.window_s * 1_000_000))
            ]
            pipeline.evalsha(self._sha, len(keys), *keys, *figures, int(counting))
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers


def _settle(verdict: "asyncio.Future[Verdict]", policies: Sequence[Policy], answer: Any) -> None:
    if isinstance(answer, BaseException):
        failure = RedisAway(type(answer).__name__)
        failure.__cause__ = answer
        verdict.set_exception(failure)
        return
    try:
        allowed, *figures = (int(figure) for figure in answer)
    except (TypeError, ValueError):
        figures = []
    if len(figures) != 2 * len(policies):
        verdict.set_exception(RedisAway("an answer of another shape"))
        return
    standings = [figure / 1_000_000 if number % 2 else figure for number, figure in enumerate(figures)]
    verdict.set_result(settled(policies, bool(allowed), standings))
