"""One registry for the tests of a file, its HTTP API, and two connections to decide between."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr
from tests.services.registry.api_key.conftest import Api, As
from tests.services.registry.conftest import CREDENTIALS, opened, serving

from onerouter_common.registry_client import RegistryClient, RouteSet
from onerouter_local.testing import Cluster
from onerouter_registry.tenant.model import Tenant


@dataclass(frozen=True)
class Shop:
    """A tenant with two connections in its test environment, and a key that may change its routing."""

    api: Api
    tenant: Tenant
    by_key: As
    first: str
    second: str

    async def route(self) -> RouteSet:
        """What workers are told."""
        settings, transport = self.api.registry.settings, self.api.http._transport
        async with RegistryClient("http://registry", settings.internal_tokens, transport=transport) as client:
            return await client.route_set(self.tenant.id, "test", "payments")

    async def connect(self, label: str, environment: str = "test") -> str:
        connections = self.api.registry.admin.connections
        key_id = SecretStr(f"rzp_{environment}_1DP5mmOlF5G5ag")
        credentials = {**CREDENTIALS, "key_id": key_id}
        made = await connections.connect(self.tenant.id, environment, "razorpay", credentials, label=label)
        return made.connection.id


async def open_shop(api: Api) -> Shop:
    tenant = await api.registry.admin.tenants.create("Acme")
    shop = Shop(api, tenant, await api.by_key(tenant, scopes=["routing:read", "routing:write"]), "", "")
    return Shop(api, tenant, shop.by_key, await shop.connect("first"), await shop.connect("second"))


@pytest.fixture(scope="module")
async def api(postgres: Cluster) -> AsyncIterator[Api]:
    made = await postgres.create("registry")
    async with (
        opened(made) as registry,
        serving(registry.settings) as transport,
        httpx.AsyncClient(base_url="http://registry", transport=transport) as http,
    ):
        yield Api(registry, http)
    await postgres.drop(made)


@pytest.fixture
async def shop(api: Api) -> Shop:
    return await open_shop(api)
