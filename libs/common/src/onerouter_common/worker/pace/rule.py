"""How fast a connection may be used, who goes now, and when the others have their turn: pure.

Times are µs by one clock. What may go is decided by the tokens alone, so it is never too much whatever else is wrong. Turns
only say when it is worth while to ask again: each that has to wait is given a place behind those that wait already, one
token's time apart, and comes back once, then. Who comes back goes before who is new.

A call may take several tokens. One that takes more than a bucket holds goes when that is full, and is paid for afterwards:
until then nobody goes.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Self

SECOND: Final = 1_000_000.0
MOST_AHEAD: Final = 900 * SECOND
"""Turns are given for so long ahead; who is behind the last of them asks again, as new, while they last. So a connection
that gets faster, or whose waiting operations were canceled, is soon used as it should be."""
IDLE: Final = SECOND
"""A bucket that has been full for longer, two tokens' times added: those who have turns do not come, so nobody waits for
them."""
NEARLY: Final = 0.5
"""Who comes on its turn and lacks no more of what it takes waits just for that, and not behind all others. It is early
because one before it was late; a whole token is missing where somebody more urgent took it."""
NOISE: Final = 50.0
"""What is so near is the same moment: sums of fractions are not exact."""
_SHARE: Final = 0.2
_LEAST_TO_SHARE: Final = 3.0
"""Fewer a second leave no bucket of two tokens."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A token bucket: never more than `per_s` × t + `burst` tokens in any t seconds, or what one call takes in place of
    `burst` where that is more."""

    per_s: float
    """Tokens that come in a second."""
    burst: float
    """Most that gather; at least 1."""
    counts_recipients: bool = False
    """A token is one recipient of a call's. False: one call, whoever it is for."""

    @classmethod
    def at_most(cls, limit_per_s: float, *, counts_recipients: bool = False) -> Self:
        """Never more than so many tokens in any one second, also of those that begin with a full bucket.

        Providers count by the second: a bucket that is filled at their very limit is over it whenever it was full.
        """
        if limit_per_s < _LEAST_TO_SHARE:
            return cls(limit_per_s, 1.0, counts_recipients)
        burst = max(2.0, limit_per_s * _SHARE)
        return cls(limit_per_s - burst + 1.0, burst, counts_recipients)

    def part(self, of: int) -> "Pace":
        """One of so many equal parts, for who cannot ask the others."""
        return replace(self, per_s=self.per_s / of, burst=max(1.0, self.burst / of))

    @property
    def every(self) -> float:
        """µs from one token to the next."""
        return SECOND / self.per_s

    @property
    def together(self) -> int:
        """How much bulk may go in one moment when the bucket is nearly full."""
        return max(1, math.floor(self.burst - self.reserve))

    @property
    def reserve(self) -> float:
        """Tokens that bulk leaves to what somebody waits for: a fifth of the bucket, at least one where there are two."""
        return min(max(1.0, self.burst * _SHARE), self.burst - 1.0)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is known of a connection; nothing: its bucket is full and nobody waits."""

    full_at: float = 0.0
    """When it will be full, or since when it is."""
    urgent_until: float = 0.0
    """The last turn that was given to what somebody waits for, and all of its tokens are there."""
    bulk_until: float = 0.0
    """The same of bulk."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How many operations want to go, of one priority."""

    returned: int = 0
    """Those whose turn has come."""
    new: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    urgent: Asked = Asked()
    bulk: Asked = Asked()
    tokens: int = 1
    """Each of them takes so many."""
    ahead: float = MOST_AHEAD
    """µs that turns are given for. Negative: nothing is kept for whoever does not go."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What becomes of them: how many go, and when the others, the returned first, may come back."""

    returned: int
    new: int
    soon: int
    """1: the first that has to wait lacks only part of a token, and comes back in `soon_in`."""
    soon_in: int
    first_in: int
    """µs until the turn of the next one; each after it its tokens' time later."""
    booked: int
    """How many have a turn; who is behind them has none yet."""


def decide(bucket: Bucket, pace: Pace, wanted: Wanted, now: float) -> tuple[Bucket, Admitted, Admitted]:
    """The bucket afterwards, and what becomes of the urgent and of the bulk. The same as the script of `redis_shared`."""
    every, reserve = pace.every, pace.reserve
    is_idle = now - bucket.full_at > IDLE + 2 * every
    urgent_until = 0.0 if is_idle else bucket.urgent_until
    bulk_until = 0.0 if is_idle else bucket.bulk_until
    full_at = max(bucket.full_at, now)
    tokens = pace.burst - (full_at - now) / every

    most = pace.burst
    urgent, urgent_until = _admit(wanted.urgent, wanted, tokens, most, urgent_until, now, now, every)
    tokens -= (urgent.returned + urgent.new) * wanted.tokens
    most -= reserve
    if urgent_until > now:  # while any of those wait there is nothing for bulk
        bulk, bulk_until = _admit(wanted.bulk, wanted, -reserve, most, bulk_until, urgent_until, now, every)
    else:
        bulk, bulk_until = _admit(wanted.bulk, wanted, tokens - reserve, most, bulk_until, now, now, every)
    went = (urgent.returned + urgent.new + bulk.returned + bulk.new) * wanted.tokens
    return Bucket(full_at + went * every, urgent_until, bulk_until), urgent, bulk


def _admit(
    asked: Asked, wanted: Wanted, tokens: float, most: float, until: float, begins: float, now: float, every: float
) -> tuple[Admitted, float]:
    """Of one priority, with the tokens that are for it at `begins` of the `most` that ever are; and the last turn that is
    given then."""
    takes = wanted.tokens
    needed = min(takes, most)
    room = max(0, math.floor((tokens - needed + NOISE / every) / takes) + 1)
    returned = min(asked.returned, room)
    new = min(asked.new, room - returned) if until <= now else 0
    lacking = max(0.0, needed - (tokens - (returned + new) * takes))
    left = asked.returned + asked.new - returned - new
    soon = 1 if asked.returned > returned and lacking <= NEARLY * needed and begins <= now else 0
    first = begins + lacking * every
    if soon:
        first += takes * every
    if until > now:
        first = max(first, until + needed * every)
    left -= soon
    booked = max(0, min(left, math.floor((now + wanted.ahead - first) / (takes * every)) + 1))
    if booked:
        until = first + (booked - 1) * takes * every + (takes - needed) * every
    return Admitted(returned, new, soon, int(lacking * every), int(first - now), booked), until
