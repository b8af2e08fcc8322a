"""Forgetting what has ended: sessions, tokens, counters of failures."""

from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_registry.person import token_repository
from onerouter_registry.session import repository as sessions
from onerouter_registry.session.model import IDLE
from onerouter_registry.throttle import repository as throttles
from onerouter_registry.transactions import operator_transaction

EVERY: Final = timedelta(minutes=5)


class Sweeping:
    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def sweep(self) -> None:
        """Several processes may do it at the same time."""
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            await sessions.sweep(tx, now=now, idle_since=now - IDLE)
            await token_repository.sweep(tx, now=now)
            await throttles.sweep(tx, now=now)
