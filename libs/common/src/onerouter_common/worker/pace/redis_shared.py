"""Buckets shared through Redis: one script a round trip, for however many connections a batch goes over."""

from collections.abc import Sequence
from typing import Final, Self

from onerouter_common.worker.pace.rule import IDLE, NEARLY, NOISE, Admitted
from onerouter_common.worker.pace.shared import Answer, BucketsAway, Question
from onerouter_common.worker.redis_script import RedisAway, RedisScript

# KEYS: a bucket for each connection: "<full at> <urgent until> <bulk until>", µs of Redis's clock; a missing one is full.
# ARGV: three figures of the rule, then for each connection µs a token, tokens that gather, those kept from bulk, how many
# each takes that asks, µs that turns are given for, and how many ask: urgent that have returned, urgent new, bulk that have
# returned, bulk new. A connection may be there several times; they are answered one after the other.
# Returns six figures for the urgent and six for the bulk of each. It is `rule.decide`, line by line: change both.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local idle, nearly, noise = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local answer = {}
local function admit(asked_returned, asked_new, takes, ahead, tokens, most, last, begins, every)
  local needed = math.min(takes, most)
  local room = math.max(0, math.floor((tokens - needed + noise / every) / takes) + 1)
  local returned = math.min(asked_returned, room)
  local new = 0
  if last <= now then new = math.min(asked_new, room - returned) end
  local lacking = math.max(0, needed - (tokens - (returned + new) * takes))
  local left = asked_returned + asked_new - returned - new
  local soon = 0
  if asked_returned > returned and lacking <= nearly * needed and begins <= now then soon = 1 end
  local first = begins + lacking * every
  if soon == 1 then first = first + takes * every end
  if last > now then first = math.max(first, last + needed * every) end
  left = left - soon
  local booked = math.max(0, math.min(left, math.floor((now + ahead - first) / (takes * every)) + 1))
  if booked > 0 then last = first + (booked - 1) * takes * every + (takes - needed) * every end
  for _, figure in ipairs({returned, new, soon, lacking * every, first - now, booked}) do
    answer[#answer + 1] = math.floor(figure)
  end
  return returned + new, last
end
for number, key in ipairs(KEYS) do
  local at = 3 + 9 * (number - 1)
  local given = {}
  for place = 1, 9 do given[place] = tonumber(ARGV[at + place]) end
  local every, burst, reserve, takes, ahead = given[1], given[2], given[3], given[4], given[5]
  local full, urgent, bulk = string.match(redis.call('GET', key) or '', '^(%S+) (%S+) (%S+)$')
  full, urgent, bulk = tonumber(full) or 0, tonumber(urgent) or 0, tonumber(bulk) or 0
  if now - full > idle + 2 * every then urgent, bulk = 0, 0 end
  full = math.max(full, now)
  local tokens = burst - (full - now) / every
  local went, more
  went, urgent = admit(given[6], given[7], takes, ahead, tokens, burst, urgent, now, every)
  if urgent > now then
    more, bulk = admit(given[8], given[9], takes, ahead, -reserve, burst - reserve, bulk, urgent, every)
  else
    tokens = tokens - went * takes - reserve
    more, bulk = admit(given[8], given[9], takes, ahead, tokens, burst - reserve, bulk, now, every)
  end
  full = full + (went + more) * takes * every
  local keep = math.max(full + idle + 2 * every, urgent, bulk) - now
  redis.call('SET', key, string.format('%.17g %.17g %.17g', full, urgent, bulk), 'PX', math.ceil(keep / 1000))
end
return answer
"""
_PREFIX: Final = "onerouter:pace:"
_MOST: Final = 500
"""Connections a round trip: Redis does nothing else meanwhile."""


class RedisBuckets:
    """`SharedBuckets`, for one service's connections. An asynchronous context manager."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._redis = RedisScript(url, _SCRIPT, timeout_s=timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.__aexit__()

    async def ask(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """As `SharedBuckets.ask`."""
        found: list[Answer] = []
        for some in (questions[at : at + _MOST] for at in range(0, len(questions), _MOST)):
            arguments: list[str | int | float] = [IDLE, NEARLY, NOISE]
            for one in some:
                urgent, bulk = one.wanted.urgent, one.wanted.bulk
                arguments += [one.pace.every, one.pace.burst, one.pace.reserve, one.wanted.tokens, one.wanted.ahead]
                arguments += [urgent.returned, urgent.new, bulk.returned, bulk.new]
            try:
                raw = await self._redis.run([_PREFIX + one.connection_id for one in some], arguments)
                found += _answers(raw, len(some))
            except RedisAway as error:
                raise BucketsAway(str(error)) from error
            except (ValueError, TypeError) as error:
                raise BucketsAway(type(error).__name__) from error
        return found


def _answers(raw: list[int], count: int) -> list[Answer]:
    """Raises ValueError or TypeError for an answer of another shape."""
    figures = [Admitted(*raw[at : at + 6]) for at in range(0, len(raw), 6)]
    if len(figures) != 2 * count:
        raise ValueError("not as many answers as questions")
    return list(zip(figures[::2], figures[1::2], strict=True))
