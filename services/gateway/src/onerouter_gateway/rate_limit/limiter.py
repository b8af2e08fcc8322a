"""The limiter: Redis decides; while it does not answer, this instance admits its share by itself."""

import time
from collections.abc import Callable, Sequence

import structlog

from onerouter_common import metric_names as metrics
from onerouter_gateway.rate_limit.local_window import LocalWindows
from onerouter_gateway.rate_limit.policy import Policy, Verdict
from onerouter_gateway.rate_limit.redis_window import RedisAway, RedisWindows

log = structlog.get_logger()


class Limiter:
    """After a failure Redis is left alone for `retry_s`, so that its absence costs one timeout, not one a request."""

    def __init__(
        self,
        shared: RedisWindows,
        local: LocalWindows,
        *,
        instances: int,
        retry_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._local = local
        self._instances = instances
        self._retry_s = retry_s
        self._monotonic = monotonic
        self._ask_again_at = 0.0
        self._away = False

    async def hit(self, policies: Sequence[Policy]) -> Verdict:
        """Count one request against all of the policies if all of them admit it, else against none."""
        return await self._decide(policies, counting=True)

    async def look(self, policies: Sequence[Policy]) -> Verdict:
        """What `hit` would say, without counting."""
        return await self._decide(policies, counting=False)

    async def _decide(self, policies: Sequence[Policy], *, counting: bool) -> Verdict:
        if self._monotonic() >= self._ask_again_at:
            try:
                verdict = await (self._shared.hit(policies) if counting else self._shared.look(policies))
            except RedisAway as error:
                self._went_away(error)
            else:
                self._came_back()
                return verdict
        metrics.RATE_LIMIT_LOCAL.inc()
        shares = [policy.share(self._instances) for policy in policies]
        return self._local.hit(shares) if counting else self._local.look(shares)

    def _went_away(self, error: RedisAway) -> None:
        self._ask_again_at = self._monotonic() + self._retry_s
        if not self._away:
            self._away = True
            log.warning("rate_limit.redis.away", error=str(error), policy="each instance admits limit / instances")

    def _came_back(self) -> None:
        if self._away:
            self._away = False
            log.info("rate_limit.redis.back")
