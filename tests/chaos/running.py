"""A stack that can be hurt: several of each process, a shop, a subscriber, and providers at their worst."""

import shutil
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from tests.chaos.balancer import Balancer
from tests.chaos.shop import Shop
from tests.chaos.subscriber import Subscriber
from tests.e2e.tenants import administration

from onerouter_local.accounts import OTHERS
from onerouter_local.engines import ApacheKafka, Engine
from onerouter_local.stack import Stack
from onerouter_local.testing import new_broker, scratch_directory

_PATIENT_S: Final = 60.0
"""With the sandbox: what people do there is not to be done twice, however busy the machine is."""
_LOGS_KEPT: Final = Path(".onerouter/chaos")


@dataclass(frozen=True, slots=True)
class Hurt:
    """What runs."""

    stack: Stack
    shop: Shop
    subscriber: Subscriber
    sandbox: httpx.AsyncClient


@asynccontextmanager
async def running(
    seed: int,
    *,
    worker: str,
    environment: Mapping[str, Mapping[str, str]],
    faults: Iterable[Mapping[str, object]],
) -> AsyncIterator[Hurt]:
    """Two of each process of `worker`, gateway and webhooks. `environment`: what each is told beside the usual."""
    async with AsyncExitStack() as cleanup:
        directory = cleanup.enter_context(scratch_directory())
        reads = await cleanup.enter_async_context(Balancer())
        callbacks = await cleanup.enter_async_context(Balancer())
        subscriber = await cleanup.enter_async_context(Subscriber(seed))
        gateway = {
            f"ONEROUTER_GATEWAY_{worker.upper()}_URL": reads.url,
            "ONEROUTER_GATEWAY_WEBHOOKS_URL": callbacks.url,
        }
        broker = new_broker(directory)
        stack = Stack(
            directory,
            replicas={worker: 2, "gateway": 2, "webhooks": 2},
            environment=_environment(broker, {**environment, "gateway": gateway}),
            broker=broker,
        )
        cleanup.callback(_keep_logs, stack)
        reads.backends = [stack.services[name].spec.port for name in (worker, f"{worker}-2")]
        callbacks.backends = [stack.services[name].spec.port for name in ("webhooks", "webhooks-2")]
        began = time.monotonic()
        await cleanup.enter_async_context(stack)
        print(f"  The stack is ready after {time.monotonic() - began:.1f} s: {', '.join(stack.services)}", flush=True)
        sandbox = await cleanup.enter_async_context(
            httpx.AsyncClient(base_url=stack.addresses.url("sandbox"), timeout=_PATIENT_S)
        )
        await _set_providers_up(stack, sandbox, callbacks, faults)
        gateways = [stack.services[name].spec.url for name in ("gateway", "gateway-2")]
        shop = Shop(gateways, stack, sandbox, await _generous_key(stack), run=f"{seed:x}")
        cleanup.push_async_callback(shop.close)
        await _subscribe(gateways[0], stack, subscriber)
        yield Hurt(stack, shop, subscriber, sandbox)


def _environment(broker: Engine, environment: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    # The embedded broker refuses less than 6 s, but is told of the death of a process by its front.
    session = {"ONEROUTER_KAFKA_SESSION_TIMEOUT_S": "3" if isinstance(broker, ApacheKafka) else "6"}
    return {name: own if name == "gateway" else {**session, **own} for name, own in environment.items()}


async def _set_providers_up(
    stack: Stack, sandbox: httpx.AsyncClient, callbacks: Balancer, faults: Iterable[Mapping[str, object]]
) -> None:
    """Their faults, and the one address at which they reach both webhooks processes."""
    secrets = stack.secrets
    razorpay: dict[str, Any] = {
        "key_id": secrets.sandbox_key_id,
        "key_secret": secrets.sandbox_key_secret,
        "webhook_secret": secrets.sandbox_webhook_secret,
    }
    accounts = {"razorpay": razorpay, **{other.provider: other.account(secrets) for other in OTHERS}}
    paths = {"razorpay": secrets.demo_callback_path, **secrets.demo_callback_paths}
    for provider, account in accounts.items():
        url = {"webhook_url": f"{callbacks.url}{paths[provider]}"} if paths[provider] else {}
        (await sandbox.post(f"/control/{provider}/accounts", json={**account, **url})).raise_for_status()
    for fault in faults:
        (await sandbox.post("/control/faults", json=fault)).raise_for_status()


async def _generous_key(stack: Stack) -> str:
    """The shop asks often; being limited is not what this is about."""
    async with administration(stack) as admin:
        created = await admin.api_keys.create(
            stack.secrets.demo_tenant, "test", name="chaos", rate_limit_per_s=2_000, rate_burst=2_000
        )
    return created.key.get_secret_value()


async def _subscribe(gateway: str, stack: Stack, subscriber: Subscriber) -> None:
    async with httpx.AsyncClient(base_url=gateway, timeout=10.0) as client:
        headers = {"Authorization": f"Bearer {stack.secrets.demo_api_key}"}
        answer = await client.post("/v1/webhook-endpoints", json={"url": subscriber.url}, headers=headers)
        answer.raise_for_status()
        subscriber.secret = answer.json()["secret"]


def _keep_logs(stack: Stack) -> None:
    """The last run's logs outlive it, for a person who has to understand a failure."""
    shutil.rmtree(_LOGS_KEPT, ignore_errors=True)
    if stack.log_dir.exists():
        shutil.copytree(stack.log_dir, _LOGS_KEPT)
        print(f"  logs         {_LOGS_KEPT}", flush=True)
