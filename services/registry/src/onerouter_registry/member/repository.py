"""The members' and invitations' SQL. It joins people, who belong to no tenant, so it runs as the worker role and names
the tenant in each statement."""

from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.member.model import Invitation, Member, Membership
from onerouter_registry.session.model import Role

_MEMBER: Final = """
SELECT m.user_id, u.email, u.name, m.role, u.totp_enabled_at IS NOT NULL AS has_totp,
       u.disabled_at IS NOT NULL AS is_disabled, m.created_at
FROM memberships m JOIN users u ON u.id = m.user_id
WHERE m.tenant_id = :tenant_id
"""
_LOCK: Final = text("SELECT status FROM tenants WHERE id = :tenant_id FOR NO KEY UPDATE")
_LIST: Final = text(_MEMBER + "AND m.user_id > :after ORDER BY m.user_id LIMIT :most")
_FIND: Final = text(_MEMBER + "AND m.user_id = :user_id")
_OWNERS: Final = text("""
SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id
WHERE m.tenant_id = :tenant_id AND m.role = 'owner' AND u.disabled_at IS NULL AND m.user_id <> :but
""")
_ADD: Final = text("""
INSERT INTO memberships (tenant_id, user_id, role, created_at) VALUES (:tenant_id, :user_id, :role, :now)
ON CONFLICT (tenant_id, user_id) DO NOTHING RETURNING user_id
""")
_SET_ROLE: Final = text("UPDATE memberships SET role = :role WHERE tenant_id = :tenant_id AND user_id = :user_id")
_REMOVE: Final = text("DELETE FROM memberships WHERE tenant_id = :tenant_id AND user_id = :user_id")
_REMOVE_ALL_BUT: Final = text(
    "DELETE FROM memberships WHERE tenant_id = :tenant_id AND user_id <> :user_id RETURNING user_id"
)
# Whoever founds a tenant is its member from the very moment it is made; nobody else can be.
_LOCK_FOUNDED: Final = text("""
SELECT t.id FROM tenants t JOIN memberships m ON m.tenant_id = t.id AND m.created_at = t.created_at
WHERE m.user_id = :user_id AND t.status <> 'deleted' ORDER BY t.id FOR NO KEY UPDATE OF t
""")
_OF_USER: Final = text("""
SELECT m.tenant_id, t.name AS tenant_name, t.status AS tenant_status, m.role
FROM memberships m JOIN tenants t ON t.id = m.tenant_id
WHERE m.user_id = :user_id AND t.status <> 'deleted' ORDER BY m.created_at, m.tenant_id LIMIT :most
""")
_OWNED: Final = text("SELECT count(*) FROM memberships WHERE user_id = :user_id AND role = 'owner'")

_INVITATION: Final = """
SELECT i.id, i.tenant_id, i.email, i.role, i.invited_by, i.mailed, i.created_at, i.expires_at, i.accepted_at, i.revoked_at
FROM invitations i
"""
_ADD_INVITATION: Final = text("""
INSERT INTO invitations (id, tenant_id, email, role, hash, invited_by, mailed, created_at, expires_at)
VALUES (:id, :tenant_id, :email, :role, :hash, :invited_by, :mailed, :created_at, :expires_at)
""")
_LIST_INVITATIONS: Final = text(
    _INVITATION + "WHERE i.tenant_id = :tenant_id AND i.id < :before ORDER BY i.id DESC LIMIT :most"
)
_FIND_INVITATION: Final = text(_INVITATION + "WHERE i.tenant_id = :tenant_id AND i.id = :id")
_BY_HASH: Final = text(_INVITATION + "WHERE i.hash = :hash")
_BY_HASH_LOCKED: Final = text(_INVITATION + "WHERE i.hash = :hash FOR UPDATE")
_OPEN: Final = "accepted_at IS NULL AND revoked_at IS NULL AND expires_at > :now"
_COUNT_OPEN: Final = text(f"SELECT count(*) FROM invitations WHERE tenant_id = :tenant_id AND {_OPEN}")  # noqa: S608
_REVOKE: Final = text(f"""
UPDATE invitations SET revoked_at = :now WHERE tenant_id = :tenant_id AND id = :id AND {_OPEN} RETURNING id
""")  # noqa: S608 - our own words
_REVOKE_OF_EMAIL: Final = text(f"""
UPDATE invitations SET revoked_at = :now WHERE tenant_id = :tenant_id AND email = :email AND {_OPEN}
""")  # noqa: S608
_REVOKE_ALL: Final = text(f"""
UPDATE invitations SET revoked_at = :now WHERE tenant_id = :tenant_id AND {_OPEN} RETURNING id
""")  # noqa: S608
_REVOKE_ALL_OF_INVITER: Final = text(f"""
UPDATE invitations i SET revoked_at = :now WHERE invited_by = :user_id AND {_OPEN}
RETURNING i.id, i.tenant_id, i.email, i.role, i.invited_by, i.mailed, i.created_at, i.expires_at, i.accepted_at, i.revoked_at
""")  # noqa: S608
_REVOKE_OF_INVITER: Final = text(f"""
UPDATE invitations SET revoked_at = :now WHERE tenant_id = :tenant_id AND invited_by = :user_id AND {_OPEN}
""")  # noqa: S608
_ACCEPT: Final = text("UPDATE invitations SET accepted_at = :now WHERE id = :id")


async def lock_tenant(tx: AsyncConnection, tenant_id: str) -> str | None:
    """The tenant's status. Who else changes its members waits until the transaction ends."""
    return (await tx.execute(_LOCK, {"tenant_id": tenant_id})).scalar_one_or_none()


async def list_after(tx: AsyncConnection, tenant_id: str, after: str, *, most: int) -> list[Member]:
    values = {"tenant_id": tenant_id, "after": after, "most": most}
    return [Member(**row) for row in (await tx.execute(_LIST, values)).mappings()]


async def find(tx: AsyncConnection, tenant_id: str, user_id: str) -> Member | None:
    row = (await tx.execute(_FIND, {"tenant_id": tenant_id, "user_id": user_id})).mappings().one_or_none()
    return None if row is None else Member(**row)


async def other_owners(tx: AsyncConnection, tenant_id: str, but: str) -> int:
    """How many owners there are who can sign in, without this one."""
    return int((await tx.execute(_OWNERS, {"tenant_id": tenant_id, "but": but})).scalar_one())


async def add(tx: AsyncConnection, tenant_id: str, user_id: str, role: Role, *, now: datetime) -> bool:
    """False: they are a member already."""
    values = {"tenant_id": tenant_id, "user_id": user_id, "role": role, "now": now}
    return (await tx.execute(_ADD, values)).first() is not None


async def set_role(tx: AsyncConnection, tenant_id: str, user_id: str, role: Role) -> None:
    await tx.execute(_SET_ROLE, {"tenant_id": tenant_id, "user_id": user_id, "role": role})


async def remove(tx: AsyncConnection, tenant_id: str, user_id: str) -> None:
    await tx.execute(_REMOVE, {"tenant_id": tenant_id, "user_id": user_id})


async def remove_all_but(tx: AsyncConnection, tenant_id: str, user_id: str) -> list[str]:
    """Those who are no longer members."""
    values = {"tenant_id": tenant_id, "user_id": user_id}
    return sorted((await tx.execute(_REMOVE_ALL_BUT, values)).scalars())


async def lock_founded(tx: AsyncConnection, user_id: str) -> list[str]:
    """The tenants this person made and is still a member of, locked as by `lock_tenant`."""
    return list((await tx.execute(_LOCK_FOUNDED, {"user_id": user_id})).scalars())


async def memberships_of(tx: AsyncConnection, user_id: str, *, most: int = 100) -> list[Membership]:
    return [Membership(**row) for row in (await tx.execute(_OF_USER, {"user_id": user_id, "most": most})).mappings()]


async def count_owned(tx: AsyncConnection, user_id: str) -> int:
    return int((await tx.execute(_OWNED, {"user_id": user_id})).scalar_one())


async def add_invitation(tx: AsyncConnection, invitation: Invitation, token_hash: str) -> None:
    await tx.execute(_ADD_INVITATION, {**asdict(invitation), "hash": token_hash})


async def list_invitations(tx: AsyncConnection, tenant_id: str, before: str, *, most: int) -> list[Invitation]:
    """Newest first; `before` is the last id of the page before, or `~`."""
    values = {"tenant_id": tenant_id, "before": before, "most": most}
    return [Invitation(**row) for row in (await tx.execute(_LIST_INVITATIONS, values)).mappings()]


async def find_invitation(tx: AsyncConnection, tenant_id: str, invitation_id: str) -> Invitation | None:
    values = {"tenant_id": tenant_id, "id": invitation_id}
    row = (await tx.execute(_FIND_INVITATION, values)).mappings().one_or_none()
    return None if row is None else Invitation(**row)


async def find_by_token(tx: AsyncConnection, token_hash: str, *, lock: bool = False) -> Invitation | None:
    """`lock`: nobody else accepts or revokes it until the transaction ends."""
    statement = _BY_HASH_LOCKED if lock else _BY_HASH
    row = (await tx.execute(statement, {"hash": token_hash})).mappings().one_or_none()
    return None if row is None else Invitation(**row)


async def count_open(tx: AsyncConnection, tenant_id: str, *, now: datetime) -> int:
    return int((await tx.execute(_COUNT_OPEN, {"tenant_id": tenant_id, "now": now})).scalar_one())


async def revoke(tx: AsyncConnection, tenant_id: str, invitation_id: str, *, now: datetime) -> bool:
    """False: it is no longer open."""
    values = {"tenant_id": tenant_id, "id": invitation_id, "now": now}
    return (await tx.execute(_REVOKE, values)).first() is not None


async def revoke_of_email(tx: AsyncConnection, tenant_id: str, email: str, *, now: datetime) -> None:
    await tx.execute(_REVOKE_OF_EMAIL, {"tenant_id": tenant_id, "email": email, "now": now})


async def revoke_of_inviter(tx: AsyncConnection, tenant_id: str, user_id: str, *, now: datetime) -> None:
    await tx.execute(_REVOKE_OF_INVITER, {"tenant_id": tenant_id, "user_id": user_id, "now": now})


async def revoke_all(tx: AsyncConnection, tenant_id: str, *, now: datetime) -> list[str]:
    """Those that were open until now."""
    return sorted((await tx.execute(_REVOKE_ALL, {"tenant_id": tenant_id, "now": now})).scalars())


async def revoke_all_of_inviter(tx: AsyncConnection, user_id: str, *, now: datetime) -> list[Invitation]:
    """Those that were open until now, whichever tenant's; in the order of the tenants."""
    rows = (await tx.execute(_REVOKE_ALL_OF_INVITER, {"user_id": user_id, "now": now})).mappings()
    return sorted((Invitation(**row) for row in rows), key=lambda one: (one.tenant_id, one.id))


async def accept(tx: AsyncConnection, invitation_id: str, *, now: datetime) -> None:
    await tx.execute(_ACCEPT, {"id": invitation_id, "now": now})
