"""Managing what tenants configure, from a program: the `onerouter admin` commands and the local stack's seeding.

    async with open_admin(ManagementSettings()) as admin:
        tenant = await admin.tenants.create("Acme")
        created = await admin.api_keys.create(tenant.id, "test", name="backend")
        connected = await admin.connections.connect(tenant.id, "test", "razorpay", credentials)
        print(admin.callback_url("razorpay", connected.callback_token))

It writes to the database; a running registry tells everyone within milliseconds, a stopped one when it starts again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from onerouter_common.clock import Clock, SystemClock
from onerouter_common.db.engine import tenant_engine
from onerouter_common.settings import keyring_of
from onerouter_providers.loader import Providers
from onerouter_registry.api_key.service import ApiKeys
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.connection.service import Connections
from onerouter_registry.connection.vault import Vault
from onerouter_registry.connection.verification import Verification
from onerouter_registry.settings import ManagementSettings
from onerouter_registry.tenant.service import Tenants

__all__ = ["Admin", "ManagementSettings", "open_admin"]


@dataclass(frozen=True, slots=True)
class Admin:
    """The registry's use cases."""

    tenants: Tenants
    api_keys: ApiKeys
    connections: Connections
    verification: Verification
    catalogue: Catalogue
    callback_base_url: str | None

    def callback_url(self, provider: str, token: SecretStr) -> str:
        """The address to enter at the provider. Who knows it can send us callbacks (that must still be signed)."""
        base = (self.callback_base_url or "").rstrip("/")
        return f"{base}/callbacks/{provider}/{token.get_secret_value()}"


@asynccontextmanager
async def open_admin(
    settings: ManagementSettings, *, clock: Clock | None = None, providers: Providers | None = None
) -> AsyncIterator[Admin]:
    """`providers` is all that are installed unless told otherwise."""
    time = clock or SystemClock()
    catalogue = Catalogue(providers or Providers.load())
    vault = Vault(keyring_of(settings.credential_keys), keyring_of(settings.callback_keys))
    async with tenant_engine(str(settings.database_url), size=settings.database_pool_size) as engine:
        yield Admin(
            tenants=Tenants(engine, time),
            api_keys=ApiKeys(engine, settings.api_key_pepper, time),
            connections=Connections(engine, catalogue, vault, time),
            verification=Verification(engine, catalogue, vault, time, settings.provider_base_urls),
            catalogue=catalogue,
            callback_base_url=None if settings.callback_base_url is None else str(settings.callback_base_url),
        )
