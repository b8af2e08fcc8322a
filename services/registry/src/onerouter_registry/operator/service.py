"""Looking at all tenants."""

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import InvalidRequest, NotFound
from onerouter_common.ids import TENANT, is_id
from onerouter_registry.operator import repository
from onerouter_registry.operator.model import TenantOverview, TenantPage
from onerouter_registry.transactions import operator_transaction


class TenantDirectory:
    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self.clock = clock

    async def page(
        self, *, search: str | None = None, status: str | None = None, limit: int, cursor: str | None = None
    ) -> TenantPage:
        """`search`: an id, part of a name, or an owner's email address; `cursor`: a tenant's id, the page goes on below it.

        Raises InvalidRequest.
        """
        if cursor is not None and not is_id(TENANT, cursor):
            raise InvalidRequest.of("cursor", "is not one that this list has given")
        async with operator_transaction(self._engine) as tx:
            found = await repository.list_overviews(
                tx, self.clock.now(), limit=limit + 1, below=cursor, status=status, search=search
            )
        return TenantPage(found[:limit], len(found) > limit)

    async def get(self, tenant_id: str) -> TenantOverview:
        """Raises NotFound."""
        found: list[TenantOverview] = []
        if is_id(TENANT, tenant_id):
            async with operator_transaction(self._engine) as tx:
                found = await repository.list_overviews(tx, self.clock.now(), limit=1, tenant_id=tenant_id)
        if not found:
            raise NotFound(f"There is no tenant {tenant_id[:40]}.")
        return found[0]
