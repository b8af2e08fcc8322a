"""Four gateway processes, 64 callers at each: not one request over a limit, and none less than it."""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from tests.services.gateway.real_registry import Holder, RealRegistry, real_registry
from tests.services.gateway.services import TOKEN
from tests.services.gateway.world import World

from onerouter_local.ports import free_port

pytestmark = pytest.mark.stack

PROCESSES: Final = 4
CALLERS: Final = 64
_START_S: Final = 100.0
_WINDOW_S: Final = 600.0
_PATIENT: Final = f"""
from onerouter_gateway import app
from onerouter_gateway.authentication import holder
from onerouter_server.main import app as command_line

create, holder._MINUTE_S = app.create_app, {_WINDOW_S}
app.create_app = lambda settings: create(settings.model_copy(update={{"rate_limit_timeout_s": 60.0}}))
command_line()
"""
"""The gateway's command, but Valkey is never taken for away, however long the machine does nothing, nor is a plan's minute
over meanwhile: longer than can be set.

A gateway that takes it for away admits its share by itself, and rightly so: then no count is exact.
"""


@dataclass
class Fleet:
    """Gateways as they run in production: processes of their own, sharing Valkey, the log and the registry."""

    registry: RealRegistry
    urls: list[str]

    async def call(
        self, method: str, path: str, holders: list[Holder], *, each: int, body: Any = None
    ) -> tuple[Counter[int], float]:
        """Statuses and seconds when every caller sends so many, one after the other."""
        statuses: Counter[int] = Counter()

        async def caller(number: int) -> None:
            url = self.urls[number % PROCESSES] + path
            headers = holders[number // PROCESSES % len(holders)].auth
            for _ in range(each):
                async with http.request(method, url, headers=headers, json=body) as answer:
                    await answer.read()
                    statuses[answer.status] += 1

        connector = aiohttp.TCPConnector(limit=PROCESSES * CALLERS)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=90)) as http:
            started = time.monotonic()
            await asyncio.gather(*(caller(number) for number in range(PROCESSES * CALLERS)))
        return statuses, time.monotonic() - started


@asynccontextmanager
async def _process(world: World, registry: RealRegistry, directory: Path) -> AsyncIterator[str]:
    port = free_port()
    settings = registry.registry.settings
    environment = {
        "ONEROUTER_API_KEY_PEPPER": settings.api_key_pepper.get_secret_value(),
        "ONEROUTER_GATEWAY_IDEMPOTENCY_SECRET": "s" * 32,
        "ONEROUTER_INTERNAL_TOKENS": TOKEN,
        "KAFKA_BOOTSTRAP_SERVERS": world.bootstrap,
        "REDIS_URL": world.redis_url,
        "ONEROUTER_GATEWAY_HOST": "127.0.0.1",
        "ONEROUTER_GATEWAY_PORT": str(port),
        "ONEROUTER_GATEWAY_REGISTRY_URL": registry.url,
        "ONEROUTER_GATEWAY_PAYMENTS_URL": world.services_url,
        "ONEROUTER_GATEWAY_UPSTREAM_TIMEOUT_S": "30",
        "ONEROUTER_GATEWAY_DEFAULT_WAIT_S": "60",
        "ONEROUTER_GATEWAY_DRAIN_TIMEOUT_S": "2",
        "ONEROUTER_LOG_LEVEL": "WARNING",
        "PATH": os.environ["PATH"],
    }
    with (directory / f"gateway-{port}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _PATIENT,
            "gateway",
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), 60)


async def _until_ready(urls: list[str]) -> None:
    async with aiohttp.ClientSession() as http, asyncio.timeout(_START_S):
        for url in urls:
            while True:
                try:
                    async with http.get(f"{url}/readyz") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    pass  # it does not listen yet
                await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
async def fleet(postgres: Any, world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    directory = tmp_path_factory.mktemp("gateways")
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(real_registry(postgres, world))
        urls = [await stack.enter_async_context(_process(world, registry, directory)) for _ in range(PROCESSES)]
        await _until_ready(urls)
        yield Fleet(registry, urls)


# Admitted and then refused for its shape: the limits have been passed, and nothing behind them slows the callers down.
PAST_THE_LIMITS: Final = "/v1/operations/no-operation"


async def test_the_limit_of_a_key(fleet: Fleet) -> None:
    holder = await fleet.registry.key(await fleet.registry.tenant(), rate_limit_per_s=1, rate_burst=300)
    statuses, elapsed_s = await fleet.call("GET", PAST_THE_LIMITS, [holder], each=4)
    assert elapsed_s < 300, "slower than the window: the count would say nothing"
    assert statuses == {404: 300, 429: PROCESSES * CALLERS * 4 - 300}


async def test_the_limit_of_a_plan(fleet: Fleet) -> None:
    """Three keys of one tenant, none of which reaches its own limit in vain."""
    tenant_id = await fleet.registry.tenant(requests_per_minute=400)
    holders = [await fleet.registry.key(tenant_id, rate_limit_per_s=1, rate_burst=250) for _ in range(3)]
    statuses, elapsed_s = await fleet.call("GET", PAST_THE_LIMITS, holders, each=4)
    assert elapsed_s < _WINDOW_S, "slower than the window: the count would say nothing"
    assert statuses == {404: 400, 429: PROCESSES * CALLERS * 4 - 400}


@pytest.mark.parametrize("quota", [50, 700])
async def test_a_monthly_quota(fleet: Fleet, quota: int) -> None:
    holder = await fleet.registry.key(await fleet.registry.tenant(), quotas={"payments": quota})

    async def pay(each: int) -> int:
        statuses, _ = await fleet.call("POST", "/v1/payments", [holder], each=each, body={"amount": "499.00"})
        assert statuses.keys() <= {201, 429}
        return statuses[201]

    admitted = await pay(4)
    assert quota - PROCESSES * (quota // 64) <= admitted <= quota
    async with asyncio.timeout(90):  # what one gateway held when its callers were done goes back, others spend it
        while admitted < quota:
            await asyncio.sleep(0.5)
            admitted += await pay(1)
    assert admitted == quota
    assert await pay(1) == 0
    assert await fleet.registry.granted(holder) == quota
    worker = fleet.registry.world.worker
    assert sum(command.tenant_id == holder.tenant_id for command in worker.commands) == quota


async def test_production_believes_no_header_about_its_client(fleet: Fleet) -> None:
    """Also from this machine, which uvicorn would trust by itself."""
    holder = await fleet.registry.key(await fleet.registry.tenant())
    await fleet.registry.execute(
        "UPDATE api_keys SET ip_allow_list = '{203.0.113.0/24}' WHERE id = $1", holder.created.api_key.id
    )
    async with aiohttp.ClientSession() as http:
        headers = {**holder.auth, "X-Forwarded-For": "203.0.113.9"}
        async with http.get(fleet.urls[0] + PAST_THE_LIMITS, headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, "ADDRESS_NOT_ALLOWED")
