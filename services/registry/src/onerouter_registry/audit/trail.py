"""Reading the audit log: newest first, filtered, a page at a time."""

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.contracts.base import Environment
from onerouter_registry.audit import repository
from onerouter_registry.audit.model import EntryPage, Filter
from onerouter_registry.transactions import operator_transaction, tenant_transaction


class AuditTrail:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of_tenant(
        self, tenant_id: str, environment: Environment, asked: Filter, *, limit: int, before: int | None = None
    ) -> EntryPage:
        """The tenant's entries of this environment and of none; `before`: a sequence, the page goes on below it."""
        async with tenant_transaction(self._engine, tenant_id, environment) as tx:
            found = await repository.list_below(tx, tenant_id, asked, limit=limit + 1, below=before)
        return EntryPage(found[:limit], len(found) > limit)

    async def of_chain(self, chain: str, asked: Filter, *, limit: int, before: int | None = None) -> EntryPage:
        """For operators: all of a tenant's chain, or of `PLATFORM`."""
        async with operator_transaction(self._engine) as tx:
            found = await repository.list_below(tx, chain, asked, limit=limit + 1, below=before)
        return EntryPage(found[:limit], len(found) > limit)

    async def of_all(self, asked: Filter, *, limit: int, before: str | None = None) -> EntryPage:
        """For operators: every chain, by when entries were made; `before`: an entry's id, the page goes on before it."""
        async with operator_transaction(self._engine) as tx:
            found = await repository.list_before(tx, asked, limit=limit + 1, before=before)
        return EntryPage(found[:limit], len(found) > limit)
