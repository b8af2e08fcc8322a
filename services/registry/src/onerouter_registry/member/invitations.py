"""Invitations to a tenant: made, listed, withdrawn. Accepting is `joining.py`."""

import secrets
from typing import Final

from pydantic import SecretStr, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, NotFound
from onerouter_common.ids import INVITATION, new_id
from onerouter_common.once.request import UNKEYED, Once
from onerouter_common.recipients import email_of
from onerouter_registry.actor import Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.mail.letters import Letters
from onerouter_registry.mail.service import Post
from onerouter_registry.member import repository
from onerouter_registry.member.model import INVITATION_LIFETIME, MOST_OPEN_INVITATIONS, Invitation, Invited
from onerouter_registry.member.service import require_may_manage
from onerouter_registry.person import repository as people
from onerouter_registry.person.tokens import TOKEN_BYTES
from onerouter_registry.session.model import Role
from onerouter_registry.session.service import hash_token
from onerouter_registry.tenant import repository as tenants
from onerouter_registry.throttle.model import INVITATIONS
from onerouter_registry.throttle.service import Throttle
from onerouter_registry.transactions import keyed_operator_transaction, operator_transaction

LAST = "~"
"""Sorts after every id."""
_ID: Final = TypeAdapter(str)


class Invitations:
    def __init__(
        self, engine: AsyncEngine, throttle: Throttle, post: Post, letters: Letters, audit: AuditLog, clock: Clock
    ) -> None:
        self._engine = engine
        self._throttle = throttle
        self._post = post
        self._letters = letters
        self._audit = audit
        self._clock = clock

    async def invite(
        self,
        tenant_id: str,
        email: str,
        role: Role,
        *,
        acting_as: str | None,
        by: Actor,
        once: Once = UNKEYED,
    ) -> Invited:
        """An earlier open invitation of the same address is withdrawn. `acting_as` is the member who invites, None for an
        operator. Raises InvalidRequest, NotPermitted, Conflict, RateLimited, IdempotencyMismatch."""
        address = email_of("email", email)
        now = self._clock.now()
        token = SecretStr(secrets.token_urlsafe(TOKEN_BYTES))
        await self._throttle.count({INVITATIONS: tenant_id})
        made: list[tuple[Invitation, str]] = []

        async def act() -> str:
            await repository.lock_tenant(tx, tenant_id)
            await require_may_manage(tx, tenant_id, acting_as, role)
            tenant = await tenants.find(tx, tenant_id)
            if tenant is None:
                raise NotFound("There is no such tenant.")
            known = await people.find_by_email(tx, address)
            if known is not None and await repository.find(tx, tenant_id, known.id) is not None:
                raise Conflict("They are a member of this tenant already.", code="ALREADY_A_MEMBER")
            await repository.revoke_of_email(tx, tenant_id, address, now=now)
            if await repository.count_open(tx, tenant_id, now=now) >= MOST_OPEN_INVITATIONS:
                raise Conflict("Too many invitations are open; withdraw some first.", code="TOO_MANY_INVITATIONS")
            invitation = Invitation(
                id=new_id(INVITATION),
                tenant_id=tenant_id,
                email=address,
                role=role,
                invited_by=acting_as or by.id,
                mailed=self._post.delivers,
                created_at=now,
                expires_at=now + INVITATION_LIFETIME,
                accepted_at=None,
                revoked_at=None,
            )
            await repository.add_invitation(tx, invitation, hash_token(token))
            await self._audit.record(
                tx,
                by,
                "invitation.created",
                tenant_id=tenant_id,
                environment=None,
                target=("invitation", invitation.id),
                after={"email": address, "role": role},
            )
            made.append((invitation, tenant.name))
            return invitation.id

        async with keyed_operator_transaction(self._engine, tenant_id) as tx:
            invitation_id = await once.carry_out(tx, now, act, _ID)
            if once.is_replayed:
                return Invited(await _find(tx, tenant_id, invitation_id), None, is_repeat=True)
        ((invitation, tenant_name),) = made
        letter = self._letters.invitation(address, token, tenant=tenant_name, inviter=by.name or "A member", role=role)
        if not invitation.mailed:
            return Invited(invitation, letter.link)
        await self._post.send(letter)
        return Invited(invitation, None)

    async def list(self, tenant_id: str, *, before: str = LAST, most: int = 100) -> list[Invitation]:
        """A page, newest first."""
        async with operator_transaction(self._engine) as tx:
            return await repository.list_invitations(tx, tenant_id, before, most=most)

    async def revoke(self, tenant_id: str, invitation_id: str, *, acting_as: str, by: Actor) -> Invitation:
        """Raises NotFound, NotPermitted, Conflict (it is not open)."""
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            await repository.lock_tenant(tx, tenant_id)
            invitation = await _find(tx, tenant_id, invitation_id)
            await require_may_manage(tx, tenant_id, acting_as, invitation.role)
            if not await repository.revoke(tx, tenant_id, invitation_id, now=now):
                raise Conflict(f"The invitation is {invitation.status_at(now)}.", code="INVITATION_NOT_OPEN")
            await self._audit.record(
                tx,
                by,
                "invitation.revoked",
                tenant_id=tenant_id,
                environment=None,
                target=("invitation", invitation_id),
                before={"email": invitation.email, "role": invitation.role},
            )
            found = await repository.find_invitation(tx, tenant_id, invitation_id)
        return found or invitation


async def _find(tx: AsyncConnection, tenant_id: str, invitation_id: str) -> Invitation:
    invitation = await repository.find_invitation(tx, tenant_id, invitation_id)
    if invitation is None:
        raise NotFound(f"There is no invitation {invitation_id}.")
    return invitation
