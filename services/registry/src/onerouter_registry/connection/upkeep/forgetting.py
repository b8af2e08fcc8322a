"""Disconnecting, and destroying the credentials of what was disconnected long enough ago."""

from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock, isoformat
from onerouter_common.contracts.base import Environment
from onerouter_common.errors import NotFound
from onerouter_common.metric_names import CREDENTIALS_FORGOTTEN
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.changes import connection_changed
from onerouter_registry.connection import repository as connections
from onerouter_registry.connection.callback_token import repository as tokens
from onerouter_registry.connection.callback_token.service import CallbackTokens
from onerouter_registry.connection.model import Connection, SealedCredentials
from onerouter_registry.connection.upkeep import repository
from onerouter_registry.outbox.repository import append
from onerouter_registry.transactions import operator_transaction, tenant_transaction

log = structlog.get_logger()

_NOTHING: Final = SealedCredentials(api={}, callback={}, public={}, masked={})


class Forgetting:
    def __init__(
        self, engine: AsyncEngine, callback_tokens: CallbackTokens, audit: AuditLog, clock: Clock, retention: timedelta
    ) -> None:
        """`retention` is how long a disconnected connection can still be refunded through."""
        self._engine = engine
        self._callback_tokens = callback_tokens
        self._audit = audit
        self._clock = clock
        self.retention: Final = retention

    async def sweep(self) -> int:
        """Remove expired callback tokens, then forget all that is due, one a transaction; how many were forgotten."""
        while await self._callback_tokens.sweep():
            pass
        count = 0
        while await self._forget_one():
            count += 1
        return count

    async def disconnect(
        self, tenant_id: str, environment: Environment, connection_id: str, *, forget: bool, by: Actor
    ) -> Connection:
        """See `Connections.disconnect`."""
        async with tenant_transaction(self._engine, tenant_id, environment) as tx:
            seen = await connections.find(tx, connection_id)
            if seen is not None:  # else who is just putting the route in order would give it a place again
                await connections.lock_route(tx, tenant_id, environment, seen.category)
            connection = await connections.find(tx, connection_id, lock=True)
            if connection is None:
                raise NotFound(f"There is no connection {connection_id}.")
            if connection.disconnected_at is None:
                await self._disconnect(tx, connection, timedelta(0) if forget else self.retention, by)
            if forget and connection.forgotten_at is None:
                await self.forget(tx, connection, by)
            gone = await connections.find(tx, connection_id)
        return gone or connection

    async def _disconnect(self, tx: AsyncConnection, connection: Connection, kept_for: timedelta, by: Actor) -> None:
        now = self._clock.now()
        await connections.change(
            tx,
            connection.id,
            now,
            disconnected_at=now,
            forget_after=now + kept_for,
            enabled=False,
            position=None,
            next_check_at=None,
        )
        await append(
            tx, connection_changed(connection.tenant_id, connection.environment, connection.id, "deleted", now)
        )
        await self._audit.record(
            tx,
            by,
            "connection.disconnected",
            tenant_id=connection.tenant_id,
            environment=connection.environment,
            target=("connection", connection.id),
            before={"status": connection.status, "priority": connection.priority},
            after={"status": "disconnected", "credentials_kept_until": isoformat(now + kept_for)},
        )
        log.info("registry.connection.disconnected", tenant_id=connection.tenant_id, connection_id=connection.id)

    async def forget(self, tx: AsyncConnection, connection: Connection, by: Actor) -> None:
        """Destroy a disconnected connection's credentials and callback tokens now; its row stays, to be referred to."""
        now = self._clock.now()
        await connections.change(
            tx, connection.id, now, **connections.columns_of(_NOTHING), forgotten_at=now, forget_after=None
        )
        await tokens.remove_all(tx, connection.id)
        owner = (connection.tenant_id, connection.environment)
        await append(tx, connection_changed(*owner, connection.id, "deleted", now))
        await self._audit.record(
            tx,
            by,
            "connection.credentials_destroyed",
            tenant_id=connection.tenant_id,
            environment=connection.environment,
            target=("connection", connection.id),
            after={"credentials_destroyed_at": isoformat(now)},
        )
        CREDENTIALS_FORGOTTEN.inc()
        log.info("registry.connection.forgotten", tenant_id=connection.tenant_id, connection_id=connection.id)

    async def _forget_one(self) -> bool:
        async with operator_transaction(self._engine) as tx:
            connection_id = await repository.lock_forgettable(tx, self._clock.now())
            connection = None if connection_id is None else await connections.find(tx, connection_id)
            if connection is None:
                return False
            await self.forget(tx, connection, SYSTEM)
        return True
