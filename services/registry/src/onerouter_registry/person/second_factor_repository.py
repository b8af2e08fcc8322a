"""The second factor's SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

_SELECT: Final = "SELECT email, totp_key, totp_secret, totp_enabled_at, totp_last_step FROM users WHERE id = :id"
_FIND: Final = text(_SELECT)
_LOCK: Final = text(_SELECT + " FOR NO KEY UPDATE")
_SET_SECRET: Final = text("""
UPDATE users SET totp_key = :key, totp_secret = :secret, totp_enabled_at = NULL, totp_last_step = NULL, updated_at = :now
WHERE id = :id
""")
_ENABLE: Final = text("UPDATE users SET totp_enabled_at = :now, updated_at = :now WHERE id = :id")
_USE_STEP: Final = text("UPDATE users SET totp_last_step = :step WHERE id = :id")
_FORGET_CODES: Final = text("DELETE FROM recovery_codes WHERE user_id = :id")
_ADD_CODE: Final = text("INSERT INTO recovery_codes (user_id, hash) VALUES (:id, :hash)")
_USE_CODE: Final = text(
    "UPDATE recovery_codes SET used_at = :now WHERE user_id = :id AND hash = :hash AND used_at IS NULL RETURNING hash"
)
_LEFT: Final = text("SELECT count(*) FROM recovery_codes WHERE user_id = :id AND used_at IS NULL")


async def find(tx: AsyncConnection, user_id: str) -> RowMapping | None:
    """As `lock`, and others may change it meanwhile."""
    return (await tx.execute(_FIND, {"id": user_id})).mappings().one_or_none()


async def lock(tx: AsyncConnection, user_id: str) -> RowMapping | None:
    """Email, totp_key, totp_secret, totp_enabled_at, totp_last_step; nobody else uses a code meanwhile."""
    return (await tx.execute(_LOCK, {"id": user_id})).mappings().one_or_none()


async def set_secret(tx: AsyncConnection, user_id: str, key: str | None, secret: str | None, *, now: datetime) -> None:
    """Not in use until it is enabled. None for both: there is no second factor."""
    await tx.execute(_SET_SECRET, {"id": user_id, "key": key, "secret": secret, "now": now})


async def enable(tx: AsyncConnection, user_id: str, *, now: datetime) -> None:
    await tx.execute(_ENABLE, {"id": user_id, "now": now})


async def use_step(tx: AsyncConnection, user_id: str, step: int) -> None:
    await tx.execute(_USE_STEP, {"id": user_id, "step": step})


async def replace_codes(tx: AsyncConnection, user_id: str, hashes: Sequence[str]) -> None:
    await tx.execute(_FORGET_CODES, {"id": user_id})
    for code_hash in hashes:
        await tx.execute(_ADD_CODE, {"id": user_id, "hash": code_hash})


async def use_code(tx: AsyncConnection, user_id: str, code_hash: str, *, now: datetime) -> bool:
    """False: there is no such code, or it was used."""
    return (await tx.execute(_USE_CODE, {"id": user_id, "hash": code_hash, "now": now})).first() is not None


async def codes_left(tx: AsyncConnection, user_id: str) -> int:
    return int((await tx.execute(_LEFT, {"id": user_id})).scalar_one())
