"""A registry on a real database: its use cases, its HTTP API in this process, and a tenant to work with."""

import base64
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tests.services.registry.hearing import Heard

from onerouter_common.change_feed import ChangeFeed
from onerouter_common.registry_client import RegistryClient
from onerouter_local.testing import Database
from onerouter_registry.admin import Admin, open_admin
from onerouter_registry.app import create_app
from onerouter_registry.settings import ManagementSettings, Settings
from onerouter_registry.tenant.model import Tenant

KEY_SECRET = "the_Key_Secret_9f8e7d6c5b"
WEBHOOK_SECRET = "the-webhook-secret-1a2b3c4d"
CREDENTIALS = {
    "key_id": SecretStr("rzp_test_1DP5mmOlF5G5ag"),
    "key_secret": SecretStr(KEY_SECRET),
    "webhook_secret": SecretStr(WEBHOOK_SECRET),
}


def keyring(key_id: str) -> SecretStr:
    return SecretStr(f"{key_id}:{base64.b64encode(secrets.token_bytes(32)).decode()}")


def environment_of_keys(settings: ManagementSettings) -> dict[str, str]:
    """The four keyrings as a process is told them."""
    return {
        f"ONEROUTER_{name.upper()}": getattr(settings, name).get_secret_value()
        for name in ("credential_keys_test", "credential_keys_live", "callback_keys_test", "callback_keys_live")
    }


@dataclass(frozen=True)
class Registry:
    """What a test works with."""

    settings: Settings
    admin: Admin
    database: Database


@asynccontextmanager
async def opened(made: Database) -> AsyncIterator[Registry]:
    """The use cases on this database; no process runs, and the log is a closed port."""
    settings = Settings(
        database_url=made.dsn,
        database_pool_size=4,
        kafka_bootstrap_servers="127.0.0.1:1",
        internal_tokens=SecretStr(secrets.token_hex(32)),
        credential_keys_test=keyring("kek-1"),
        credential_keys_live=keyring("kek-1"),
        callback_keys_test=keyring("cbk-1"),
        callback_keys_live=keyring("cbk-1"),
        api_key_pepper=SecretStr(secrets.token_hex(32)),
        secret=SecretStr(secrets.token_hex(32)),
        log_level="WARNING",
    )
    async with open_admin(settings) as admin:
        yield Registry(settings, admin, made)


@pytest.fixture
async def registry(database: Callable[[str], Awaitable[Database]]) -> AsyncIterator[Registry]:
    """A fresh registry database with the use cases on it."""
    async with opened(await database("registry")) as made:
        yield made


@pytest.fixture
async def tenant(registry: Registry) -> Tenant:
    return await registry.admin.tenants.create("Acme")


@pytest.fixture
async def other_tenant(registry: Registry) -> Tenant:
    return await registry.admin.tenants.create("Umbrella")


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.ASGITransport]:
    """The service with its lifespan, in this process, behind a transport."""
    app = create_app(settings)
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            scope["state"] = dict(state or {})
            await app(scope, receive, send)

        yield httpx.ASGITransport(app=with_state)


@pytest.fixture
async def transport(registry: Registry) -> AsyncIterator[httpx.ASGITransport]:
    """The service without the log: lookups do not need it."""
    async with serving(registry.settings) as made:
        yield made


@pytest.fixture
async def client(registry: Registry, transport: httpx.ASGITransport) -> AsyncIterator[RegistryClient]:
    """The client that every other service uses, on the service in this process."""
    async with RegistryClient(
        "http://registry", registry.settings.internal_tokens, transport=transport
    ) as registry_client:
        yield registry_client


@pytest.fixture
async def heard(kafka_bootstrap: str) -> AsyncIterator[Heard]:
    told = Heard()
    async with ChangeFeed(kafka_bootstrap, told.change, told.gap) as told.feed:
        assert await told.feed.wait_reading(60)
        yield told


@pytest.fixture
async def running(registry: Registry, heard: Heard, kafka_bootstrap: str) -> AsyncIterator[None]:
    """A registry that starts when someone listens already: each of its records is heard."""
    async with serving(registry.settings.model_copy(update={"kafka_bootstrap_servers": kafka_bootstrap})):
        yield
