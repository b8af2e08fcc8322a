"""The SQL of identities: (issuer, subject) pairs that let a person in on an issuer's word."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.ids import IDENTITY, new_id
from onerouter_registry.person.model import LinkedIdentity

_LINK: Final = text("""
INSERT INTO identities (issuer, subject, id, user_id, created_at) VALUES (:issuer, :subject, :id, :user_id, :now)
ON CONFLICT (issuer, subject) DO NOTHING RETURNING id
""")
_ISSUERS_OF: Final = text("SELECT DISTINCT issuer FROM identities WHERE user_id = :user_id ORDER BY issuer")
_LIST: Final = text(
    "SELECT id, issuer, created_at FROM identities WHERE user_id = :user_id ORDER BY created_at, id LIMIT :most"
)
_REMOVE: Final = text("DELETE FROM identities WHERE user_id = :user_id AND id = :id RETURNING issuer")
_REMOVE_ALL: Final = text("DELETE FROM identities WHERE user_id = :user_id RETURNING issuer")
_BY_PERSON: Final = text("""
SELECT user_id, array_agg(DISTINCT issuer ORDER BY issuer) FROM identities WHERE user_id = ANY(:user_ids) GROUP BY user_id
""")


async def link(tx: AsyncConnection, issuer: str, subject: str, user_id: str, *, now: datetime) -> str | None:
    """The new identity's id. None: it is linked already, to them or to another."""
    values = {"issuer": issuer, "subject": subject, "id": new_id(IDENTITY), "user_id": user_id, "now": now}
    return (await tx.execute(_LINK, values)).scalar_one_or_none()


async def issuers_of(tx: AsyncConnection, user_id: str) -> list[str]:
    """On whose word this person is let in."""
    return list((await tx.execute(_ISSUERS_OF, {"user_id": user_id})).scalars())


async def issuers_of_all(tx: AsyncConnection, user_ids: list[str]) -> dict[str, list[str]]:
    """On whose word each of these is let in; those whom no issuer lets in are left out."""
    return {user_id: list(issuers) for user_id, issuers in await tx.execute(_BY_PERSON, {"user_ids": user_ids})}


async def list_of(tx: AsyncConnection, user_id: str, *, most: int = 100) -> list[LinkedIdentity]:
    """Those linked first come first."""
    return [LinkedIdentity(**row) for row in (await tx.execute(_LIST, {"user_id": user_id, "most": most})).mappings()]


async def remove(tx: AsyncConnection, user_id: str, identity_id: str) -> str | None:
    """The issuer of the one that was removed. None: they have no such identity."""
    return (await tx.execute(_REMOVE, {"user_id": user_id, "id": identity_id})).scalar_one_or_none()


async def remove_all(tx: AsyncConnection, user_id: str) -> list[str]:
    """The issuers of those that were removed."""
    return sorted((await tx.execute(_REMOVE_ALL, {"user_id": user_id})).scalars())
