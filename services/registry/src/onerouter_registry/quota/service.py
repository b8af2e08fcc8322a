"""Lending operations of quotas to the gateways, and telling a tenant how its month stands."""

from datetime import timedelta
from typing import Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.db.engine import Pool
from onerouter_common.errors import Conflict, NotFound
from onerouter_common.ids import API_KEY, is_id
from onerouter_common.months import end_of, month_of
from onerouter_common.registry_client import QuotaLease
from onerouter_registry.quota import repository
from onerouter_registry.quota.model import LeaseRequest, Usage
from onerouter_registry.transactions import tenant_transaction
from onerouter_registry.validation import environment_of

REMEMBERED: Final = timedelta(days=1)
"""How long an answer is kept for a gateway that it did not reach."""
SWEEP_EVERY: Final = timedelta(minutes=10)
_SWEPT_AT_ONCE: Final = 5_000


class QuotaLeases:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def lease(self, asked: LeaseRequest) -> QuotaLease | None:
        """What may be begun; None when there is no such key. One round trip but for the first of a month, or a request that
        was answered before: it is answered so again, and nothing is done. Raises Conflict when a later one was.
        """
        row = await repository.lease(self._pool, asked) or await self._answered(asked)
        if row is None:
            await repository.begin(self._pool, asked)
            row = await repository.lease(self._pool, asked) or await self._answered(asked)
        if row is None:
            return None
        return QuotaLease(granted=row["granted"], limit=row["quota"], remaining=row["remaining"])

    async def sweep(self) -> None:
        """Forget what no gateway should ask for again."""
        while await repository.sweep(self._pool, REMEMBERED, _SWEPT_AT_ONCE):
            pass

    async def _answered(self, asked: LeaseRequest) -> asyncpg.Record | None:
        row = await repository.last_answer(self._pool, asked)
        if row is not None and row["number"] > asked.number:
            raise Conflict("A later request of this holder's has been answered.")  # this one was too long on its way
        return row


class QuotaUsage:
    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def of(self, tenant_id: str, environment: str, key_id: str) -> Usage:
        """This month (UTC). Raises NotFound."""
        where = environment_of(environment)
        if not is_id(API_KEY, key_id):
            raise _no_such_key()
        month = month_of(self._clock.now())
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            found = await repository.quotas_of(tx, key_id)
            if found is None:
                raise _no_such_key()
            family, quotas = found
            used = await repository.used(tx, family, month)
        return Usage(
            api_key_id=key_id,
            environment=where,
            month=month,
            resets_at=end_of(month),
            quotas=quotas,
            used=used,
        )


def _no_such_key() -> NotFound:
    return NotFound("There is no such API key in this environment.")
