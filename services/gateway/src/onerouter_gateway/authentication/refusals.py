"""Requests of nobody: refused because no API key says who calls. Counted by address, so that keys cannot be guessed at will.

Only what was refused counts. A key that is somebody's costs its sender nothing, and one that was seen is not even looked up.
"""

from onerouter_common import metric_names as metrics
from onerouter_gateway.rate_limit.limiter import Limiter
from onerouter_gateway.rate_limit.policy import REFUSED, Policy, Rate


class Refusals:
    def __init__(self, limiter: Limiter, rate: Rate) -> None:
        self._limiter = limiter
        self._rate = rate

    def policy_of(self, site: str) -> Policy:
        """What each refused request of the site (`address.site_of`) counts against."""
        return Policy(REFUSED, f"{{{site}}}:refused", self._rate)

    async def check(self, site: str) -> None:
        """Raises RateLimited for a site that has had all its refusals. Counts nothing."""
        verdict = await self._limiter.look([self.policy_of(site)])
        if not verdict.allowed:
            metrics.RATE_LIMITED.inc()
            raise verdict.refusal()
