"""A person's sessions as they see them: listed, ended, pointed at another tenant."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import NotFound
from onerouter_common.ids import TENANT, is_id
from onerouter_registry.actor import Actor
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.session import repository
from onerouter_registry.session.model import IDLE, ListedSession
from onerouter_registry.transactions import operator_transaction


class OwnSessions:
    def __init__(self, engine: AsyncEngine, audit: AuditLog, clock: Clock) -> None:
        self._engine = engine
        self._audit = audit
        self._clock = clock

    async def list(self, user_id: str) -> list[ListedSession]:
        """Those that are open, the 100 used last."""
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            return await repository.list_of(tx, user_id, now=now, idle_since=now - IDLE, most=100)

    async def end(self, user_id: str, session_id: str, *, by: Actor) -> None:
        """Raises NotFound: none of theirs."""
        async with operator_transaction(self._engine) as tx:
            if not await repository.close_of(tx, user_id, session_id):
                raise NotFound(f"There is no session {session_id} of yours.")
            await self._record(tx, by, "session.ended", PLATFORM, session_id)

    async def choose_tenant(self, user_id: str, session_id: str, tenant_id: str, *, by: Actor) -> None:
        """Work on another of one's tenants from now on. Raises NotFound."""
        if not is_id(TENANT, tenant_id):
            raise _not_a_member()
        async with operator_transaction(self._engine) as tx:
            if not await repository.choose_tenant(tx, session_id, user_id, tenant_id):
                raise _not_a_member()
            await self._record(tx, by, "session.tenant_chosen", tenant_id, session_id)

    async def _record(self, tx: AsyncConnection, by: Actor, action: str, tenant_id: str, session_id: str) -> None:
        await self._audit.record(tx, by, action, tenant_id=tenant_id, environment=None, target=("session", session_id))


def _not_a_member() -> NotFound:
    return NotFound("You are not a member of such a tenant.")
