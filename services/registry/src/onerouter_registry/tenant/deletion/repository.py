"""The SQL that takes everything a tenant had. Runs as the operator, in the one transaction that ends the tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.vault.shredding import shred

_DUE: Final = text("""
SELECT id FROM tenants WHERE status = 'deleting' AND delete_after <= :now ORDER BY delete_after LIMIT :limit
""")

# Whoever adds a key or a connection holds the row by its foreign key: then it is the next round's.
_LOCK: Final = text("SELECT id FROM tenants WHERE id = :tenant_id FOR UPDATE SKIP LOCKED")

_REVOKE_KEYS: Final = text("""
UPDATE api_keys SET revoked_at = :now WHERE tenant_id = :tenant_id AND revoked_at IS NULL
RETURNING id, environment, hash
""")

_EMPTY_CONNECTIONS: Final = text("""
UPDATE connections
SET enabled = false, position = NULL, credentials = '{}', callback_credentials = '{}', public_credentials = '{}',
    masked_credentials = '{}', verified_error = NULL, next_check_at = NULL, forget_after = NULL,
    disconnected_at = coalesce(disconnected_at, :now), forgotten_at = coalesce(forgotten_at, :now),
    version = version + 1, updated_at = :now
WHERE tenant_id = :tenant_id
RETURNING id, environment
""")

_FORGET: Final = tuple(
    text(statement)
    for statement in (
        "DELETE FROM routing_policies WHERE tenant_id = :tenant_id",
        "DELETE FROM idempotency_keys WHERE tenant_id = :tenant_id",
        "DELETE FROM invitations WHERE tenant_id = :tenant_id",
        "DELETE FROM memberships WHERE tenant_id = :tenant_id",
        "UPDATE sessions SET tenant_id = NULL WHERE tenant_id = :tenant_id",
    )
)


async def list_due(tx: AsyncConnection, now: datetime, limit: int) -> list[str]:
    return list((await tx.execute(_DUE, {"now": now, "limit": limit})).scalars())


async def lock(tx: AsyncConnection, tenant_id: str) -> bool:
    """False when another process has it in hand."""
    return (await tx.execute(_LOCK, {"tenant_id": tenant_id})).first() is not None


async def revoke_keys(tx: AsyncConnection, tenant_id: str, now: datetime) -> Sequence[Row[tuple[str, str, str]]]:
    """(id, environment, hash) of those that worked until now."""
    return (await tx.execute(_REVOKE_KEYS, {"tenant_id": tenant_id, "now": now})).all()


async def empty_connections(tx: AsyncConnection, tenant_id: str, now: datetime) -> Sequence[Row[tuple[str, str]]]:
    """(id, environment) of all the tenant ever had; what they held is gone."""
    return (await tx.execute(_EMPTY_CONNECTIONS, {"tenant_id": tenant_id, "now": now})).all()


async def forget(tx: AsyncConnection, tenant_id: str) -> None:
    await shred(tx, tenant_id)
    for statement in _FORGET:
        await tx.execute(statement, {"tenant_id": tenant_id})
