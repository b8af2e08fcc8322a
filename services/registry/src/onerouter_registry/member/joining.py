"""Accepting an invitation: as the person it was sent to, or as a new one.

An account is only ever made for the address the invitation names. The address counts as proved where the token came by
mail; where a member passed the link on by hand, it does not.
"""

from dataclasses import replace

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, NotPermitted, OneRouterError, Unauthenticated
from onerouter_common.ids import USER, is_id
from onerouter_registry.access.origin import Origin
from onerouter_registry.actor import Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.member import repository
from onerouter_registry.member.model import Invitation
from onerouter_registry.member.service import require_may_manage
from onerouter_registry.person import repository as people
from onerouter_registry.person.entrance import Entrance, actor_of, visitor
from onerouter_registry.person.model import Person
from onerouter_registry.person.passwords import Passwords, require_good
from onerouter_registry.person.sign_in import SignedIn
from onerouter_registry.person.tokens import unusable_link
from onerouter_registry.person.users import Users, name_or_address
from onerouter_registry.session.service import hash_token
from onerouter_registry.throttle.model import TOKEN_ADDRESS
from onerouter_registry.throttle.service import Throttle, network_of
from onerouter_registry.transactions import operator_transaction


class Joining:
    def __init__(
        self,
        engine: AsyncEngine,
        users: Users,
        passwords: Passwords,
        entrance: Entrance,
        throttle: Throttle,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._users = users
        self._passwords = passwords
        self._entrance = entrance
        self._throttle = throttle
        self._audit = audit
        self._clock = clock

    async def as_member(self, token: SecretStr, user_id: str, *, by: Actor) -> Invitation:
        """As the person who is signed in. Raises InvalidRequest (an unusable link), NotPermitted (someone else's)."""
        made = await self._throttle.count({TOKEN_ADDRESS: network_of(by.ip or user_id)})
        async with operator_transaction(self._engine) as tx:
            invitation = await self._take(tx, token)
            person = await people.find(tx, user_id)
            if person is None or person.email != invitation.email:
                raise NotPermitted(
                    "The invitation was sent to another address than yours; sign in with that one.",
                    code="INVITATION_OF_ANOTHER",
                )
            await self._throttle.succeeded(tx, made)
            await self._join(tx, invitation, person, by=by)
        return invitation

    async def as_new_person(
        self, token: SecretStr, password: SecretStr, origin: Origin, previous: SecretStr | None, *, name: str | None
    ) -> SignedIn:
        """Raises InvalidRequest, Unauthenticated (the address has an account: sign in first), NotPermitted, RateLimited."""
        made = await self._throttle.count({TOKEN_ADDRESS: network_of(origin.ip)})
        async with operator_transaction(self._engine) as tx:
            invitation = await self._find(tx, token)
            known = await people.find_by_email(tx, invitation.email)
        if known is not None:
            raise Unauthenticated(
                "The address you were invited at has an account. Sign in to it, then open the link again.",
                code="SIGN_IN_FIRST",
            )
        if self._users.policy == "closed":
            raise NotPermitted("This installation lets nobody new in.", code="SIGN_UP_REFUSED")
        require_good("password", password, email=invitation.email)
        try:
            password_hash = await self._passwords.hash(password)
        except OneRouterError:
            await self._throttle.take_back(made)
            raise
        async with operator_transaction(self._engine) as tx:
            invitation = await self._take(tx, token)
            person = await self._users.add(
                tx,
                email=invitation.email,
                name=name_or_address(name, invitation.email),
                password_hash=password_hash,
                email_verified=invitation.mailed,
                by=visitor(origin),
            )
            await self._throttle.succeeded(tx, made)
            await self._join(tx, invitation, person, by=actor_of(person, origin))
            opened = await self._entrance.admit(
                tx,
                person,
                method="password",
                origin=origin,
                previous=previous,
                tenant_id=invitation.tenant_id,
            )
        return SignedIn(person, opened)

    async def _find(self, tx: AsyncConnection, token: SecretStr, *, lock: bool = False) -> Invitation:
        invitation = await repository.find_by_token(tx, hash_token(token), lock=lock)
        if invitation is None or invitation.status_at(self._clock.now()) != "open":
            raise unusable_link()
        return invitation

    async def _take(self, tx: AsyncConnection, token: SecretStr) -> Invitation:
        """Locked: the tenant first, as everywhere, then the invitation."""
        tenant_id = (await self._find(tx, token)).tenant_id
        status = await repository.lock_tenant(tx, tenant_id)
        invitation = await self._find(tx, token, lock=True)
        await _require_inviter(tx, invitation)
        if status != "active":
            raise NotPermitted("This tenant is suspended.", code="TENANT_SUSPENDED")
        return invitation

    async def _join(self, tx: AsyncConnection, invitation: Invitation, person: Person, *, by: Actor) -> None:
        now = self._clock.now()
        if not await repository.add(tx, invitation.tenant_id, person.id, invitation.role, now=now):
            raise Conflict("You are a member of this tenant already.", code="ALREADY_A_MEMBER")
        await repository.accept(tx, invitation.id, now=now)
        if invitation.mailed:
            await people.verify_email(tx, person.id, now=now)
        await self._audit.record(
            tx,
            replace(by, name=person.email),
            "member.joined",
            tenant_id=invitation.tenant_id,
            environment=None,
            target=("member", person.id),
            after={"role": invitation.role, "invitation": invitation.id, "invited_by": invitation.invited_by},
        )


async def _require_inviter(tx: AsyncConnection, invitation: Invitation) -> None:
    """An invitation is worth what its sender may do now. Raises InvalidRequest (an unusable link)."""
    if not is_id(USER, invitation.invited_by):
        return  # sent from the command line
    inviter = await people.find(tx, invitation.invited_by)
    if inviter is None or inviter.disabled_at is not None:
        raise unusable_link()
    if inviter.is_operator:
        return
    try:
        await require_may_manage(tx, invitation.tenant_id, inviter.id, invitation.role)
    except NotPermitted:
        raise unusable_link() from None
