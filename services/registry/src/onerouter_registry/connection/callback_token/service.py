"""A connection's callback address: made with it, shown again, replaced while the old one still works for a while."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from pydantic import SecretStr, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock, isoformat
from onerouter_common.errors import CapabilityUnsupported, Conflict, CredentialsUnreadable, NotFound, Overloaded
from onerouter_common.once.request import Once
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.changes import callback_token_changed
from onerouter_registry.connection import repository as connections
from onerouter_registry.connection.callback_token import repository
from onerouter_registry.connection.callback_token.model import CallbackAddress, CallbackToken
from onerouter_registry.connection.choosing import Choice, choose
from onerouter_registry.connection.model import Connection
from onerouter_registry.outbox.repository import append
from onerouter_registry.transactions import operator_transaction, tenant_transaction
from onerouter_registry.validation import environment_of
from onerouter_registry.vault.service import Vault, hash_token

log = structlog.get_logger()

OVERLAP: Final = timedelta(days=7)
"""How long an address works after another has taken its place, unless told otherwise."""
OVERLAP_MOST: Final = timedelta(days=30)
_ID: Final = TypeAdapter(str)
_MOST_LIVE: Final = 10
_SWEEP_MOST: Final = 500


class CallbackTokens:
    def __init__(self, engine: AsyncEngine, catalogue: Catalogue, vault: Vault, audit: AuditLog, clock: Clock) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._vault = vault
        self._audit = audit
        self._clock = clock

    async def make(self, tx: AsyncConnection, connection: Connection, now: datetime) -> SecretStr:
        """A new token of the connection, which is stored already."""
        owner = (connection.tenant_id, connection.environment)
        token, sealed = await self._vault.new_callback_token(tx, owner, connection.id, now)
        await repository.add(
            tx,
            CallbackToken(
                hash=hash_token(token.get_secret_value()),
                connection_id=connection.id,
                tenant_id=connection.tenant_id,
                environment=connection.environment,
                provider=connection.provider,
                sealed=sealed,
                created_at=now,
            ),
        )
        return token

    async def addresses(self, tx: AsyncConnection, shown: Sequence[Connection]) -> dict[str, CallbackAddress]:
        """By connection id."""
        live: dict[str, list[CallbackToken]] = {connection.id: [] for connection in shown}
        for token in await repository.list_live(tx, live.keys(), self._clock.now()):
            live[token.connection_id].append(token)
        return {connection.id: await self._address(tx, connection, live[connection.id]) for connection in shown}

    async def rotate(
        self,
        tenant_id: str,
        environment: str,
        connection_id: str,
        *,
        overlap: timedelta = OVERLAP,
        by: Actor = SYSTEM,
    ) -> SecretStr:
        """The token of a new address; those before it work until the overlap ends (at once where there is none).

        Raises NotFound, CapabilityUnsupported (the provider never calls back), Conflict (too many still work).
        """
        where = environment_of(environment)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            return await self._rotate(tx, connection_id, overlap, self._clock.now(), by)

    async def rotate_once(
        self, tenant_id: str, environment: str, choice: Choice, once: Once, *, overlap: timedelta, by: Actor
    ) -> str:
        """The id of the connection that has a new address, now or since the first request. Raises as `rotate`,
        IdempotencyMismatch, and Conflict (SEVERAL_CONNECTIONS).
        """
        where, now = environment_of(environment), self._clock.now()

        async def act() -> str:
            connection_id = (await choose(tx, where, choice)).id
            await self._rotate(tx, connection_id, overlap, now, by)
            return connection_id

        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            return await once.carry_out(tx, now, act, _ID)

    async def _rotate(
        self, tx: AsyncConnection, connection_id: str, overlap: timedelta, now: datetime, by: Actor
    ) -> SecretStr:
        until = now + overlap
        connection = await connections.find(tx, connection_id, lock=True)
        if connection is None or connection.disconnected_at is not None:
            raise NotFound(f"There is no connection {connection_id}.")
        if not self._calls_back(connection):
            raise CapabilityUnsupported(f"{connection.provider} does not call back: there is no address to replace.")
        if overlap <= timedelta(0):
            await repository.remove_all(tx, connection_id)
        elif len(await repository.list_live(tx, [connection_id], now)) >= _MOST_LIVE:
            raise Conflict("Too many earlier addresses still work; wait, or end them now with an overlap of 0.")
        else:
            await repository.expire_by(tx, connection_id, until)
        token = await self.make(tx, connection, now)
        tenant_id, where = connection.tenant_id, connection.environment
        await append(tx, callback_token_changed(tenant_id, where, connection_id, "updated", now))
        await self._audit.record(
            tx,
            by,
            "connection.callback_token_rotated",
            tenant_id=tenant_id,
            environment=where,
            target=("connection", connection_id),
            after={"earlier_addresses_until": isoformat(until)},
        )
        log.info("registry.callback_token.rotated", tenant_id=tenant_id, connection_id=connection_id)
        return token

    async def sweep(self) -> int:
        """Remove tokens whose overlap has ended, and have every cache drop them; how many."""
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            gone = await repository.take_expired(tx, now, _SWEEP_MOST)
            for owner in sorted({(token.tenant_id, token.environment, token.connection_id) for token in gone}):
                await append(tx, callback_token_changed(*owner, "deleted", now))
        return len(gone)

    async def _address(
        self, tx: AsyncConnection, connection: Connection, live: Sequence[CallbackToken]
    ) -> CallbackAddress:
        current = next((token for token in live if token.expires_at is None), None)
        if current is None or not self._calls_back(connection):
            return CallbackAddress(None)
        try:
            token = await self._vault.open_callback_token(tx, connection, current.sealed)
        except (CredentialsUnreadable, Overloaded):  # the vault has logged why, or the KMS is away
            # The connection can still be seen, and given another address.
            return CallbackAddress(None)
        return CallbackAddress(token, _earlier_until(live))

    def _calls_back(self, connection: Connection) -> bool:
        manifest = self._catalogue.find(connection.category, connection.provider)
        return manifest is not None and manifest.callback is not None


def _earlier_until(live: Sequence[CallbackToken]) -> datetime | None:
    return max((token.expires_at for token in live if token.expires_at is not None), default=None)
