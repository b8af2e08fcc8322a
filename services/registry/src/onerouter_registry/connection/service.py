"""What a tenant does with connections: connect, change, order, disconnect."""

from collections.abc import Mapping, Sequence

import structlog
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import InvalidRequest, NotFound
from onerouter_common.once.request import UNKEYED, Once
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.changes import route_changed
from onerouter_registry.connection import repository
from onerouter_registry.connection.callback_token.model import CallbackAddress
from onerouter_registry.connection.callback_token.service import CallbackTokens
from onerouter_registry.connection.change import Change
from onerouter_registry.connection.choosing import Choice, choose
from onerouter_registry.connection.connecting import Account, Connecting
from onerouter_registry.connection.model import Connected, Connection, ConnectionChanges
from onerouter_registry.connection.upkeep.forgetting import Forgetting
from onerouter_registry.outbox.repository import append
from onerouter_registry.transactions import tenant_transaction
from onerouter_registry.validation import environment_of

log = structlog.get_logger()


class Connections:
    def __init__(
        self,
        engine: AsyncEngine,
        catalogue: Catalogue,
        clock: Clock,
        *,
        connecting: Connecting,
        change: Change,
        callback_tokens: CallbackTokens,
        forgetting: Forgetting,
        audit: AuditLog,
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._clock = clock
        self._connecting = connecting
        self._change = change
        self._callback_tokens = callback_tokens
        self._forgetting = forgetting
        self._audit = audit

    async def connect(
        self,
        tenant_id: str,
        environment: str,
        provider: str,
        credentials: Mapping[str, SecretStr],
        *,
        category: str = "payments",
        label: str = "default",
        currency: str | None = None,
        max_in_flight: int = 64,
        rate_per_s: float | None = None,
        enabled: bool = True,
        priority: int | None = None,
        verify: bool = False,
        once: Once = UNKEYED,
        by: Actor = SYSTEM,
    ) -> Connected:
        """Store an account at a provider, last in its route unless `priority` says where.

        With `verify` the provider is asked first, outside any transaction, and nothing is stored unless it accepts.
        Raises InvalidRequest (names each wrong credential; CREDENTIALS_REFUSED; PROVIDER_DISABLED), NotFound (no such
        tenant), Conflict (label taken, too many), RateLimited (too much was asked), ProviderUnavailable or ProviderThrottled
        (it could not be asked), IdempotencyMismatch.
        """
        account = Account(
            category, provider, credentials, label, currency, max_in_flight, rate_per_s, enabled, priority
        )
        return await self._connecting.connect(
            tenant_id, environment_of(environment), account, verify=verify, once=once, by=by
        )

    async def list(self, tenant_id: str, environment: str) -> list[Connection]:
        """The connected ones, by category, in the order of the route."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            return await repository.list_all(tx)

    async def get(self, tenant_id: str, environment: str, connection_id: str) -> Connection:
        """A disconnected one too. Raises NotFound."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            return await _get(tx, connection_id)

    async def choose(self, tenant_id: str, environment: str, choice: Choice) -> Connection:
        """Raises NotFound, Conflict (SEVERAL_CONNECTIONS)."""
        where = environment_of(environment)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            return await choose(tx, where, choice)

    async def callback_token(self, tenant_id: str, environment: str, connection_id: str) -> SecretStr | None:
        """To show the callback address again; None when the provider never calls back. Raises NotFound."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            connection = await _get(tx, connection_id)
            addresses = await self._callback_tokens.addresses(tx, [connection])
        return addresses.get(connection_id, CallbackAddress(None)).token

    async def change(
        self,
        tenant_id: str,
        environment: str,
        connection_id: str,
        changes: ConnectionChanges,
        *,
        credentials: Mapping[str, SecretStr] | None = None,
        verify: bool = False,
        by: Actor = SYSTEM,
    ) -> Connection:
        """Change what is named, all of it or nothing. Given credentials replace theirs, others stay, empty ones go.

        Raises as `connect` does, and Conflict when the credentials were changed by somebody else meanwhile.
        """
        return await self._change.apply(
            tenant_id, environment_of(environment), connection_id, changes, credentials or {}, verify=verify, by=by
        )

    async def update_credentials(
        self,
        tenant_id: str,
        environment: str,
        connection_id: str,
        credentials: Mapping[str, SecretStr],
        *,
        by: Actor = SYSTEM,
    ) -> None:
        """Replace the given fields without asking the provider. Raises NotFound, InvalidRequest."""
        await self.change(tenant_id, environment, connection_id, {}, credentials=credentials, by=by)

    async def set_enabled(
        self, tenant_id: str, environment: str, connection_id: str, enabled: bool, *, by: Actor = SYSTEM
    ) -> None:
        """A disabled connection takes no new operation; what already lives there still reaches it. Raises NotFound."""
        await self.change(tenant_id, environment, connection_id, {"enabled": enabled}, by=by)

    async def reorder(
        self, tenant_id: str, environment: str, category: str, ordered_ids: Sequence[str], *, by: Actor = SYSTEM
    ) -> None:
        """The route's new order, best first. Raises InvalidRequest unless each connection is named exactly once."""
        where, now = environment_of(environment), self._clock.now()
        kind = self._catalogue.category_of(category)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            await repository.lock_route(tx, tenant_id, where, kind)
            present = await repository.list_all(tx, kind)
            before = [connection.id for connection in present]
            if sorted(before) != sorted(ordered_ids):
                raise InvalidRequest.of("connections", f"must name each of the {len(present)} connections once")
            await repository.set_positions(tx, present, ordered_ids)
            await append(tx, route_changed(tenant_id, where, kind, now))
            await self._audit.record(
                tx,
                by,
                "route.reordered",
                tenant_id=tenant_id,
                environment=where,
                target=("route", kind),
                before={"connections": before},
                after={"connections": list(ordered_ids)},
            )
        log.info("registry.route.changed", tenant_id=tenant_id, environment=where, category=kind)

    async def disconnect(
        self, tenant_id: str, environment: str, connection_id: str, *, forget: bool = False, by: Actor = SYSTEM
    ) -> Connection:
        """Take it out of every route; what it took can be refunded and looked up for as long as credentials are kept.

        `forget` destroys them at once, also those of one that was disconnected before. Doing it again changes nothing.
        Raises NotFound.
        """
        where = environment_of(environment)
        return await self._forgetting.disconnect(tenant_id, where, connection_id, forget=forget, by=by)


async def _get(tx: AsyncConnection, connection_id: str, *, lock: bool = False) -> Connection:
    connection = await repository.find(tx, connection_id, lock=lock)
    if connection is None:
        raise NotFound(f"There is no connection {connection_id}.")
    return connection
