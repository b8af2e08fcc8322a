"""The sessions' SQL. People belong to no tenant, so all of it runs as the worker role."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.session.model import ListedSession

_INSERT: Final = text("""
INSERT INTO sessions (hash, id, user_id, tenant_id, pending_totp, method, ip, user_agent, created_at, authenticated_at,
                      last_seen_at, expires_at)
VALUES (:hash, :id, :user_id, :tenant_id, :pending_totp, :method, :ip, :user_agent, :now, :authenticated_at,
        :now, :expires_at)
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
_TAKE_PENDING: Final = text(
    "DELETE FROM sessions WHERE hash = :hash AND pending_totp AND expires_at > :now RETURNING id"
)
_CLOSE_ALL: Final = text("DELETE FROM sessions WHERE user_id = :user_id AND id IS DISTINCT FROM CAST(:but AS text)")
_CLOSE_OF: Final = text("DELETE FROM sessions WHERE id = :id AND user_id = :user_id RETURNING id")
_LIST: Final = text("""
SELECT id, method, ip, user_agent, created_at, last_seen_at, expires_at FROM sessions
WHERE user_id = :user_id AND expires_at > :now AND last_seen_at > :idle_since AND NOT pending_totp
ORDER BY last_seen_at DESC, id LIMIT :most
""")
_CHOOSE: Final = text("""
UPDATE sessions s SET tenant_id = m.tenant_id FROM memberships m
WHERE s.id = :id AND s.user_id = :user_id AND m.user_id = s.user_id AND m.tenant_id = :tenant_id RETURNING s.id
""")
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


async def take_pending(tx: AsyncConnection, token_hash: str, *, now: datetime) -> bool:
    """End a session that waits for its second factor. False: there is none (any more)."""
    return (await tx.execute(_TAKE_PENDING, {"hash": token_hash, "now": now})).first() is not None


async def close_all(tx: AsyncConnection, user_id: str, *, but: str | None = None) -> None:
    """End every session of the user, except the one named."""
    await tx.execute(_CLOSE_ALL, {"user_id": user_id, "but": but})


async def close_of(tx: AsyncConnection, user_id: str, session_id: str) -> bool:
    """False: the user has no such session."""
    return (await tx.execute(_CLOSE_OF, {"id": session_id, "user_id": user_id})).first() is not None


async def list_of(
    tx: AsyncConnection, user_id: str, *, now: datetime, idle_since: datetime, most: int
) -> list[ListedSession]:
    values = {"user_id": user_id, "now": now, "idle_since": idle_since, "most": most}
    return [ListedSession(**row) for row in (await tx.execute(_LIST, values)).mappings()]


async def choose_tenant(tx: AsyncConnection, session_id: str, user_id: str, tenant_id: str) -> bool:
    """False: the user is no member of it."""
    values = {"id": session_id, "user_id": user_id, "tenant_id": tenant_id}
    return (await tx.execute(_CHOOSE, values)).first() is not None


async def sweep(tx: AsyncConnection, *, now: datetime, idle_since: datetime) -> None:
    await tx.execute(_SWEEP, {"now": now, "idle_since": idle_since})
