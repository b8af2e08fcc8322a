"""Processes are killed at random while everything that has an effect flows, at all providers. Afterwards nothing is lost
and nothing happened twice.

`SEED=… make test-chaos` plays the same schedule again.
"""

import asyncio
import os
import random
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
from tests.chaos import stories
from tests.chaos.balancer import Balancer
from tests.chaos.books import Books, suspects
from tests.chaos.havoc import Havoc
from tests.chaos.plan import Plan
from tests.chaos.shop import Shop
from tests.chaos.subscriber import Subscriber
from tests.e2e.payers import PAYERS
from tests.e2e.tenants import administration

from onerouter_local.accounts import OTHERS
from onerouter_local.engines import ApacheKafka, Engine
from onerouter_local.stack import Stack
from onerouter_local.testing import new_broker, scratch_directory

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(420)]

_FLOW_S: Final = 130.0
"""After this the havoc ends, whatever is still open: then it must become final in peace."""
_REST_S: Final = 90.0
"""For the stories that are not told to their end by then, on a busy machine."""
_PEACE_S: Final = 40.0
_STILL_S: Final = 3.0
_PATIENT_S: Final = 60.0
"""With the sandbox: what payers do is not to be done twice, however busy the machine is."""
_PROGRESS_S: Final = 5.0
_A_CYCLE_DAYS: Final = 32
"""Once all is quiet: subscriptions that go on are charged again, and payouts arrive."""
_LOGS_KEPT: Final = Path(".onerouter/chaos")

# Everything that waits waits less than in production, so that minutes are enough to see each of it happen.
_IMPATIENT: Final = {
    "payments": {
        "ONEROUTER_PAYMENTS_LEASE_TTL_S": "3",
        "ONEROUTER_PAYMENTS_PROVIDER_TIMEOUT_S": "2",
        "ONEROUTER_PAYMENTS_PROVIDER_ABSENCE_S": "1",
        "ONEROUTER_PAYMENTS_POLL_INTERVAL_S": "2",
    },
    "webhooks": {
        "ONEROUTER_WEBHOOKS_CALLBACK_RELAY_AFTER_S": "2",
        "ONEROUTER_WEBHOOKS_DELIVERY_TIMEOUT_S": "3",
        "ONEROUTER_WEBHOOKS_DELIVERY_LEASE_MARGIN_S": "1",
        "ONEROUTER_WEBHOOKS_RETRY_OVERLOAD_FLOOR_S": "0.5",
        "ONEROUTER_WEBHOOKS_RETRY_SCHEDULE_S": ",".join(["0.3", "0.5", *["1"] * 10, *["2"] * 30]),
    },
    "sandbox": {
        "ONEROUTER_SANDBOX_CALLBACK_RETRY_FIRST_S": "0.3",
        "ONEROUTER_SANDBOX_CALLBACK_RETRY_MOST_S": "2",
        "ONEROUTER_SANDBOX_LATENCY_MS": "30",
    },
}


def _environment(broker: Engine, gateway: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    # The embedded broker refuses less than 6 s, but is told of the death of a process by its front.
    session = {"ONEROUTER_KAFKA_SESSION_TIMEOUT_S": "3" if isinstance(broker, ApacheKafka) else "6"}
    impatient = {service: {**session, **settings} for service, settings in _IMPATIENT.items()}
    return {**impatient, "gateway": gateway}


@pytest.fixture
def plan() -> Plan:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**31))
    print(f"\n\n  Crash suite. SEED={seed} plays the same schedule again.", flush=True)
    return Plan.of(seed)


@asynccontextmanager
async def _running(plan: Plan) -> AsyncIterator[tuple[Stack, Shop, Subscriber, httpx.AsyncClient]]:
    async with AsyncExitStack() as cleanup:
        directory = cleanup.enter_context(scratch_directory())
        reads = await cleanup.enter_async_context(Balancer())
        callbacks = await cleanup.enter_async_context(Balancer())
        subscriber = await cleanup.enter_async_context(Subscriber(plan.seed))
        gateway = {"ONEROUTER_GATEWAY_PAYMENTS_URL": reads.url, "ONEROUTER_GATEWAY_WEBHOOKS_URL": callbacks.url}
        broker = new_broker(directory)
        stack = Stack(
            directory,
            replicas={"payments": 2, "gateway": 2, "webhooks": 2},
            environment=_environment(broker, gateway),
            broker=broker,
        )
        cleanup.callback(_keep_logs, stack)
        reads.backends = [stack.services[name].spec.port for name in ("payments", "payments-2")]
        callbacks.backends = [stack.services[name].spec.port for name in ("webhooks", "webhooks-2")]
        began = time.monotonic()
        await cleanup.enter_async_context(stack)
        print(f"  The stack is ready after {time.monotonic() - began:.1f} s: {', '.join(stack.services)}", flush=True)
        sandbox = await cleanup.enter_async_context(
            httpx.AsyncClient(base_url=stack.addresses.url("sandbox"), timeout=_PATIENT_S)
        )
        await _set_providers_up(stack, sandbox, callbacks, plan)
        gateways = [stack.services[name].spec.url for name in ("gateway", "gateway-2")]
        shop = Shop(gateways, stack, sandbox, await _generous_key(stack), run=f"{plan.seed:x}")
        cleanup.push_async_callback(shop.close)
        await _subscribe(gateways[0], stack, subscriber)
        yield stack, shop, subscriber, sandbox


async def test_nothing_is_lost_and_nothing_happens_twice(plan: Plan) -> None:
    async with _running(plan) as (stack, shop, subscriber, sandbox):
        havoc = Havoc(stack, plan)
        books = Books(stack, shop, subscriber, sandbox)
        progress = asyncio.create_task(_tell_progress(plan, stack, havoc, shop, subscriber))
        wreaking = asyncio.create_task(havoc.run())
        flowing = asyncio.create_task(stories.tell(shop, plan.stories))
        await asyncio.wait({flowing, wreaking}, timeout=_FLOW_S, return_when=asyncio.FIRST_COMPLETED)
        wreaking.cancel()
        broken = (await asyncio.gather(wreaking, return_exceptions=True))[0]
        assert isinstance(broken, asyncio.CancelledError | None), broken
        print(f"  {havoc.elapsed_s:6.1f} s  no more kills; everything must become final and quiet now", flush=True)
        await asyncio.wait({flowing}, timeout=_REST_S)
        stuck = not flowing.done()
        flowing.cancel()
        ended = (await asyncio.gather(flowing, return_exceptions=True))[0]
        assert isinstance(ended, asyncio.CancelledError | None), ended
        await sandbox.delete("/control/faults")
        await _quiet(books)
        for payer in PAYERS.values():
            await payer.days_pass(shop, _A_CYCLE_DAYS)
        await _quiet(books)
        progress.cancel()
        problems = await books.problems()
        await _report(havoc, shop, subscriber, sandbox, plan)
        asked = suspects(shop.asks, problems)
        story = [f"    {ask.key} {ask.operation_id} {ask.state}: {' | '.join(ask.timeline)}" for ask in asked]
        story += await books.explain([ask.operation_id for ask in asked if ask.operation_id])
        assert not problems, "\n  ".join([f"SEED={plan.seed}: {len(problems)} broken promises", *problems, *story])
        assert not stuck
        assert len(shop.asks) == plan.operations >= 500
        assert len(havoc.restarted) == 2


async def _quiet(books: Books) -> None:
    """Until nothing is under way any more, or the patience ends: then the books tell what it is.

    What is in the log and not read yet is in nobody's books, so they have to stay empty for a while.
    """
    deadline, still_since = time.monotonic() + _PEACE_S, time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - still_since < _STILL_S:
        await asyncio.sleep(0.5)
        if await books.unfinished():
            still_since = time.monotonic()


async def _set_providers_up(stack: Stack, sandbox: httpx.AsyncClient, callbacks: Balancer, plan: Plan) -> None:
    """Their faults, and the one address at which they reach both webhooks processes."""
    secrets = stack.secrets
    razorpay = {
        "key_id": secrets.sandbox_key_id,
        "key_secret": secrets.sandbox_key_secret,
        "webhook_secret": secrets.sandbox_webhook_secret,
    }
    accounts = {"razorpay": razorpay, **{other.provider: other.account(secrets) for other in OTHERS}}
    paths = {"razorpay": secrets.demo_callback_path, **secrets.demo_callback_paths}
    for provider, account in accounts.items():
        body = {**account, "webhook_url": f"{callbacks.url}{paths[provider]}"}
        (await sandbox.post(f"/control/{provider}/accounts", json=body)).raise_for_status()
    for fault in plan.faults:
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


async def _tell_progress(plan: Plan, stack: Stack, havoc: Havoc, shop: Shop, subscriber: Subscriber) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_S)
        up = sum(process.serving.is_set() for process in stack.services.values())
        print(
            f"  {havoc.elapsed_s:6.1f} s  {shop.done:>3}/{plan.operations} operations final, "
            f"{len(shop.asks) - shop.done:>2} open   {havoc.kills.total():>2} kills, {up}/{len(stack.services)} up   "
            f"{len(subscriber.accepted)} events",
            flush=True,
        )


async def _report(havoc: Havoc, shop: Shop, subscriber: Subscriber, sandbox: httpx.AsyncClient, plan: Plan) -> None:
    kinds = (await sandbox.get("/control/ledger/summary")).json()
    tries = sum(len(ask.timeline) for ask in shop.asks)
    callbacks = (await sandbox.get("/control/callbacks", params={"limit": 10_000})).json()
    callback_tries = sum(len(one["tries"]) for one in callbacks["data"])
    print(f"\n  SEED={plan.seed}, {havoc.elapsed_s:.0f} s")
    print(f"  kills        {havoc.kills.total()}: {dict(sorted(havoc.kills.items()))}; {havoc.skipped} spared")
    for restart in havoc.restarted:
        print(f"  restart      {restart}")
    print(f"  operations   {shop.done} of {plan.operations} final, by {tries} requests")
    print(f"  effects      {kinds['counts']}; {kinds['repeated_count']} of them happened twice")
    print(f"  callbacks    {callbacks['counts']}, by {callback_tries} tries")
    print(f"  events       {len(subscriber.accepted)} accepted, {subscriber.failed} answered 500", flush=True)


def _keep_logs(stack: Stack) -> None:
    """The last run's logs outlive it, for a person who has to understand a failure."""
    shutil.rmtree(_LOGS_KEPT, ignore_errors=True)
    if stack.log_dir.exists():
        shutil.copytree(stack.log_dir, _LOGS_KEPT)
        print(f"  logs         {_LOGS_KEPT}", flush=True)
