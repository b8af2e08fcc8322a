"""The callback tokens' SQL, as the tenant; expired ones are removed as the operator."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.connection.callback_token.model import CallbackToken
from onerouter_registry.connection.tables import callback_tokens


async def add(tx: AsyncConnection, token: CallbackToken) -> None:
    await tx.execute(
        insert(callback_tokens)
        .inline()
        .values(
            hash=token.hash,
            connection_id=token.connection_id,
            tenant_id=token.tenant_id,
            environment=token.environment,
            provider=token.provider,
            sealed=token.sealed,
            created_at=token.created_at,
            expires_at=token.expires_at,
        )
    )


async def list_live(tx: AsyncConnection, connection_ids: Collection[str], now: datetime) -> list[CallbackToken]:
    """Those that work now, of these connections, oldest first."""
    query = (
        select(callback_tokens)
        .where(callback_tokens.c.connection_id.in_(connection_ids))
        .where(or_(callback_tokens.c.expires_at.is_(None), callback_tokens.c.expires_at > now))
        .order_by(callback_tokens.c.created_at, callback_tokens.c.hash)
    )
    return [CallbackToken(**row) for row in (await tx.execute(query)).mappings()]


async def expire_by(tx: AsyncConnection, connection_id: str, at: datetime) -> None:
    """Let none of the connection's tokens work longer than until then."""
    await tx.execute(
        update(callback_tokens)
        .where(callback_tokens.c.connection_id == connection_id)
        # LEAST passes over what is NULL.
        .values(expires_at=func.least(callback_tokens.c.expires_at, at))
    )


async def remove_all(tx: AsyncConnection, connection_id: str) -> None:
    await tx.execute(delete(callback_tokens).where(callback_tokens.c.connection_id == connection_id))


async def take_expired(tx: AsyncConnection, now: datetime, most: int) -> list[CallbackToken]:
    """Remove what no longer works and say what it was; several at once take different ones."""
    due = (
        select(callback_tokens.c.hash)
        .where(callback_tokens.c.expires_at <= now)
        .order_by(callback_tokens.c.expires_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    gone = delete(callback_tokens).where(callback_tokens.c.hash.in_(due)).returning(callback_tokens)
    return [CallbackToken(**row) for row in (await tx.execute(gone)).mappings()]
