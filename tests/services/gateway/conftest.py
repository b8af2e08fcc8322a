"""A gateway on real Kafka and Valkey. The services around it stand in at the wire: real HTTP, real records."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from tests.services.gateway.desk import Desk
from tests.services.gateway.real_registry import RealRegistry, real_registry
from tests.services.gateway.services import Services
from tests.services.gateway.serving import served
from tests.services.gateway.shop import Shop
from tests.services.gateway.vault import Vault
from tests.services.gateway.worker import Worker
from tests.services.gateway.world import Gateway, Tenant, World

from onerouter_common import change_feed
from onerouter_gateway.authentication import holder
from onerouter_gateway.rate_limit.policy import Rate

_SILENT_S = change_feed._SILENT_S


@pytest.fixture(scope="package", autouse=True)
def a_late_heartbeat_is_no_silence() -> Iterator[None]:
    """What a key may do is believed while heartbeats come: where the machine does nothing for a second, none does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(change_feed, "_SILENT_S", 60.0)
        yield


@pytest.fixture
def long_windows() -> Iterator[None]:
    """What may come at once, or in a minute, may come in ten: no window ends while a slow machine counts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rate, "of", staticmethod(lambda rate_per_s, burst: Rate(max(rate_per_s, burst), 600.0)))
        patch.setattr(holder, "_MINUTE_S", 600.0)
        yield


@pytest.fixture
def silence_is_noticed(a_late_heartbeat_is_no_silence: None) -> Iterator[None]:
    """As soon as in production."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(change_feed, "_SILENT_S", _SILENT_S)
        yield


@pytest.fixture(scope="package")
async def world(kafka_bootstrap: str, redis_url: str) -> AsyncIterator[World]:
    """Gone with this folder's last test: its worker would answer the commands of other suites, too."""
    async with AsyncExitStack() as stack:
        desk, vault = Desk(), Vault()
        services, messaging, storage = Services(), Services(more=desk.routes()), Services(more=vault.routes())
        url = await stack.enter_async_context(served(services.app()))
        messaging_url = await stack.enter_async_context(served(messaging.app()))
        storage_url = await stack.enter_async_context(served(storage.app()))
        worker = await stack.enter_async_context(Worker(kafka_bootstrap).running())
        await stack.enter_async_context(services.beating(kafka_bootstrap))
        yield World(
            services,
            messaging,
            desk,
            storage,
            vault,
            worker,
            kafka_bootstrap,
            redis_url,
            url,
            messaging_url,
            storage_url,
        )


@pytest.fixture(scope="package")
async def gateway(world: World) -> AsyncIterator[Gateway]:
    """One gateway that most tests share."""
    async with world.gateway() as one:
        yield one


@pytest.fixture(scope="module")
async def registered(postgres: Any, world: World) -> AsyncIterator[tuple[RealRegistry, Gateway]]:
    """A registry on a real database, and a gateway that asks it. Gone with its module: other gateways hear it, too."""
    async with (
        real_registry(postgres, world) as registry,
        world.gateway(**registry.gateway_settings, management_rate_burst=10_000) as one,
    ):
        yield registry, one


@pytest.fixture
def tenant(world: World) -> Tenant:
    return world.tenant()


@pytest.fixture
def shop(world: World, gateway: Gateway, tenant: Tenant) -> Shop:
    return Shop(world, gateway, tenant)
