"""What an operator does with tenants."""

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import NotFound
from onerouter_common.ids import TENANT, new_id
from onerouter_registry.changes import tenant_changed
from onerouter_registry.outbox.repository import append
from onerouter_registry.tenant import repository
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.transactions import operator_transaction
from onerouter_registry.validation import name_of

log = structlog.get_logger()


class Tenants:
    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def create(self, name: str) -> Tenant:
        tenant = Tenant(id=new_id(TENANT), name=name_of("name", name), created_at=self._clock.now())
        async with operator_transaction(self._engine) as tx:
            await repository.add(tx, tenant)
            await append(tx, tenant_changed(tenant.id, "created", tenant.created_at))
        log.info("registry.tenant.created", tenant_id=tenant.id)
        return tenant

    async def list(self) -> list[Tenant]:
        """All of them, oldest first."""
        async with operator_transaction(self._engine) as tx:
            return await repository.list_all(tx)

    async def get(self, tenant_id: str) -> Tenant:
        """Raises NotFound."""
        async with operator_transaction(self._engine) as tx:
            tenant = await repository.find(tx, tenant_id)
        if tenant is None:
            raise NotFound(f"There is no tenant {tenant_id}.")
        return tenant
