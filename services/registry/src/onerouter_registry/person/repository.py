"""The people's SQL. They belong to no tenant, so all of it runs as the worker role."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.person.model import Person

_PERSON: Final = """
SELECT u.id, u.email, u.name, u.is_operator, u.disabled_at, u.email_verified_at, u.totp_enabled_at, u.created_at,
       u.password_hash
FROM users u
"""
_INSERT: Final = text("""
INSERT INTO users (id, email, name, password_hash, is_operator, email_verified_at, created_at, updated_at)
VALUES (:id, :email, :name, :password_hash, :is_operator, :email_verified_at, :created_at, :created_at)
ON CONFLICT (email) DO NOTHING RETURNING id
""")
_BY_ID: Final = text(_PERSON + "WHERE u.id = :id")
_LOCKED: Final = text(_PERSON + "WHERE u.id = :id FOR NO KEY UPDATE")
_BY_EMAIL: Final = text(_PERSON + "WHERE u.email = :email")
_BY_IDENTITY: Final = text(
    _PERSON + "JOIN identities i ON i.user_id = u.id WHERE i.issuer = :issuer AND i.subject = :subject"
)
_LIST: Final = text(_PERSON + "WHERE u.id > :after ORDER BY u.id LIMIT :most")
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('onerouter.registry.people', 0))")
_ANYONE: Final = text("SELECT EXISTS (SELECT FROM users)")
_INVITED: Final = text("""
SELECT EXISTS (SELECT FROM invitations WHERE email = :email AND accepted_at IS NULL AND revoked_at IS NULL
               AND expires_at > :now)
""")
_TENANT_OF: Final = text("""
SELECT m.tenant_id FROM memberships m JOIN tenants t ON t.id = m.tenant_id
WHERE m.user_id = :user_id AND t.status <> 'deleted' ORDER BY t.status = 'active' DESC, m.created_at, m.tenant_id LIMIT 1
""")
_RENAME: Final = text("UPDATE users SET name = :name, updated_at = :now WHERE id = :id")
_SET_PASSWORD: Final = text("UPDATE users SET password_hash = :password_hash, updated_at = :now WHERE id = :id")
_REHASH: Final = text("UPDATE users SET password_hash = :better WHERE id = :id AND password_hash = :known")
_VERIFY_EMAIL: Final = text(
    "UPDATE users SET email_verified_at = :now, updated_at = :now WHERE id = :id AND email_verified_at IS NULL"
)
_SET_EMAIL: Final = text("""
UPDATE users SET email = :email, email_verified_at = :now, updated_at = :now
WHERE id = :id AND NOT EXISTS (SELECT FROM users o WHERE o.email = :email AND o.id <> :id)
RETURNING id
""")
_SET_OPERATOR: Final = text("UPDATE users SET is_operator = :is_operator, updated_at = :now WHERE id = :id")
_SET_DISABLED: Final = text(
    "UPDATE users SET disabled_at = CASE WHEN :disabled THEN CAST(:now AS timestamptz) END, updated_at = :now WHERE id = :id"
)
_STRIP: Final = text("""
UPDATE users SET password_hash = NULL, totp_key = NULL, totp_secret = NULL, totp_enabled_at = NULL, totp_last_step = NULL,
                 updated_at = :now
WHERE id = :id
""")


async def add(tx: AsyncConnection, person: Person) -> bool:
    """False: someone has this email address already."""
    values = {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "password_hash": person.password_hash,
        "is_operator": person.is_operator,
        "email_verified_at": person.email_verified_at,
        "created_at": person.created_at,
    }
    return (await tx.execute(_INSERT, values)).first() is not None


async def find(tx: AsyncConnection, user_id: str, *, lock: bool = False) -> Person | None:
    """`lock`: nobody else changes this person until the transaction ends."""
    row = (await tx.execute(_LOCKED if lock else _BY_ID, {"id": user_id})).mappings().one_or_none()
    return None if row is None else Person(**row)


async def find_by_email(tx: AsyncConnection, email: str) -> Person | None:
    row = (await tx.execute(_BY_EMAIL, {"email": email})).mappings().one_or_none()
    return None if row is None else Person(**row)


async def find_by_identity(tx: AsyncConnection, issuer: str, subject: str) -> Person | None:
    row = (await tx.execute(_BY_IDENTITY, {"issuer": issuer, "subject": subject})).mappings().one_or_none()
    return None if row is None else Person(**row)


async def list_after(tx: AsyncConnection, after: str, *, most: int) -> list[Person]:
    """In the order of their ids, oldest first; `after` is the last id of the page before, or empty."""
    return [Person(**row) for row in (await tx.execute(_LIST, {"after": after, "most": most})).mappings()]


async def take_turns(tx: AsyncConnection) -> None:
    """Who else makes new people waits until the transaction ends."""
    await tx.execute(_LOCK)


async def is_first(tx: AsyncConnection) -> bool:
    """Whether there is nobody yet. Those who ask at the same time take turns."""
    await take_turns(tx)
    return not (await tx.execute(_ANYONE)).scalar_one()


async def is_invited(tx: AsyncConnection, email: str, *, now: datetime) -> bool:
    return bool((await tx.execute(_INVITED, {"email": email, "now": now})).scalar_one())


async def first_tenant(tx: AsyncConnection, user_id: str) -> str | None:
    """The tenant a new session works on: the one they joined first, an active one if there is one."""
    return (await tx.execute(_TENANT_OF, {"user_id": user_id})).scalar_one_or_none()


async def rename(tx: AsyncConnection, user_id: str, name: str, *, now: datetime) -> None:
    await tx.execute(_RENAME, {"id": user_id, "name": name, "now": now})


async def set_password(tx: AsyncConnection, user_id: str, password_hash: str, *, now: datetime) -> None:
    await tx.execute(_SET_PASSWORD, {"id": user_id, "password_hash": password_hash, "now": now})


async def rehash(tx: AsyncConnection, user_id: str, *, known: str, better: str) -> None:
    """The same password under today's parameters; nothing when it was changed meanwhile."""
    await tx.execute(_REHASH, {"id": user_id, "known": known, "better": better})


async def verify_email(tx: AsyncConnection, user_id: str, *, now: datetime) -> None:
    await tx.execute(_VERIFY_EMAIL, {"id": user_id, "now": now})


async def set_email(tx: AsyncConnection, user_id: str, email: str, *, now: datetime) -> bool:
    """False: someone else has it."""
    return (await tx.execute(_SET_EMAIL, {"id": user_id, "email": email, "now": now})).first() is not None


async def set_operator(tx: AsyncConnection, user_id: str, *, is_operator: bool, now: datetime) -> None:
    await tx.execute(_SET_OPERATOR, {"id": user_id, "is_operator": is_operator, "now": now})


async def set_disabled(tx: AsyncConnection, user_id: str, *, disabled: bool, now: datetime) -> None:
    await tx.execute(_SET_DISABLED, {"id": user_id, "disabled": disabled, "now": now})


async def strip_proofs(tx: AsyncConnection, user_id: str, *, now: datetime) -> None:
    """Forget password, second factor and links: whoever set them did not own the address."""
    await tx.execute(_STRIP, {"id": user_id, "now": now})
    await tx.execute(text("DELETE FROM recovery_codes WHERE user_id = :id"), {"id": user_id})
    await tx.execute(text("DELETE FROM single_use_tokens WHERE user_id = :id"), {"id": user_id})
