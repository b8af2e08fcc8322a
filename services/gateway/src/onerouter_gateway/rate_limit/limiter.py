"""The limiter: Redis decides; while it does not answer, this instance admits its share by itself."""

import time
from collections.abc import Callable

import structlog

from onerouter_common import metric_names as metrics
from onerouter_common.errors import RateLimited
from onerouter_gateway.rate_limit.local_window import LocalWindows
from onerouter_gateway.rate_limit.quota import Quota, Verdict
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

    async def hit(self, key: str, quota: Quota) -> Verdict:
        """Count one request of this key, if it is admitted."""
        if self._monotonic() >= self._ask_again_at:
            try:
                verdict = await self._shared.hit(key, quota)
            except RedisAway as error:
                self._went_away(error)
            else:
                self._came_back()
                return verdict
        metrics.RATE_LIMIT_LOCAL.inc()
        return self._local.hit(key, quota.share(self._instances))

    def _went_away(self, error: RedisAway) -> None:
        self._ask_again_at = self._monotonic() + self._retry_s
        if not self._away:
            self._away = True
            log.warning("rate_limit.redis.away", error=str(error), policy="each instance admits limit / instances")

    def _came_back(self) -> None:
        if self._away:
            self._away = False
            log.info("rate_limit.redis.back")


def refuse(verdict: Verdict) -> RateLimited:
    """The error for a request that was not admitted."""
    window_s = verdict.quota.window_s
    window = f"{window_s:g} second" + ("" if window_s == 1 else "s")
    return RateLimited(
        f"This API key may make {verdict.quota.limit} requests in any {window}; try again later.",
        retry_after_s=verdict.reset_s,
    )
