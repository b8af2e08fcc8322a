"""What a tenant does with connections: connect, change, order, disconnect."""

from collections.abc import Mapping, Sequence

import structlog
from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.ids import CONNECTION, new_id
from onerouter_common.money import parse_currency
from onerouter_providers.manifest import Manifest
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.changes import Kind, connection_changed, route_changed
from onerouter_registry.connection import repository
from onerouter_registry.connection.model import Connected, Connection
from onerouter_registry.connection.vault import Vault, hash_token
from onerouter_registry.outbox.repository import append
from onerouter_registry.transactions import tenant_transaction
from onerouter_registry.validation import count_of, environment_of, name_of

log = structlog.get_logger()

_MOST_IN_FLIGHT = 10_000


class Connections:
    def __init__(self, engine: AsyncEngine, catalogue: Catalogue, vault: Vault, clock: Clock) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._vault = vault
        self._clock = clock

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
    ) -> Connected:
        """Store an account at a provider, last in its route.

        Raises InvalidRequest (names each wrong credential), NotFound (no such tenant), Conflict (label taken).
        """
        where = environment_of(environment)
        manifest = self._catalogue.get(category, provider)
        values = _reveal(credentials)
        manifest.check_credentials(values, where)
        name, limit = name_of("label", label), count_of("max_in_flight", max_in_flight, _MOST_IN_FLIGHT)
        default_currency = _currency_of(manifest, currency)
        connection_id, now, owner = new_id(CONNECTION), self._clock.now(), (tenant_id, where)
        try:
            async with tenant_transaction(self._engine, tenant_id, where) as tx:
                await repository.lock_route(tx, tenant_id, where, manifest.category)
                token, sealed_token = await self._vault.new_callback_token(tx, owner, connection_id, now)
                connection = Connection(
                    id=connection_id,
                    tenant_id=tenant_id,
                    environment=where,
                    category=manifest.category,
                    provider=manifest.id,
                    label=name,
                    position=await repository.next_position(tx, manifest.category),
                    enabled=True,
                    currency=default_currency,
                    max_in_flight=limit,
                    credentials=await self._vault.seal(tx, owner, connection_id, manifest, values, now),
                    callback_token_hash=hash_token(token.get_secret_value()),
                    callback_token=sealed_token,
                    version=1,
                    created_at=now,
                    updated_at=now,
                )
                await repository.add(tx, connection)
                await append(tx, connection_changed(tenant_id, where, connection_id, "created", now))
        except IntegrityError as error:
            _explain(error, tenant_id, name)
            raise
        log.info("registry.connection.created", tenant_id=tenant_id, connection_id=connection_id, provider=manifest.id)
        return Connected(connection, token if manifest.callback else None)

    async def list(self, tenant_id: str, environment: str) -> list[Connection]:
        """By category, in the order of the route."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            return await repository.list_all(tx)

    async def get(self, tenant_id: str, environment: str, connection_id: str) -> Connection:
        """Raises NotFound."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            return await _get(tx, connection_id)

    async def callback_token(self, tenant_id: str, environment: str, connection_id: str) -> SecretStr | None:
        """To show the callback address again; None when the provider never calls back. Raises NotFound."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            connection = await _get(tx, connection_id)
            if self._catalogue.get(connection.category, connection.provider).callback is None:
                return None
            return await self._vault.open_callback_token(tx, connection, connection.callback_token)

    async def update_credentials(
        self, tenant_id: str, environment: str, connection_id: str, credentials: Mapping[str, SecretStr]
    ) -> None:
        """Replace the given fields, keep the others; an empty value removes an optional one.

        Raises NotFound, InvalidRequest.
        """
        where, now = environment_of(environment), self._clock.now()
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            connection = await _get(tx, connection_id, lock=True)
            manifest = self._catalogue.get(connection.category, connection.provider)
            values = _reveal(await self._vault.open_all(tx, connection)) | _reveal(credentials)
            manifest.check_credentials(values, where)
            sealed = await self._vault.seal(tx, (tenant_id, where), connection_id, manifest, values, now)
            await repository.set_credentials(tx, connection_id, sealed, now)
            await self._tell(tx, connection, "updated")
        log.info("registry.connection.credentials_changed", tenant_id=tenant_id, connection_id=connection_id)

    async def set_enabled(self, tenant_id: str, environment: str, connection_id: str, enabled: bool) -> None:
        """A disabled connection takes no new operation; what already lives there still reaches it. Raises NotFound."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            connection = await _get(tx, connection_id, lock=True)
            if connection.enabled == enabled:
                return
            await repository.set_enabled(tx, connection_id, enabled, self._clock.now())
            await self._tell(tx, connection, "updated")
        log.info("registry.connection.enabled", tenant_id=tenant_id, connection_id=connection_id, enabled=enabled)

    async def reorder(self, tenant_id: str, environment: str, category: str, ordered_ids: Sequence[str]) -> None:
        """The route's new order, best first. Raises InvalidRequest unless each connection is named exactly once."""
        where, now = environment_of(environment), self._clock.now()
        kind = self._catalogue.category_of(category)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            await repository.lock_route(tx, tenant_id, where, kind)
            present = [connection.id for connection in await repository.list_all(tx, kind)]
            if sorted(present) != sorted(ordered_ids):
                raise InvalidRequest.of("connections", f"must name each of the {len(present)} connections once")
            await repository.set_positions(tx, ordered_ids, now)
            await append(tx, route_changed(tenant_id, where, kind, now))
        log.info("registry.route.changed", tenant_id=tenant_id, environment=where, category=kind)

    async def disconnect(self, tenant_id: str, environment: str, connection_id: str) -> None:
        """Forget the connection and its credentials for good: what it made can no longer be reached. Raises NotFound."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            connection = await _get(tx, connection_id, lock=True)
            await repository.remove(tx, connection_id)
            await self._tell(tx, connection, "deleted")
        log.info("registry.connection.deleted", tenant_id=tenant_id, connection_id=connection_id)

    async def _tell(self, tx: AsyncConnection, connection: Connection, change: Kind) -> None:
        tenant_id, environment = connection.tenant_id, connection.environment
        await append(tx, connection_changed(tenant_id, environment, connection.id, change, self._clock.now()))


async def _get(tx: AsyncConnection, connection_id: str, *, lock: bool = False) -> Connection:
    connection = await repository.find(tx, connection_id, lock=lock)
    if connection is None:
        raise NotFound(f"There is no connection {connection_id}.")
    return connection


def _reveal(credentials: Mapping[str, SecretStr]) -> dict[str, str]:
    return {key: value.get_secret_value() for key, value in credentials.items()}


def _currency_of(manifest: Manifest, value: str | None) -> str | None:
    if value is None:
        return None
    currency = parse_currency(value)
    if manifest.currencies is not None and currency not in manifest.currencies:
        raise InvalidRequest.of("currency", f"{currency} is not one {manifest.display_name} takes")
    return currency


def _explain(error: IntegrityError, tenant_id: str, label: str) -> None:
    """Raises what the caller did wrong; returns when it is our own mistake."""
    if "connections_label_unique" in str(error.orig):
        raise Conflict(f"There already is a connection labelled '{label}' at this provider.") from error
    if "_tenant_id_fkey" in str(error.orig):
        raise NotFound(f"There is no tenant {tenant_id}.") from error
