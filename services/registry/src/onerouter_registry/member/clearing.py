"""Taking back what someone left behind who is shut out: the invitations they sent, and what their tenants let others do.

Each in two steps, in the caller's (operator) transaction: the changes, then, last of all, their entries in the audit log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.actor import Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.changes import api_key_changed
from onerouter_registry.member import repository
from onerouter_registry.member.model import Invitation
from onerouter_registry.outbox.repository import append
from onerouter_registry.tenant.deletion.repository import revoke_keys


@dataclass(frozen=True, slots=True)
class Cleared:
    """A tenant, and the ids of what went."""

    tenant_id: str
    api_keys: list[str]
    members: list[str]
    invitations: list[str]


async def withdraw_of_inviter(tx: AsyncConnection, user_id: str, *, now: datetime) -> list[Invitation]:
    """Those still open that this person sent, of every tenant; in the order of the tenants."""
    return await repository.revoke_all_of_inviter(tx, user_id, now=now)


async def record_withdrawn(tx: AsyncConnection, audit: AuditLog, by: Actor, withdrawn: Sequence[Invitation]) -> None:
    for one in withdrawn:
        await audit.record(
            tx,
            by,
            "invitation.revoked",
            tenant_id=one.tenant_id,
            environment=None,
            target=("invitation", one.id),
            before={"email": one.email, "role": one.role},
        )


async def clear_founded(tx: AsyncConnection, user_id: str, *, now: datetime) -> list[Cleared]:
    """Of the tenants this person founded: every API key ends, every other member and open invitation goes."""
    return [await _clear(tx, tenant_id, user_id, now) for tenant_id in await repository.lock_founded(tx, user_id)]


async def _clear(tx: AsyncConnection, tenant_id: str, user_id: str, now: datetime) -> Cleared:
    keys = await revoke_keys(tx, tenant_id, now)
    for key in keys:
        await append(tx, api_key_changed(tenant_id, key.environment, key.id, key.hash, "deleted", now))
    members = await repository.remove_all_but(tx, tenant_id, user_id)
    invitations = await repository.revoke_all(tx, tenant_id, now=now)
    return Cleared(tenant_id, sorted(key.id for key in keys), members, invitations)


async def record_cleared(tx: AsyncConnection, audit: AuditLog, by: Actor, cleared: Sequence[Cleared]) -> None:
    for one in cleared:
        await audit.record(
            tx,
            by,
            "tenant.reclaimed",
            tenant_id=one.tenant_id,
            environment=None,
            target=("tenant", one.tenant_id),
            before={"api_keys": one.api_keys, "members": one.members, "invitations": one.invitations},
            after={"api_keys": [], "members": [], "invitations": []},
        )
