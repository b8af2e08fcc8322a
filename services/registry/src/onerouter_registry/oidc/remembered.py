"""What an issuer publishes (where its endpoints are, its keys), fetched now and then and kept while it is away."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

import structlog

from onerouter_common.clock import Clock
from onerouter_registry.oidc.errors import IssuerUnavailable

FRESH_FOR: Final = timedelta(minutes=10)
"""After that it is fetched again before it is used; so long a key the issuer withdrew may still be believed."""
USABLE_FOR: Final = timedelta(hours=24)
"""How long it serves while the issuer is away."""
AT_MOST_EVERY: Final = timedelta(seconds=10)
"""Made-up key ids, and an issuer that is away, cause no more fetches than that."""

log = structlog.get_logger()
T = TypeVar("T")


class Remembered(Generic[T]):
    """One fetch at a time: who comes meanwhile takes what is there, or waits for it."""

    def __init__(self, fetch: Callable[[], Awaitable[T]], clock: Clock, *, what: str) -> None:
        """`what` is for the log. `fetch` raises IssuerUnavailable."""
        self._fetch = fetch
        self._clock = clock
        self._what = what
        self._lock = asyncio.Lock()
        self._value: T | None = None
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None

    async def get(self) -> T:
        """Raises IssuerUnavailable when there is nothing usable."""
        value = self._younger_than(FRESH_FOR)
        if value is not None:
            return value
        old = self._younger_than(USABLE_FOR)
        if old is not None and (self._lock.locked() or not self._may_try()):
            return old
        async with self._lock:
            value = self._younger_than(FRESH_FOR)
            if value is not None:
                return value
            if not self._may_try():
                if old is not None:
                    return old
                raise IssuerUnavailable("The identity provider could not be reached a moment ago.", retry_after_s=10)
            try:
                return await self._refetch()
            except IssuerUnavailable as error:
                log.warning("registry.oidc.issuer.away", what=self._what, reason=error.detail, kept=old is not None)
                if old is not None:
                    return old
                raise

    async def renewed(self) -> T | None:
        """What is published now, where the remembered does not do; None: too soon after the last fetch, or it failed."""
        seen = self._fetched_at
        async with self._lock:
            if self._fetched_at != seen:
                return self._value
            if not self._may_try():
                return None
            try:
                return await self._refetch()
            except IssuerUnavailable as error:
                log.warning("registry.oidc.issuer.away", what=self._what, reason=error.detail, kept=True)
                return None

    async def _refetch(self) -> T:
        self._tried_at = self._clock.now()
        value = await self._fetch()
        self._value, self._fetched_at = value, self._clock.now()
        return value

    def _younger_than(self, age: timedelta) -> T | None:
        if self._fetched_at is None or self._clock.now() - self._fetched_at > age:
            return None
        return self._value

    def _may_try(self) -> bool:
        return self._tried_at is None or self._clock.now() - self._tried_at >= AT_MOST_EVERY
