"""Processes are killed at random while everything that has an effect flows, at all providers. Afterwards nothing is lost
and nothing happened twice.

`SEED=… make test-chaos` plays the same schedule again.
"""

import asyncio
import os
import random
import time
from typing import Final

import httpx
import pytest
from tests.chaos import stories
from tests.chaos.books import Books, suspects
from tests.chaos.havoc import Havoc
from tests.chaos.plan import Plan
from tests.chaos.running import running
from tests.chaos.shop import Shop
from tests.chaos.subscriber import Subscriber
from tests.e2e.payers import PAYERS

from onerouter_local.stack import Stack

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(420)]

_FLOW_S: Final = 130.0
"""After this the havoc ends, whatever is still open: then it must become final in peace."""
_REST_S: Final = 90.0
"""For the stories that are not told to their end by then, on a busy machine."""
_PEACE_S: Final = 40.0
_STILL_S: Final = 3.0
_PROGRESS_S: Final = 5.0
_A_CYCLE_DAYS: Final = 32
"""Once all is quiet: subscriptions that go on are charged again, and payouts arrive."""

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


@pytest.fixture
def plan() -> Plan:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**31))
    print(f"\n\n  Crash suite. SEED={seed} plays the same schedule again.", flush=True)
    return Plan.of(seed)


async def test_nothing_is_lost_and_nothing_happens_twice(plan: Plan) -> None:
    async with running(plan.seed, worker="payments", environment=_IMPATIENT, faults=plan.faults) as hurt:
        stack, shop, subscriber, sandbox = hurt.stack, hurt.shop, hurt.subscriber, hurt.sandbox
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
        stuck, awaited = not flowing.done(), [f"{path}: {seen}" for path, seen in shop.awaited.items()]
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
        assert not stuck, "\n  ".join([f"SEED={plan.seed}: not ended; waited in vain for", *awaited])
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
