"""The quotas' SQL: lending as the worker, looking as the tenant."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import asyncpg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.db.engine import Pool
from onerouter_registry.api_key.tables import api_keys
from onerouter_registry.quota.model import LeaseRequest
from onerouter_registry.quota.tables import quota_usage

# One statement: the row is locked and read as it then stands, so of two gateways the second sees what the first was lent.
# A loan is what is needed now or, ahead of need, a 64th of what is left: near its end nothing of a quota lies idle
# anywhere. Without a quota nothing is counted, but what is owed or returned from before still is. The newest key of the
# family says what the quota is. What a gateway asked already is not done again: its number is not greater than the last
# one that was answered, so nothing is noted and nothing updated. The lock comes first, so of a request that is sent twice
# the second finds the first one's answer noted.
_LEASE: Final = """
WITH held AS (
    SELECT u.tenant_id, u.environment, u.granted, (k.quotas ->> u.category)::bigint AS quota
    FROM quota_usage u JOIN api_keys k ON k.family = u.family AND k.replaced_by IS NULL
    WHERE u.family = $1 AND u.category = $2 AND u.month = $3
    FOR UPDATE OF u
), settled AS (
    SELECT tenant_id, environment, quota, greatest(granted - $6, 0) + $7 AS granted FROM held
), loan AS (
    SELECT tenant_id, environment, quota, granted, CASE
        WHEN quota IS NULL THEN 0
        ELSE least(greatest(quota - granted, 0), greatest($4, least($5, (quota - granted) / 64)))
    END AS size
    FROM settled
), answer AS (
    INSERT INTO quota_answers AS a
        (family, tenant_id, environment, category, month, holder, number, granted, quota, remaining, answered_at)
    SELECT $1, tenant_id, environment, $2, $3, $8, $9, CASE WHEN quota IS NULL THEN $4 ELSE size END, quota,
           coalesce(greatest(quota - granted - size, 0), 0), now()
    FROM loan
    ON CONFLICT (family, category, month, holder) DO UPDATE
    SET number = excluded.number, granted = excluded.granted, quota = excluded.quota, remaining = excluded.remaining,
        answered_at = excluded.answered_at
    WHERE a.number < excluded.number
    RETURNING a.granted, a.quota, a.remaining
)
UPDATE quota_usage u SET granted = loan.granted + loan.size
FROM loan, answer
WHERE u.family = $1 AND u.category = $2 AND u.month = $3
RETURNING answer.granted, answer.quota, answer.remaining
"""

_BEGIN: Final = """
INSERT INTO quota_usage (family, tenant_id, environment, category, month, granted)
SELECT family, tenant_id, environment, $2, $3, 0 FROM api_keys WHERE family = $1 AND replaced_by IS NULL
ON CONFLICT (family, category, month) DO NOTHING
"""


_ANSWER: Final = """
SELECT number, granted, quota, remaining FROM quota_answers
WHERE family = $1 AND category = $2 AND month = $3 AND holder = $4
"""

_SWEEP: Final = """
DELETE FROM quota_answers WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM quota_answers WHERE answered_at < now() - $1::interval LIMIT $2
))
"""


async def lease(pool: Pool, asked: LeaseRequest) -> asyncpg.Record | None:
    """`granted`, `quota` (None: there is none) and what is `remaining` of the month.

    None: it has no row yet, or this or a later request of the holder's was answered before.
    """
    return await pool.fetchrow(
        _LEASE,
        asked.family,
        asked.category,
        asked.month,
        asked.needed,
        asked.wanted,
        asked.returned,
        asked.owed,
        asked.holder,
        asked.number,
    )


async def last_answer(pool: Pool, asked: LeaseRequest) -> asyncpg.Record | None:
    """As `lease`, and the `number` of the holder's request that was answered so."""
    return await pool.fetchrow(_ANSWER, asked.family, asked.category, asked.month, asked.holder)


async def sweep(pool: Pool, age: timedelta, limit: int) -> bool:
    """Forget up to so many answers that are older; whether there may be more."""
    return await pool.execute(_SWEEP, age, limit) == f"DELETE {limit}"


async def begin(pool: Pool, asked: LeaseRequest) -> None:
    """Make the month's row, unless it is there or there is no such key."""
    await pool.execute(_BEGIN, asked.family, asked.category, asked.month)


async def quotas_of(tx: AsyncConnection, key_id: str) -> tuple[str, Mapping[str, int]] | None:
    """The key's family and quotas; None: the transaction's tenant has no such key in its environment."""
    query = select(api_keys.c.family, api_keys.c.quotas).where(api_keys.c.id == key_id)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else (row.family, dict(row.quotas))


async def used(tx: AsyncConnection, family: str, month: str) -> dict[str, int]:
    """Category → operations handed out in the month."""
    rows = await tx.execute(
        select(quota_usage.c.category, quota_usage.c.granted).where(
            quota_usage.c.family == family, quota_usage.c.month == month
        )
    )
    return {row.category: row.granted for row in rows}
