"""What a tenant can use in an environment, for discovery: its enabled connections, and what their providers can do."""

from collections.abc import Sequence

import asyncpg

from onerouter_common.db.engine import Pool
from onerouter_common.registry_client import UsableCapability, UsableConnection, UsableProvider, UsableProviders
from onerouter_providers.manifest import Manifest
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.connection import repository


class Discovery:
    def __init__(self, pool: Pool, catalogue: Catalogue) -> None:
        self._pool = pool
        self._catalogue = catalogue

    async def usable(self, tenant_id: str, environment: str) -> UsableProviders:
        """One query. By category, the best provider first; none that an operator has switched off, or that is not installed
        any more. An unknown tenant has none.
        """
        rows = await repository.fetch_usable(self._pool, tenant_id, environment)
        of_each: dict[tuple[str, str], list[asyncpg.Record]] = {}
        for row in rows:
            of_each.setdefault((row["category"], row["provider"]), []).append(row)
        found = [
            _provider(manifest, connections)
            for (category, provider), connections in of_each.items()
            if (manifest := self._catalogue.find(category, provider)) is not None
        ]
        return UsableProviders(providers=tuple(found))


def _provider(manifest: Manifest, connections: Sequence[asyncpg.Record]) -> UsableProvider:
    return UsableProvider(
        category=manifest.category,
        provider=manifest.id,
        display_name=manifest.display_name,
        connections=tuple(
            UsableConnection(id=one["id"], label=one["label"], currency=one["currency"], bucket=one["bucket"])
            for one in connections
        ),
        capabilities=tuple(UsableCapability(name=one.name, guarantee=one.guarantee) for one in manifest.capabilities),
        unsupported=manifest.unsupported,
        currencies=manifest.currencies,
        limits=manifest.limits,
    )
