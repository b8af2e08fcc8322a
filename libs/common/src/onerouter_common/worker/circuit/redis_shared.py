"""Circuits shared through Redis: one script a round trip, however many are told of; nothing when nothing has changed."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from onerouter_common.worker.circuit.shared import Answer, Change, SharedAway, Told, decode, encode

# KEYS: the versions of the circuits that have changed, the newest version. ARGV: prefix of a circuit's key, version from
# which news are wanted, most news, most that are remembered; then for each change connection, expected version, ms to
# keep it, value (empty: closed). A circuit's key holds "<version> <value>"; a missing one is closed, version 0. The keys
# of news are made by the script: one primary, no cluster.
# Returns {seconds, µs, newest version, {new version or 0 of each change}, {connection, version, value, …}}.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local head = tonumber(redis.call('GET', KEYS[2]) or '0')
local kept = {}
for at = 5, #ARGV, 4 do
  local key = ARGV[1] .. ARGV[at]
  local held = redis.call('GET', key)
  local version = held and string.match(held, '^(%d+) ') or '0'
  if version ~= ARGV[at + 1] then
    kept[#kept + 1] = 0
  else
    head = redis.call('INCR', KEYS[2])
    if ARGV[at + 3] == '' then redis.call('DEL', key)
    else redis.call('SET', key, head .. ' ' .. ARGV[at + 3], 'PX', ARGV[at + 2]) end
    redis.call('ZADD', KEYS[1], head, ARGV[at])
    redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[4]))
    kept[#kept + 1] = head
  end
end
local news = {}
if head > tonumber(ARGV[2]) then
  local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
  for at = 1, #found, 2 do
    local held = redis.call('GET', ARGV[1] .. found[at])
    news[#news + 1] = found[at]
    news[#news + 1] = found[at + 1]
    news[#news + 1] = held and string.match(held, '^%d+ (.*)$') or ''
  end
end
return {clock[1], clock[2], head, kept, news}
"""
_PREFIX: Final = "onerouter:circuit:"
_MOST_NEWS: Final = 1_000
_MOST_REMEMBERED: Final = 20_000


class RedisCircuits:
    """`Shared`, for one category's connections."""

    def __init__(self, url: str, *, category: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._prefix = f"{_PREFIX}{category}:"
        self._keys = (f"{_PREFIX}{category}#changes", f"{_PREFIX}{category}#version")
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

    async def exchange(self, since: int, changes: Sequence[Change]) -> Answer:
        """As `Shared.exchange`."""
        arguments: list[str | int] = [self._prefix, since, _MOST_NEWS, _MOST_REMEMBERED]
        for change in changes:
            value = "" if change.told is None else encode(change.told)
            arguments += [change.connection_id, change.version, max(1, int(change.keep_s * 1000)), value]
        try:
            async with asyncio.timeout(self._timeout_s):
                raw = await self._evaluate(arguments)
            return _answer(raw, changes)
        except (RedisError, TimeoutError, OSError, ValueError, TypeError) as error:
            raise SharedAway(type(error).__name__) from error

    async def _evaluate(self, arguments: Sequence[str | int]) -> Any:
        if self._sha:
            try:
                return await self._redis.evalsha(self._sha, len(self._keys), *self._keys, *arguments)
            except NoScriptError:  # Redis was restarted or flushed: nothing was carried out
                pass
        self._sha = await self._redis.script_load(_SCRIPT)
        return await self._redis.evalsha(self._sha, len(self._keys), *self._keys, *arguments)


def _answer(raw: Any, changes: Sequence[Change]) -> Answer:
    """Raises ValueError or TypeError for an answer of another shape."""
    seconds, micros, head, kept, news = raw
    found: dict[str, tuple[int, Told | None]] = {}
    for connection_id, version, value in zip(news[::3], news[1::3], news[2::3], strict=True):
        found[connection_id] = (int(version), decode(value) if value else None)
    versions = [version for version, _ in found.values()]
    return Answer(
        now=int(seconds) + int(micros) / 1_000_000,
        head=int(head),
        read_to=max(versions) if len(versions) >= _MOST_NEWS else int(head),
        kept={one.connection_id: int(version) for one, version in zip(changes, kept, strict=True) if int(version)},
        news=found,
    )
