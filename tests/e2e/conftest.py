"""One stack for all end-to-end tests: every service a process, two gateways, real engines."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Final

import httpx
import pytest
from tests.e2e.collector import Collector
from tests.e2e.payers import PAYERS, Payer
from tests.e2e.rotation import prepare_rotation
from tests.e2e.shop import Shop, open_shop
from tests.e2e.tenants import administration
from tests.e2e.world import World, client_of

from onerouter_local.demo.subscriber import Subscriber
from onerouter_local.stack import Stack
from onerouter_local.testing import new_broker, scratch_directory

# What tests wait for comes sooner than in production.
_IMPATIENT: Final = {
    # All of them come from one address.
    "gateway": {
        "ONEROUTER_GATEWAY_MANAGEMENT_RATE_PER_S": "2000",
        "ONEROUTER_GATEWAY_MANAGEMENT_RATE_BURST": "5000",
        "ONEROUTER_GATEWAY_SIGN_IN_RATE_PER_S": "500",
        "ONEROUTER_GATEWAY_SIGN_IN_RATE_BURST": "1000",
        "ONEROUTER_GATEWAY_REFUSED_RATE_PER_S": "500",
        "ONEROUTER_GATEWAY_REFUSED_RATE_BURST": "5000",
    },
    "payments": {
        "ONEROUTER_PAYMENTS_LEASE_TTL_S": "3",
        "ONEROUTER_PAYMENTS_PROVIDER_TIMEOUT_S": "2",
        "ONEROUTER_PAYMENTS_STUCK_AFTER_S": "2",
        "ONEROUTER_PAYMENTS_VENDOR_DETAILS_INTERVAL_S": "0.5",
    },
    "messaging": {
        "ONEROUTER_MESSAGING_LEASE_TTL_S": "3",
        "ONEROUTER_MESSAGING_PROVIDER_TIMEOUT_S": "2",
        "ONEROUTER_MESSAGING_POLL_INTERVAL_S": "1",
    },
    "storage": {
        "ONEROUTER_STORAGE_LEASE_TTL_S": "3",
        "ONEROUTER_STORAGE_PROVIDER_TIMEOUT_S": "2",
    },
    "webhooks": {
        "ONEROUTER_WEBHOOKS_CALLBACK_RELAY_AFTER_S": "2",
        "ONEROUTER_WEBHOOKS_RETRY_SCHEDULE_S": ",".join(["0.5"] * 40),
    },
    "sandbox": {"ONEROUTER_SANDBOX_CALLBACK_RETRY_FIRST_S": "0.3", "ONEROUTER_SANDBOX_CALLBACK_RETRY_MOST_S": "1"},
}


@pytest.fixture(scope="package")
async def world() -> AsyncIterator[World]:
    """Gone with this folder's last test: eight idle processes would slow down the suites that come after it."""
    async with AsyncExitStack() as cleanup:
        directory = cleanup.enter_context(scratch_directory())
        prepare_rotation(directory)
        collector = await cleanup.enter_async_context(Collector())
        stack = Stack(
            directory,
            replicas={"gateway": 2},
            environment=_traced(_IMPATIENT, collector.url),
            broker=new_broker(directory),
        )
        cleanup.callback(stack.wipe)
        await cleanup.enter_async_context(stack)
        async with administration(stack) as admin:
            created = await admin.api_keys.create(
                stack.secrets.demo_tenant, "test", name="e2e", rate_limit_per_s=2_000, rate_burst=2_000
            )
        key = created.key.get_secret_value()
        subscriber = await cleanup.enter_async_context(Subscriber())
        gateways = [stack.services[name].spec.url for name in ("gateway", "gateway-2")]
        api, api_2 = [await cleanup.enter_async_context(client_of(url, key)) for url in gateways]
        sandbox = await cleanup.enter_async_context(
            httpx.AsyncClient(base_url=stack.addresses.url("sandbox"), timeout=10.0)
        )
        endpoint = await api.post("/v1/webhook-endpoints", json={"url": subscriber.url})
        assert endpoint.status_code == 201, endpoint.text
        subscriber.secret = endpoint.json()["secret"]
        yield World(stack, api, api_2, sandbox, subscriber, collector, [key, endpoint.json()["secret"]])


@pytest.fixture
async def shop(world: World) -> AsyncIterator[Shop]:
    async with open_shop(world) as shop:
        yield shop


@pytest.fixture(params=sorted(PAYERS))
def payer(request: pytest.FixtureRequest) -> Payer:
    """At each provider."""
    return PAYERS[request.param]


def _traced(environment: Mapping[str, Mapping[str, str]], url: str) -> dict[str, dict[str, str]]:
    """Every service sends its traces there, so that they can be searched, too."""
    services = ("gateway", "registry", "payments", "messaging", "storage", "webhooks")
    return {
        name: {**environment.get(name, {}), **({"OTEL_EXPORTER_OTLP_ENDPOINT": url} if name in services else {})}
        for name in {*services, *environment}
    }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything that uses the stack is marked so. Other folders' tests come here, too."""
    for item in items:
        if item.nodeid.startswith("tests/e2e/") and "world" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)
