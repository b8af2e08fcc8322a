"""A person makes a tenant, and is its first owner."""

from typing import Final

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, NotPermitted
from onerouter_common.ids import TENANT, new_id
from onerouter_common.once.request import UNKEYED, Once
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.changes import tenant_changed
from onerouter_registry.member import repository
from onerouter_registry.member.model import MOST_TENANTS, Membership
from onerouter_registry.outbox.repository import append
from onerouter_registry.person import repository as people
from onerouter_registry.person.model import Person, SignUpPolicy
from onerouter_registry.tenant import repository as tenants
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.transactions import keyed_operator_transaction, operator_transaction
from onerouter_registry.validation import name_of

_ID: Final = TypeAdapter(str)


class Founding:
    def __init__(self, engine: AsyncEngine, audit: AuditLog, clock: Clock, *, plan: str, policy: SignUpPolicy) -> None:
        self._engine = engine
        self._audit = audit
        self._clock = clock
        self._plan = plan
        self._policy = policy

    async def found(self, tx: AsyncConnection, person: Person, name: str | None, *, by: Actor) -> str:
        """The new tenant's id, in the caller's (operator) transaction. Without a name it gets the person's."""
        called = name_of("tenant_name", name) if name is not None else person.name
        now = self._clock.now()
        tenant = Tenant(id=new_id(TENANT), name=called, plan=self._plan, created_at=now)
        await tenants.add(tx, tenant)
        await repository.add(tx, tenant.id, person.id, "owner", now=now)
        await append(tx, tenant_changed(tenant.id, "created", now))
        await self._audit.record(
            tx,
            by,
            "tenant.created",
            tenant_id=tenant.id,
            environment=None,
            target=("tenant", tenant.id),
            after={"name": called, "plan": self._plan, "owner": person.id},
        )
        return tenant.id

    async def found_another(
        self, user_id: str, name: str, *, is_operator: bool, once: Once = UNKEYED, by: Actor = SYSTEM
    ) -> Membership:
        """Where anyone may sign up; else operators only.

        Raises NotPermitted, InvalidRequest, Conflict, IdempotencyMismatch.
        """
        if self._policy != "open" and not is_operator:
            raise NotPermitted("Tenants are made by the operators of this installation.", code="SIGN_UP_REFUSED")

        async def act() -> str:
            person = await people.find(tx, user_id, lock=True)  # its tenants are counted one after the other
            if person is None or person.disabled_at is not None:
                raise NotPermitted("This account is disabled.", code="USER_DISABLED")
            if await repository.count_owned(tx, user_id) >= MOST_TENANTS:
                raise Conflict(f"You own {MOST_TENANTS} tenants already.", code="TOO_MANY_TENANTS")
            return await self.found(tx, person, name, by=by)

        async with keyed_operator_transaction(self._engine, user_id) as tx:
            tenant_id = await once.carry_out(tx, self._clock.now(), act, _ID)
            for one in await repository.memberships_of(tx, user_id):
                if one.tenant_id == tenant_id:
                    return one
            raise Conflict(f"This request made {tenant_id}, which you have left since.", code="NOT_A_MEMBER")

    async def of_person(self, user_id: str) -> list[Membership]:
        """At most 100."""
        async with operator_transaction(self._engine) as tx:
            return await repository.memberships_of(tx, user_id)
