"""Ending tenants whose grace is over."""

from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_registry.actor import SYSTEM
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.changes import api_key_changed, connection_changed, tenant_changed
from onerouter_registry.outbox.repository import append
from onerouter_registry.tenant import repository as tenants
from onerouter_registry.tenant import state
from onerouter_registry.tenant.deletion import repository
from onerouter_registry.transactions import operator_transaction

log = structlog.get_logger()

_AT_ONCE: Final = 20


class Deletions:
    def __init__(self, engine: AsyncEngine, audit: AuditLog, clock: Clock) -> None:
        self._engine = engine
        self._audit = audit
        self._clock = clock

    async def end_due(self) -> int:
        """End each tenant whose time has come, one a transaction; how many that were. Several registries share the work."""
        async with operator_transaction(self._engine) as tx:
            due = await repository.list_due(tx, self._clock.now(), _AT_ONCE)
        ended = 0
        for tenant_id in due:
            try:
                ended += await self._end(tenant_id)
            except Exception:
                # The others do not wait for it; it is tried again at the next round.
                log.exception("registry.tenant.deletion.failed", tenant_id=tenant_id)
        return ended

    async def _end(self, tenant_id: str) -> bool:
        """False when another process was faster, or it was undone just now."""
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            if not await repository.lock(tx, tenant_id):
                return False
            before = await tenants.find(tx, tenant_id)
            if before is None or not state.is_due(before, now):
                return False
            await tenants.save(tx, state.end(before, now))
            keys = await repository.revoke_keys(tx, tenant_id, now)
            connections = await repository.empty_connections(tx, tenant_id, now)
            await repository.forget(tx, tenant_id)
            for key in keys:
                await append(tx, api_key_changed(tenant_id, key.environment, key.id, key.hash, "deleted", now))
            for connection in connections:
                await append(tx, connection_changed(tenant_id, connection.environment, connection.id, "deleted", now))
            await append(tx, tenant_changed(tenant_id, "deleted", now))
            await self._audit.record(
                tx,
                SYSTEM,
                "tenant.deleted",
                tenant_id=tenant_id,
                environment=None,
                target=("tenant", tenant_id),
                before={"status": before.status, "api_keys": len(keys), "connections": len(connections)},
                after={"status": "deleted", "api_keys": 0, "connections": 0},
            )
        log.info("registry.tenant.deleted", tenant_id=tenant_id, api_keys=len(keys), connections=len(connections))
        return True
