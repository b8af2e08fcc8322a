"""What may be done how often, what is left of it, and how an answer says so."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from onerouter_common.errors import RateLimited

KEY: Final = "default"
"""Policy of one API key."""
PLAN: Final = "plan"
"""Policy of all keys of a tenant together."""
ADDRESS: Final = "address"
"""Policy of a client address, for who presents no API key."""
SIGN_IN: Final = "sign-in"
"""The same, where people prove who they are."""
REFUSED: Final = "refused"
"""Policy of a client address for requests that are refused because nobody can be told by their API key."""

_WHOSE: Final = {
    KEY: "This API key",
    PLAN: "All API keys of your account together",
    ADDRESS: "Your address",
    SIGN_IN: "Your address",
    REFUSED: "Your address",
}
_WHAT: Final = {REFUSED: "requests without a valid API key"}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` requests in any `window_s` seconds."""

    limit: int
    window_s: float

    @classmethod
    def of(cls, rate_per_s: int, burst: int) -> "Rate":
        """A steady rate that lets a burst through: `burst` requests may come at once, on average `rate_per_s`.

        100/s with a burst of 200 is 200 in any 2 seconds. A burst smaller than the rate is the rate in any second.
        """
        limit = max(rate_per_s, burst, 1)
        return cls(limit, limit / max(rate_per_s, 1))

    def share(self, instances: int) -> "Rate":
        """What one of several instances may admit by itself."""
        return Rate(max(1, self.limit // instances), self.window_s)


@dataclass(frozen=True, slots=True)
class Policy:
    """One limit that a request is counted against."""

    name: str
    key: str
    """Whose. Those that are decided together share a `{hash tag}`, so that whatever spreads keys keeps them on one node."""
    rate: Rate

    def share(self, instances: int) -> "Policy":
        return Policy(self.name, self.key, self.rate.share(instances))

    @property
    def sentence(self) -> str:
        window_s = self.rate.window_s
        window = "minute" if window_s == 60 else f"{window_s:g} second" + ("" if window_s == 1 else "s")
        whose, what = _WHOSE.get(self.name, "You"), _WHAT.get(self.name, "requests")
        return f"{whose} may make {self.rate.limit} {what} in any {window}; try again later."


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of one policy."""

    policy: Policy
    remaining: int
    reset_s: float
    """Seconds until one more is allowed if nothing is left, else until all of it is free again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of all policies at once: a request that one of them refuses counts in none."""

    allowed: bool
    standings: tuple[Standing, ...]

    @property
    def tightest(self) -> Standing:
        """What refused the request (of several the one that lasts longest), else what will do so first."""
        return min(self.standings, key=lambda one: (one.remaining, -one.reset_s if one.remaining == 0 else one.reset_s))

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10) with every policy, and the older
        `X-RateLimit-*` with the tightest.

        Windows are whole seconds there, rounded up: a client that paces itself by them is never refused.
        """
        if not self.standings:
            return []
        tightest = self.standings[0] if len(self.standings) == 1 else self.tightest
        return [
            (b"ratelimit-policy", _joined(self.standings, _policy_item)),
            (b"ratelimit", _joined(self.standings, _standing_item)),
            (b"x-ratelimit-limit", str(tightest.policy.rate.limit).encode()),
            (b"x-ratelimit-remaining", str(tightest.remaining).encode()),
            (b"x-ratelimit-reset", str(math.ceil(time.time() + tightest.reset_s)).encode()),
        ]

    def refusal(self) -> RateLimited:
        """The error for a request that was not admitted."""
        tightest = self.tightest
        return RateLimited(tightest.policy.sentence, retry_after_s=tightest.reset_s)


def settled(policies: Sequence[Policy], allowed: bool, figures: Sequence[float]) -> Verdict:
    """A verdict from `remaining, reset_s` of each policy, one after the other."""
    return Verdict(
        allowed,
        tuple(
            Standing(policy, int(figures[2 * number]), figures[2 * number + 1])
            for number, policy in enumerate(policies)
        ),
    )


def _joined(standings: tuple[Standing, ...], item: Callable[[Standing], str]) -> bytes:
    return ", ".join([item(one) for one in standings]).encode()


def _policy_item(one: Standing) -> str:
    return f'"{one.policy.name}";q={one.policy.rate.limit};w={math.ceil(one.policy.rate.window_s)}'


def _standing_item(one: Standing) -> str:
    return f'"{one.policy.name}";r={one.remaining};t={math.ceil(one.reset_s)}'
