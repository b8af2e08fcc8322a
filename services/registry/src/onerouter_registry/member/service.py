"""Members of a tenant: listed, given another role, taken out.

The rules are applied to what the database says now, while nobody else changes members of this tenant: an admin who was
just demoted demotes nobody, and of two owners who demote each other one remains.
"""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, NotFound, NotPermitted
from onerouter_registry.access.permissions import permissions_of_role
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.member import repository
from onerouter_registry.member.model import RANK, Member
from onerouter_registry.session.model import Role
from onerouter_registry.transactions import operator_transaction


class Members:
    def __init__(self, engine: AsyncEngine, audit: AuditLog, clock: Clock) -> None:
        self._engine = engine
        self._audit = audit
        self._clock = clock

    async def list(self, tenant_id: str, *, after: str = "", most: int = 100) -> list[Member]:
        """A page, in the order of their ids."""
        async with operator_transaction(self._engine) as tx:
            return await repository.list_after(tx, tenant_id, after, most=most)

    async def add(self, tenant_id: str, user_id: str, role: Role, *, by: Actor = SYSTEM) -> None:
        """By an operator, without an invitation. Raises NotFound, Conflict."""
        async with operator_transaction(self._engine) as tx:
            if await repository.lock_tenant(tx, tenant_id) in (None, "deleted"):
                raise NotFound("There is no such tenant.")
            if not await repository.add(tx, tenant_id, user_id, role, now=self._clock.now()):
                raise Conflict("They are a member of this tenant already.", code="ALREADY_A_MEMBER")
            await self._record(tx, by, "member.added", tenant_id, user_id, after=role)

    async def change_role(
        self, tenant_id: str, user_id: str, role: Role, *, acting_as: str | None, by: Actor = SYSTEM
    ) -> Member:
        """`acting_as` is the id of the member who does it, None for an operator's tool.

        Raises NotPermitted, NotFound, Conflict (the last owner).
        """
        async with operator_transaction(self._engine) as tx:
            await repository.lock_tenant(tx, tenant_id)
            member = await self._get(tx, tenant_id, user_id)
            await require_may_manage(tx, tenant_id, acting_as, member.role, role)
            if member.role == role:
                return member
            if member.role == "owner":
                await self._require_another_owner(tx, tenant_id, user_id)
            await repository.set_role(tx, tenant_id, user_id, role)
            if RANK[role] < RANK[member.role]:
                await repository.revoke_of_inviter(tx, tenant_id, user_id, now=self._clock.now())
            await self._record(tx, by, "member.role_changed", tenant_id, user_id, before=member.role, after=role)
            return await self._get(tx, tenant_id, user_id)

    async def remove(self, tenant_id: str, user_id: str, *, acting_as: str | None, by: Actor = SYSTEM) -> Member:
        """Or leave: anyone may take out themselves. Raises NotPermitted, NotFound, Conflict (the last owner)."""
        async with operator_transaction(self._engine) as tx:
            await repository.lock_tenant(tx, tenant_id)
            member = await self._get(tx, tenant_id, user_id)
            if user_id != acting_as:
                await require_may_manage(tx, tenant_id, acting_as, member.role)
            if member.role == "owner":
                await self._require_another_owner(tx, tenant_id, user_id)
            await repository.remove(tx, tenant_id, user_id)
            await repository.revoke_of_inviter(tx, tenant_id, user_id, now=self._clock.now())
            action = "member.left" if user_id == acting_as else "member.removed"
            await self._record(tx, by, action, tenant_id, user_id, before=member.role)
        return member

    async def _get(self, tx: AsyncConnection, tenant_id: str, user_id: str) -> Member:
        member = await repository.find(tx, tenant_id, user_id)
        if member is None:
            raise NotFound(f"There is no member {user_id} of this tenant.")
        return member

    async def _require_another_owner(self, tx: AsyncConnection, tenant_id: str, user_id: str) -> None:
        if await repository.other_owners(tx, tenant_id, user_id) == 0:
            raise Conflict(
                "This is the last owner. Make someone else an owner first, or delete the tenant.", code="LAST_OWNER"
            )

    async def _record(
        self,
        tx: AsyncConnection,
        by: Actor,
        action: str,
        tenant_id: str,
        user_id: str,
        *,
        before: Role | None = None,
        after: Role | None = None,
    ) -> None:
        await self._audit.record(
            tx,
            by,
            action,
            tenant_id=tenant_id,
            environment=None,
            target=("member", user_id),
            before=None if before is None else {"role": before},
            after=None if after is None else {"role": after},
        )


async def require_may_manage(tx: AsyncConnection, tenant_id: str, acting_as: str | None, *roles: Role) -> None:
    """Raises NotPermitted unless this member manages members now, and is an owner where owners are concerned."""
    if acting_as is None:
        return
    acting = await repository.find(tx, tenant_id, acting_as)
    permissions = frozenset() if acting is None else permissions_of_role(acting.role, "live")
    if "members:write" not in permissions:
        raise NotPermitted("Your role does not permit members:write here; an owner or admin can change that.")
    if "owner" in roles and "owners:write" not in permissions:
        raise NotPermitted("Only an owner can make, change or remove an owner.")
