"""A registry of its own, on a real database, for tests in which the registry's answers matter."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from pydantic import SecretStr
from tests.services.gateway.services import TOKEN
from tests.services.gateway.serving import served
from tests.services.gateway.world import World
from tests.services.registry.conftest import CREDENTIALS, Registry, opened

from onerouter_registry.api_key.model import CreatedKey
from onerouter_registry.app import create_app


@dataclass(frozen=True)
class Holder:
    """A key and its tenant."""

    tenant_id: str
    created: CreatedKey

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.created.key.get_secret_value()}"}


@dataclass(frozen=True)
class RealRegistry:
    world: World
    registry: Registry
    url: str

    @property
    def gateway_settings(self) -> dict[str, Any]:
        """For a gateway that asks this registry."""
        return {"registry_url": self.url, "api_key_pepper": self.registry.settings.api_key_pepper}

    async def tenant(self, **changed: Any) -> str:
        """Connected to a payments provider."""
        tenant = await self.registry.admin.tenants.create("Acme")
        await self.registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
        for name, value in changed.items():
            await self.execute(f"UPDATE tenants SET {name} = $2 WHERE id = $1", tenant.id, value)
        return tenant.id

    async def key(
        self,
        tenant_id: str,
        *,
        quotas: Mapping[str, int] | None = None,
        rate_limit_per_s: int = 10_000,
        rate_burst: int = 10_000,
    ) -> Holder:
        created = await self.registry.admin.api_keys.create(
            tenant_id, "test", name="test", quotas=quotas, rate_limit_per_s=rate_limit_per_s, rate_burst=rate_burst
        )
        return Holder(tenant_id, created)

    async def rotated(self, holder: Holder) -> Holder:
        """The key that replaces it; both work."""
        rotated = await self.registry.admin.api_keys.rotate(holder.tenant_id, "test", holder.created.api_key.id)
        return Holder(holder.tenant_id, rotated.created)

    async def granted(self, holder: Holder) -> int:
        rows = await self.fetch(
            "SELECT coalesce(sum(granted), 0)::bigint FROM quota_usage WHERE family = $1", holder.created.api_key.family
        )
        return int(rows[0][0])

    async def fetch(self, query: str, *arguments: object) -> list[Any]:
        """As superuser."""
        connection = await asyncpg.connect(self.registry.database.admin_dsn)
        try:
            rows: list[Any] = await connection.fetch(query, *arguments)
            return rows
        finally:
            await connection.close()

    async def execute(self, query: str, *arguments: object) -> None:
        await self.fetch(query, *arguments)


@asynccontextmanager
async def real_registry(postgres: Any, world: World) -> AsyncIterator[RealRegistry]:
    database = await postgres.create("registry")
    try:
        async with opened(database) as registry:
            settings = registry.settings.model_copy(
                update={"internal_tokens": SecretStr(TOKEN), "kafka_bootstrap_servers": world.bootstrap}
            )
            async with served(create_app(settings), lifespan="on") as url:
                yield RealRegistry(world, registry, url)
    finally:
        await postgres.drop(database)
