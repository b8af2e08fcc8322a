"""Circuits shared through Redis: one script a round trip, however many are told of; nothing when nothing has changed."""

from collections.abc import Sequence
from typing import Any, Final, Self

from onerouter_common.worker.circuit.shared import Answer, Change, SharedAway, Told, decode, encode
from onerouter_common.worker.redis_script import RedisAway, RedisScript

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
        self._prefix = f"{_PREFIX}{category}:"
        self._keys = (f"{_PREFIX}{category}#changes", f"{_PREFIX}{category}#version")
        self._redis = RedisScript(url, _SCRIPT, timeout_s=timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.__aexit__()

    async def exchange(self, since: int, changes: Sequence[Change]) -> Answer:
        """As `Shared.exchange`."""
        arguments: list[str | int] = [self._prefix, since, _MOST_NEWS, _MOST_REMEMBERED]
        for change in changes:
            value = "" if change.told is None else encode(change.told)
            arguments += [change.connection_id, change.version, max(1, int(change.keep_s * 1000)), value]
        try:
            return _answer(await self._redis.run(self._keys, arguments), changes)
        except RedisAway as error:
            raise SharedAway(str(error)) from error
        except (ValueError, TypeError) as error:
            raise SharedAway(type(error).__name__) from error


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
