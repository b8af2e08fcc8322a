"""The single-use tokens' SQL."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

_INSERT: Final = text("""
INSERT INTO single_use_tokens (hash, purpose, user_id, data, created_at, expires_at)
VALUES (:hash, :purpose, :user_id, :data, :now, :expires_at)
""").bindparams(bindparam("data", type_=JSONB))
_FIND: Final = text("""
SELECT t.user_id, t.data FROM single_use_tokens t JOIN users u ON u.id = t.user_id AND u.disabled_at IS NULL
WHERE t.hash = :hash AND t.purpose = :purpose AND t.used_at IS NULL AND t.expires_at > :now
""").columns(data=JSONB)
_USE: Final = text("""
UPDATE single_use_tokens t SET used_at = :now FROM users u
WHERE t.hash = :hash AND t.purpose = :purpose AND t.used_at IS NULL AND t.expires_at > :now
      AND u.id = t.user_id AND u.disabled_at IS NULL
RETURNING t.user_id, t.data
""").columns(data=JSONB)
_VOID: Final = text("DELETE FROM single_use_tokens WHERE user_id = :user_id AND purpose = :purpose AND used_at IS NULL")
_VOID_ADDRESS_CHANGE: Final = text("""
DELETE FROM single_use_tokens t USING users u
WHERE t.user_id = :user_id AND u.id = t.user_id AND t.purpose = 'email_change' AND t.used_at IS NULL
      AND t.data ->> 'email' IS DISTINCT FROM u.email
""")
_SWEEP: Final = text("DELETE FROM single_use_tokens WHERE expires_at <= :now")


async def add(
    tx: AsyncConnection,
    *,
    token_hash: str,
    purpose: str,
    user_id: str,
    data: Mapping[str, Any],
    now: datetime,
    expires_at: datetime,
) -> None:
    values = {"hash": token_hash, "purpose": purpose, "user_id": user_id, "data": data, "now": now}
    await tx.execute(_INSERT, {**values, "expires_at": expires_at})


async def find(tx: AsyncConnection, token_hash: str, purpose: str, *, now: datetime) -> RowMapping | None:
    values = {"hash": token_hash, "purpose": purpose, "now": now}
    return (await tx.execute(_FIND, values)).mappings().one_or_none()


async def use(tx: AsyncConnection, token_hash: str, purpose: str, *, now: datetime) -> RowMapping | None:
    values = {"hash": token_hash, "purpose": purpose, "now": now}
    return (await tx.execute(_USE, values)).mappings().one_or_none()


async def void(tx: AsyncConnection, purpose: str, user_id: str) -> None:
    await tx.execute(_VOID, {"purpose": purpose, "user_id": user_id})


async def void_address_change(tx: AsyncConnection, user_id: str) -> None:
    """Not the one to the address they have."""
    await tx.execute(_VOID_ADDRESS_CHANGE, {"user_id": user_id})


async def sweep(tx: AsyncConnection, *, now: datetime) -> None:
    await tx.execute(_SWEEP, {"now": now})
