"""The connections' SQL: management as the tenant, hot lookups as the worker."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

import asyncpg
from sqlalchemy import func, insert, literal, select, text, tuple_, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.db.engine import Pool
from onerouter_registry.connection.model import Connection, SealedCredentials
from onerouter_registry.connection.tables import connections

# One row at least for a tenant that exists: without connections those columns are null. The policy comes with the first.
_ROUTE: Final = """
SELECT t.status <> 'active' AS suspended, p.version AS policy_version,
       CASE row_number() OVER (ORDER BY c.position, c.id) WHEN 1 THEN p.policy END AS policy,
       c.id, c.tenant_id, c.environment, c.category, c.provider, c.label, c.currency,
       c.enabled AND c.disconnected_at IS NULL AS enabled, c.disconnected_at IS NOT NULL AS disconnected,
       c.credentials, c.public_credentials, c.max_in_flight, c.rate_per_s, c.version,
       (SELECT s.reason FROM provider_switches s WHERE s.category = $3 AND s.provider IN ('*', c.provider)
        ORDER BY s.provider LIMIT 1) AS switched_off,
       (SELECT k.sealed FROM callback_tokens k WHERE k.connection_id = c.id AND k.expires_at IS NULL
        ORDER BY k.created_at DESC LIMIT 1) AS callback_token,
       (SELECT coalesce(jsonb_object_agg(d.id, d.wrapped), '{}'::jsonb) FROM data_keys d
        WHERE d.tenant_id = $1 AND d.environment = $2 AND d.purpose = 'credentials') AS data_keys
FROM tenants t
LEFT JOIN routing_policies p ON p.tenant_id = t.id AND p.environment = $2 AND p.category = $3
LEFT JOIN connections c
    ON c.tenant_id = t.id AND c.environment = $2 AND c.category = $3 AND c.forgotten_at IS NULL
WHERE t.id = $1
ORDER BY c.position, c.id
"""

_CALLBACK: Final = """
SELECT c.id, c.tenant_id, c.environment, c.category, c.provider, c.callback_credentials, c.public_credentials,
       (SELECT coalesce(jsonb_object_agg(d.id, d.wrapped), '{}'::jsonb) FROM data_keys d
        WHERE d.tenant_id = c.tenant_id AND d.environment = c.environment AND d.purpose = 'callbacks') AS data_keys
FROM callback_tokens t JOIN connections c ON c.id = t.connection_id
WHERE t.hash = $1 AND t.provider = $2 AND (t.expires_at IS NULL OR t.expires_at > now()) AND c.forgotten_at IS NULL
"""

_USABLE: Final = """
SELECT c.id, c.category, c.provider, c.label, c.currency,
       CASE WHEN c.category = 'storage' THEN c.public_credentials ->> 'bucket' END AS bucket
FROM connections c
WHERE c.tenant_id = $1 AND c.environment = $2 AND c.enabled AND c.disconnected_at IS NULL
  AND NOT EXISTS (SELECT FROM provider_switches s WHERE s.category = c.category AND s.provider IN ('*', c.provider))
ORDER BY c.category, c.position, c.id
"""

_OTHERS: Final = connections.alias()
_RANK: Final = (
    select(func.nullif(func.count(), 0))
    .where(
        _OTHERS.c.tenant_id == connections.c.tenant_id,
        _OTHERS.c.environment == connections.c.environment,
        _OTHERS.c.category == connections.c.category,
        _OTHERS.c.position <= connections.c.position,
    )
    .scalar_subquery()
    .label("priority")
)
_CONNECTED: Final = connections.c.disconnected_at.is_(None)
# Connected ones by their route, then the others.
_ORDER: Final = (
    connections.c.disconnected_at.is_not(None),
    connections.c.category,
    func.coalesce(connections.c.position, 0),
    connections.c.id,
)
_STORED: Final = frozenset(connections.c.keys())

_LOCK_ROUTE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:route, 0))")


async def fetch_route(pool: Pool, tenant_id: str, environment: str, category: str) -> Sequence[asyncpg.Record]:
    """One query: the connections in order, each with the wrapped data keys; disconnected ones last."""
    return await pool.fetch(_ROUTE, tenant_id, environment, category)


async def fetch_usable(pool: Pool, tenant_id: str, environment: str) -> Sequence[asyncpg.Record]:
    """The connections that new operations can go to, in the order of each category."""
    return await pool.fetch(_USABLE, tenant_id, environment)


async def find_callback_target(pool: Pool, provider: str, token_hash: str) -> asyncpg.Record | None:
    return await pool.fetchrow(_CALLBACK, token_hash, provider)


async def lock_route(tx: AsyncConnection, tenant_id: str, environment: str, category: str) -> None:
    """Whoever changes the order of a route waits here for the other who does."""
    await tx.execute(_LOCK_ROUTE, {"route": f"{tenant_id}/{environment}/{category}"})


async def next_position(tx: AsyncConnection, category: str) -> int:
    last = await tx.scalar(select(func.max(connections.c.position)).where(connections.c.category == category))
    return 0 if last is None else int(last) + 1


async def add(tx: AsyncConnection, connection: Connection) -> None:
    values = {name: value for name, value in shallow(connection).items() if name in _STORED and name != "credentials"}
    await tx.execute(insert(connections).inline().values(**values, **columns_of(connection.credentials)))


async def find(tx: AsyncConnection, connection_id: str, *, lock: bool = False) -> Connection | None:
    """A disconnected one too."""
    query = select(connections, _RANK).where(connections.c.id == connection_id)
    row = (await tx.execute(query.with_for_update(of=connections) if lock else query)).mappings().one_or_none()
    return None if row is None else _connection(row)


async def list_all(
    tx: AsyncConnection,
    category: str | None = None,
    provider: str | None = None,
    *,
    disconnected: bool = False,
    limit: int | None = None,
    after: Connection | None = None,
) -> list[Connection]:
    """Those of the transaction's tenant and environment, by category and place in the route, disconnected ones last.

    `after` is what the page before ended with.
    """
    query = select(connections, _RANK).order_by(*_ORDER).limit(limit)
    if category is not None:
        query = query.where(connections.c.category == category)
    if provider is not None:
        query = query.where(connections.c.provider == provider)
    if not disconnected:
        query = query.where(_CONNECTED)
    if after is not None:
        last = (after.disconnected_at is not None, after.category, after.position or 0, after.id)
        query = query.where(tuple_(*_ORDER) > tuple_(*(literal(value) for value in last)))
    return [_connection(row) for row in (await tx.execute(query)).mappings()]


async def count_kept(tx: AsyncConnection, category: str) -> int:
    """Disconnected ones whose credentials are not destroyed yet."""
    query = select(func.count()).where(
        connections.c.category == category,
        connections.c.disconnected_at.is_not(None),
        connections.c.forgotten_at.is_(None),
    )
    return int(await tx.scalar(query) or 0)


async def change(tx: AsyncConnection, connection_id: str, at: datetime, **values: Any) -> None:
    """Set columns; whoever has opened the connection opens it anew."""
    await tx.execute(
        update(connections)
        .where(connections.c.id == connection_id)
        .values(**values, version=connections.c.version + 1, updated_at=at)
    )


async def set_positions(tx: AsyncConnection, before: Sequence[Connection], ordered_ids: Sequence[str]) -> None:
    """The order alone: no connection is another one because of it."""
    known = {connection.id: connection.position for connection in before}
    for position, connection_id in enumerate(ordered_ids):
        if known.get(connection_id) != position:
            await tx.execute(update(connections).where(connections.c.id == connection_id).values(position=position))


async def note(tx: AsyncConnection, connection_id: str, **values: Any) -> None:
    """Set columns that say something of the connection and change nothing of it."""
    await tx.execute(update(connections).where(connections.c.id == connection_id).values(**values))


def columns_of(credentials: SealedCredentials) -> dict[str, dict[str, str]]:
    """The credentials as columns of the table."""
    return {
        "credentials": dict(credentials.api),
        "callback_credentials": dict(credentials.callback),
        "public_credentials": dict(credentials.public),
        "masked_credentials": dict(credentials.masked),
    }


def shallow(connection: Connection) -> dict[str, Any]:
    """By field, without copying what is in them."""
    return {one.name: getattr(connection, one.name) for one in fields(connection)}


def _connection(row: RowMapping) -> Connection:
    values = dict(row)
    values["credentials"] = SealedCredentials(
        api=values.pop("credentials"),
        callback=values.pop("callback_credentials"),
        public=values.pop("public_credentials"),
        masked=values.pop("masked_credentials"),
    )
    return Connection(**values)
