"""The API keys' SQL: management as the tenant, the hot lookup and the last use as the worker."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import asyncpg
from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.db.engine import Pool
from onerouter_common.registry_client import KeyStatus
from onerouter_registry.api_key.model import ApiKey
from onerouter_registry.api_key.tables import api_keys

_PRINCIPAL: Final = """
SELECT k.id, k.tenant_id, k.environment, k.family, k.scopes, k.rate_limit_per_s, k.rate_burst, k.expires_at, k.revoked_at,
       k.ip_allow_list, k.quotas, t.status AS tenant_status, t.plan, t.requests_per_minute, t.default_region,
       coalesce(c.routes, '[]'::jsonb) AS routes
FROM api_keys k
JOIN tenants t ON t.id = k.tenant_id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(category, provider, currency) ORDER BY category, position) AS routes
    FROM connections
    WHERE tenant_id = k.tenant_id AND environment = k.environment AND enabled AND disconnected_at IS NULL
) c ON true
WHERE k.hash = $1
"""

_TOUCH: Final = """
UPDATE api_keys k SET last_used_at = u.used_at
FROM unnest($1::text[], $2::timestamptz[]) AS u (id, used_at)
WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.used_at)
"""

_HAS_STATUS: Final[Mapping[KeyStatus, Callable[[datetime], ColumnElement[bool]]]] = {
    # As `model.status_of` decides it.
    "revoked": lambda _: api_keys.c.revoked_at.is_not(None),
    "expired": lambda now: and_(api_keys.c.revoked_at.is_(None), api_keys.c.expires_at <= now),
    "active": lambda now: and_(
        api_keys.c.revoked_at.is_(None), or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)
    ),
}


async def add(tx: AsyncConnection, api_key: ApiKey) -> None:
    await tx.execute(insert(api_keys).values(**_columns_of(asdict(api_key))))


async def list_all(tx: AsyncConnection) -> list[ApiKey]:
    """Those the transaction's tenant has in its environment, oldest first."""
    rows = await tx.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))
    return [_api_key(row) for row in rows.mappings()]


async def page(
    tx: AsyncConnection, *, status: KeyStatus | None, before: str | None, limit: int, now: datetime
) -> list[ApiKey]:
    """Newest first (an id begins with its time), those older than the key `before`."""
    query = select(api_keys).order_by(api_keys.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(api_keys.c.id < before)
    if status is not None:
        query = query.where(_HAS_STATUS[status](now))
    return [_api_key(row) for row in (await tx.execute(query)).mappings()]


async def find(tx: AsyncConnection, key_id: str, *, lock: bool = False) -> ApiKey | None:
    query = select(api_keys).where(api_keys.c.id == key_id)
    row = (await tx.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    return None if row is None else _api_key(row)


async def predecessors(tx: AsyncConnection, newest: ApiKey, now: datetime) -> list[ApiKey]:
    """Those it was rotated from that still work, locked."""
    of_family = and_(api_keys.c.family == newest.family, api_keys.c.id != newest.id)
    query = select(api_keys).where(of_family, _HAS_STATUS["active"](now)).order_by(api_keys.c.id).with_for_update()
    return [_api_key(row) for row in (await tx.execute(query)).mappings()]


async def count_active(tx: AsyncConnection, now: datetime) -> int:
    query = select(func.count()).select_from(api_keys).where(_HAS_STATUS["active"](now))
    return int((await tx.execute(query)).scalar_one())


async def change(tx: AsyncConnection, key_id: str, values: Mapping[str, Any]) -> None:
    """`values` are fields of ApiKey that may change."""
    await tx.execute(update(api_keys).where(api_keys.c.id == key_id).values(**_columns_of(values)))


async def find_principal(pool: Pool, key_hash: str) -> asyncpg.Record | None:
    """One query: the key with its tenant's enabled connections as `[category, provider, currency]` in order."""
    return await pool.fetchrow(_PRINCIPAL, key_hash)


async def touch(pool: Pool, used: Mapping[str, datetime]) -> None:
    """Write when keys were last used, all in one statement."""
    await pool.execute(_TOUCH, list(used), list(used.values()))


def _columns_of(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _api_key(row: RowMapping) -> ApiKey:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return ApiKey(**values)
