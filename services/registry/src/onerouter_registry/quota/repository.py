"""The quotas' SQL: lending as the worker, looking as the tenant."""

from collections.abc import Mapping
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
# anywhere. Without a quota nothing is counted, but what is owed or returned from before still is.
_LEASE: Final = """
WITH held AS (
    SELECT u.granted, (k.quotas ->> u.category)::bigint AS quota
    FROM quota_usage u JOIN api_keys k ON k.id = u.api_key_id
    WHERE u.api_key_id = $1 AND u.category = $2 AND u.month = $3
    FOR UPDATE OF u
), settled AS (
    SELECT quota, greatest(granted - $6, 0) + $7 AS granted FROM held
), loan AS (
    SELECT quota, granted, CASE
        WHEN quota IS NULL THEN 0
        ELSE least(greatest(quota - granted, 0), greatest($4, least($5, (quota - granted) / 64)))
    END AS size
    FROM settled
)
UPDATE quota_usage u SET granted = loan.granted + loan.size
FROM loan
WHERE u.api_key_id = $1 AND u.category = $2 AND u.month = $3
RETURNING loan.size AS granted, loan.quota, u.granted AS handed_out
"""

_BEGIN: Final = """
INSERT INTO quota_usage (api_key_id, tenant_id, environment, category, month, granted)
SELECT id, tenant_id, environment, $2, $3, 0 FROM api_keys WHERE id = $1
ON CONFLICT (api_key_id, category, month) DO NOTHING
"""


async def lease(pool: Pool, asked: LeaseRequest) -> asyncpg.Record | None:
    """`granted`, `quota` (None: there is none) and `handed_out` of the month; None when it has no row yet."""
    return await pool.fetchrow(
        _LEASE,
        asked.api_key_id,
        asked.category,
        asked.month,
        asked.needed,
        asked.wanted,
        asked.returned,
        asked.owed,
    )


async def begin(pool: Pool, asked: LeaseRequest) -> None:
    """Make the month's row, unless it is there or there is no such key."""
    await pool.execute(_BEGIN, asked.api_key_id, asked.category, asked.month)


async def quotas_of(tx: AsyncConnection, key_id: str) -> Mapping[str, int] | None:
    """None: the transaction's tenant has no such key in its environment."""
    quotas = api_keys.c.quotas
    row = (await tx.execute(select(quotas).where(api_keys.c.id == key_id))).one_or_none()
    return None if row is None else dict(row[0])


async def used(tx: AsyncConnection, key_id: str, month: str) -> dict[str, int]:
    """Category → operations handed out in the month."""
    rows = await tx.execute(
        select(quota_usage.c.category, quota_usage.c.granted).where(
            quota_usage.c.api_key_id == key_id, quota_usage.c.month == month
        )
    )
    return {row.category: row.granted for row in rows}
