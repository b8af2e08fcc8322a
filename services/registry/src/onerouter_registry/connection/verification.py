"""Asks the provider itself whether a connection's credentials are good: a call that only reads."""

from collections.abc import Mapping

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import NotFound, ProviderRefusedUs
from onerouter_providers.http import open_pool
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.connection import repository
from onerouter_registry.connection.vault import Vault
from onerouter_registry.transactions import tenant_transaction
from onerouter_registry.validation import environment_of

log = structlog.get_logger()


class Verification:
    def __init__(
        self, engine: AsyncEngine, catalogue: Catalogue, vault: Vault, clock: Clock, base_urls: Mapping[str, str]
    ) -> None:
        """`base_urls` is the operator's override by provider."""
        self._engine = engine
        self._catalogue = catalogue
        self._vault = vault
        self._clock = clock
        self._base_urls = base_urls

    async def verify(self, tenant_id: str, environment: str, connection_id: str) -> str | None:
        """Probe and store the answer: None when the provider accepts the credentials, else why not.

        Raises NotFound, and ProviderUnavailable or ProviderThrottled when it could not be asked (nothing is stored).
        """
        where = environment_of(environment)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            connection = await repository.find(tx, connection_id)
            if connection is None:
                raise NotFound(f"There is no connection {connection_id}.")
            credentials = await self._vault.open_api(tx, connection)
        package = self._catalogue.package(connection.category, connection.provider)
        async with open_pool(max_connections=2) as http:
            client = package.open(
                credentials, http=http, environment=where, base_url=self._base_urls.get(connection.provider)
            )
            problem = await _probe(client)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            await repository.set_verified(tx, connection_id, connection.version, self._clock.now(), problem)
        log.info("registry.connection.verified", connection_id=connection_id, accepted=problem is None)
        return problem


async def _probe(client: object) -> str | None:
    try:
        await client.probe()  # type: ignore[attr-defined]  # every category's Protocol has it
    except ProviderRefusedUs as refusal:
        return refusal.detail
    return None
