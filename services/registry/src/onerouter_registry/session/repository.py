"""The sessions' SQL. People belong to no tenant, so all of it runs as the worker role."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

_INSERT: Final = text("""
INSERT INTO sessions (hash, id, user_id, tenant_id, pending_totp, method, ip, user_agent, created_at, authenticated_at,
                      last_seen_at, expires_at)
VALUES (:hash, :id, :user_id, :tenant_id, :pending_totp, :method, :ip, :user_agent, :now, :now, :now, :expires_at)
""")

# A tenant the user is no member of (any more) is as none; `chosen` is another tenant that one request asks for.
_FIND: Final = text("""
SELECT s.id, s.user_id, u.email, u.name, u.is_operator, m.tenant_id, t.status AS tenant_status, m.role, s.pending_totp,
       s.method, s.ip, s.user_agent, s.created_at, s.authenticated_at, s.last_seen_at, s.expires_at
FROM sessions s
JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL
LEFT JOIN memberships m ON m.user_id = s.user_id AND m.tenant_id = coalesce(:chosen, s.tenant_id)
LEFT JOIN tenants t ON t.id = m.tenant_id
WHERE s.hash = :hash AND s.expires_at > :now AND s.last_seen_at > :idle_since
""")

_TOUCH: Final = text("UPDATE sessions SET last_seen_at = :now WHERE id = :id AND last_seen_at < :before")
_CLOSE: Final = text("DELETE FROM sessions WHERE id = :id")
_CLOSE_BY_HASH: Final = text("DELETE FROM sessions WHERE hash = :hash")
_CLOSE_ALL: Final = text("DELETE FROM sessions WHERE user_id = :user_id AND id IS DISTINCT FROM CAST(:but AS text)")
_CHOOSE: Final = text("UPDATE sessions SET tenant_id = :tenant_id WHERE id = :id")
_SWEEP: Final = text("DELETE FROM sessions WHERE expires_at <= :now OR last_seen_at <= :idle_since")


async def add(tx: AsyncConnection, **values: Any) -> None:
    await tx.execute(_INSERT, values)


async def find(
    tx: AsyncConnection, token_hash: str, *, chosen: str | None, now: datetime, idle_since: datetime
) -> RowMapping | None:
    values = {"hash": token_hash, "chosen": chosen, "now": now, "idle_since": idle_since}
    return (await tx.execute(_FIND, values)).mappings().one_or_none()


async def touch(tx: AsyncConnection, session_id: str, *, now: datetime, before: datetime) -> None:
    await tx.execute(_TOUCH, {"id": session_id, "now": now, "before": before})


async def close(tx: AsyncConnection, session_id: str) -> None:
    await tx.execute(_CLOSE, {"id": session_id})


async def close_by_hash(tx: AsyncConnection, token_hash: str) -> None:
    await tx.execute(_CLOSE_BY_HASH, {"hash": token_hash})


async def close_all(tx: AsyncConnection, user_id: str, *, but: str | None = None) -> None:
    """End every session of the user, except the one named."""
    await tx.execute(_CLOSE_ALL, {"user_id": user_id, "but": but})


async def choose_tenant(tx: AsyncConnection, session_id: str, tenant_id: str) -> None:
    await tx.execute(_CHOOSE, {"id": session_id, "tenant_id": tenant_id})


async def sweep(tx: AsyncConnection, *, now: datetime, idle_since: datetime) -> None:
    await tx.execute(_SWEEP, {"now": now, "idle_since": idle_since})
