"""The API keys' SQL: management as the tenant, the hot lookup and the last use as the worker."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import asyncpg
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.db.engine import Pool
from onerouter_registry.api_key.model import ApiKey
from onerouter_registry.api_key.tables import api_keys

_PRINCIPAL: Final = """
SELECT k.id, k.tenant_id, k.environment, k.scopes, k.rate_limit_per_s, k.rate_burst, k.expires_at, k.revoked_at,
       k.ip_allow_list, k.quotas, t.status AS tenant_status, t.plan, t.requests_per_minute,
       coalesce(c.routes, '[]'::jsonb) AS routes
FROM api_keys k
JOIN tenants t ON t.id = k.tenant_id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(category, provider, currency) ORDER BY category, position) AS routes
    FROM connections
    WHERE tenant_id = k.tenant_id AND environment = k.environment AND enabled
) c ON true
WHERE k.hash = $1
"""

_TOUCH: Final = """
UPDATE api_keys k SET last_used_at = u.used_at
FROM unnest($1::text[], $2::timestamptz[]) AS u (id, used_at)
WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.used_at)
"""


async def add(tx: AsyncConnection, api_key: ApiKey) -> None:
    await tx.execute(insert(api_keys).values({**asdict(api_key), "scopes": list(api_key.scopes)}))


async def list_all(tx: AsyncConnection) -> list[ApiKey]:
    """Those the transaction's tenant has in its environment, oldest first."""
    rows = await tx.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))
    return [_api_key(dict(row)) for row in rows.mappings()]


async def find(tx: AsyncConnection, key_id: str) -> ApiKey | None:
    row = (await tx.execute(select(api_keys).where(api_keys.c.id == key_id))).mappings().one_or_none()
    return None if row is None else _api_key(dict(row))


async def revoke(tx: AsyncConnection, key_id: str, at: datetime) -> bool:
    """False when there is no such key or it was revoked before."""
    done = await tx.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=at)
    )
    return bool(done.rowcount)


async def find_principal(pool: Pool, key_hash: str) -> asyncpg.Record | None:
    """One query: the key with its tenant's enabled connections as `[category, provider, currency]` in order."""
    return await pool.fetchrow(_PRINCIPAL, key_hash)


async def touch(pool: Pool, used: Mapping[str, datetime]) -> None:
    """Write when keys were last used, all in one statement."""
    await pool.execute(_TOUCH, list(used), list(used.values()))


def _api_key(row: dict[str, Any]) -> ApiKey:
    return ApiKey(**{**row, "scopes": tuple(row["scopes"])})
