"""What a key may do, what is left of it, and how an answer says so."""

import math
import time
from dataclasses import dataclass
from typing import Final

POLICY: Final = "default"


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `limit` requests in any `window_s` seconds."""

    limit: int
    window_s: float

    @classmethod
    def of(cls, rate_per_s: int, burst: int) -> "Quota":
        """A steady rate that lets a burst through: `burst` requests may come at once, on average `rate_per_s`.

        100/s with a burst of 200 is 200 in any 2 seconds. A burst smaller than the rate is the rate in any second.
        """
        limit = max(rate_per_s, burst, 1)
        return cls(limit, limit / max(rate_per_s, 1))

    def share(self, instances: int) -> "Quota":
        """What one of several instances may admit by itself."""
        return Quota(max(1, self.limit // instances), self.window_s)


@dataclass(frozen=True, slots=True)
class Verdict:
    allowed: bool
    quota: Quota
    remaining: int
    reset_s: float
    """Seconds until one more is allowed if nothing is left, else until the whole quota is free again."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10) and the older `X-RateLimit-*`.

        Windows are whole seconds there, rounded up: a client that paces itself by them is never refused.
        """
        reset_s = math.ceil(self.reset_s)
        window_s = math.ceil(self.quota.window_s)
        return [
            (b"ratelimit-policy", f'"{POLICY}";q={self.quota.limit};w={window_s}'.encode()),
            (b"ratelimit", f'"{POLICY}";r={self.remaining};t={reset_s}'.encode()),
            (b"x-ratelimit-limit", str(self.quota.limit).encode()),
            (b"x-ratelimit-remaining", str(self.remaining).encode()),
            (b"x-ratelimit-reset", str(math.ceil(time.time() + self.reset_s)).encode()),
        ]
