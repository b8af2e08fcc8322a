"""The connections' SQL: management as the tenant, hot lookups as the worker."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.db.engine import Pool
from onerouter_registry.connection.model import Connection, DataKeyRow, SealedCredentials
from onerouter_registry.connection.tables import connections, data_keys

_ROUTE: Final = """
SELECT id, tenant_id, environment, category, provider, label, currency, enabled, credentials, public_credentials,
       max_in_flight, version,
       (SELECT coalesce(jsonb_object_agg(d.id, d.wrapped), '{}'::jsonb) FROM data_keys d
        WHERE d.tenant_id = $1 AND d.environment = $2 AND d.purpose = 'credentials') AS data_keys
FROM connections
WHERE tenant_id = $1 AND environment = $2 AND category = $3
ORDER BY position
"""

_CALLBACK: Final = """
SELECT c.id, c.tenant_id, c.environment, c.category, c.provider, c.callback_credentials, c.public_credentials,
       (SELECT coalesce(jsonb_object_agg(d.id, d.wrapped), '{}'::jsonb) FROM data_keys d
        WHERE d.tenant_id = c.tenant_id AND d.environment = c.environment AND d.purpose = 'callbacks') AS data_keys
FROM connections c
WHERE c.callback_token_hash = $1 AND c.provider = $2
"""

_LOCK_ROUTE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:route, 0))")


async def fetch_route(pool: Pool, tenant_id: str, environment: str, category: str) -> Sequence[asyncpg.Record]:
    """One query: the connections in order, each with the wrapped data keys."""
    return await pool.fetch(_ROUTE, tenant_id, environment, category)


async def find_callback_target(pool: Pool, provider: str, token_hash: str) -> asyncpg.Record | None:
    return await pool.fetchrow(_CALLBACK, token_hash, provider)


async def lock_route(tx: AsyncConnection, tenant_id: str, environment: str, category: str) -> None:
    """Whoever changes the order of a route waits here for the other who does."""
    await tx.execute(_LOCK_ROUTE, {"route": f"{tenant_id}/{environment}/{category}"})


async def next_position(tx: AsyncConnection, category: str) -> int:
    last = await tx.scalar(select(func.max(connections.c.position)).where(connections.c.category == category))
    return 0 if last is None else int(last) + 1


async def add(tx: AsyncConnection, connection: Connection) -> None:
    await tx.execute(
        insert(connections).values(
            id=connection.id,
            tenant_id=connection.tenant_id,
            environment=connection.environment,
            category=connection.category,
            provider=connection.provider,
            label=connection.label,
            position=connection.position,
            enabled=connection.enabled,
            currency=connection.currency,
            max_in_flight=connection.max_in_flight,
            callback_token_hash=connection.callback_token_hash,
            callback_token=connection.callback_token,
            version=connection.version,
            created_at=connection.created_at,
            updated_at=connection.updated_at,
            **_columns_of(connection.credentials),
        )
    )


async def find(tx: AsyncConnection, connection_id: str, *, lock: bool = False) -> Connection | None:
    query = select(connections).where(connections.c.id == connection_id)
    row = (await tx.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    return None if row is None else _connection(row)


async def list_all(tx: AsyncConnection, category: str | None = None) -> list[Connection]:
    """Those of the transaction's tenant and environment, by category and place in the route."""
    query = select(connections).order_by(connections.c.category, connections.c.position)
    if category is not None:
        query = query.where(connections.c.category == category)
    return [_connection(row) for row in (await tx.execute(query)).mappings()]


async def set_credentials(
    tx: AsyncConnection, connection_id: str, credentials: SealedCredentials, at: datetime
) -> None:
    """New credentials are not verified yet."""
    await _change(tx, connection_id, at, **_columns_of(credentials), verified_at=None, verified_error=None)


async def set_enabled(tx: AsyncConnection, connection_id: str, enabled: bool, at: datetime) -> None:
    await _change(tx, connection_id, at, enabled=enabled)


async def set_positions(tx: AsyncConnection, ordered_ids: Sequence[str], at: datetime) -> None:
    for position, connection_id in enumerate(ordered_ids):
        await _change(tx, connection_id, at, position=position)


async def set_verified(tx: AsyncConnection, connection_id: str, version: int, at: datetime, error: str | None) -> None:
    """What the provider said of this version's credentials; of a newer version it says nothing."""
    values: dict[str, Any] = {"verified_error": error}
    if error is None:
        values["verified_at"] = at
    await tx.execute(
        update(connections).where(connections.c.id == connection_id, connections.c.version == version).values(**values)
    )


async def remove(tx: AsyncConnection, connection_id: str) -> None:
    await tx.execute(delete(connections).where(connections.c.id == connection_id))


async def find_data_key(tx: AsyncConnection, purpose: str) -> DataKeyRow | None:
    row = (
        await tx.execute(
            select(data_keys.c.id, data_keys.c.wrapped).where(
                data_keys.c.purpose == purpose, data_keys.c.retired_at.is_(None)
            )
        )
    ).one_or_none()
    return None if row is None else DataKeyRow(row.id, row.wrapped)


async def add_data_key(
    tx: AsyncConnection, owner: tuple[str, str], purpose: str, made: DataKeyRow, at: datetime
) -> DataKeyRow:
    """The data key that is there in the end: ours, or the one another transaction made first."""
    await tx.execute(
        upsert(data_keys)
        .values(
            id=made.id,
            tenant_id=owner[0],
            environment=owner[1],
            purpose=purpose,
            wrapped=made.wrapped,
            created_at=at,
        )
        .on_conflict_do_nothing(
            index_elements=["tenant_id", "environment", "purpose"], index_where=data_keys.c.retired_at.is_(None)
        )
    )
    stored = await find_data_key(tx, purpose)
    if stored is None:
        raise RuntimeError("the data key that was just stored cannot be read")
    return stored


async def _change(tx: AsyncConnection, connection_id: str, at: datetime, **values: Any) -> None:
    await tx.execute(
        update(connections)
        .where(connections.c.id == connection_id)
        .values(**values, version=connections.c.version + 1, updated_at=at)
    )


def _columns_of(credentials: SealedCredentials) -> dict[str, dict[str, str]]:
    return {
        "credentials": dict(credentials.api),
        "callback_credentials": dict(credentials.callback),
        "public_credentials": dict(credentials.public),
        "masked_credentials": dict(credentials.masked),
    }


def _connection(row: RowMapping) -> Connection:
    values = dict(row)
    values["credentials"] = SealedCredentials(
        api=values.pop("credentials"),
        callback=values.pop("callback_credentials"),
        public=values.pop("public_credentials"),
        masked=values.pop("masked_credentials"),
    )
    return Connection(**values)
