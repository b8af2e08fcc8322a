"""Processes are killed at random while objects are put, deleted and uploaded at both providers. Afterwards each write was
made once, what was written last is there, and all of it was told in order.

`SEED=… make test-chaos` plays the same schedule again.
"""

import asyncio
import os
import random
import time
from typing import Final

import pytest
from tests.chaos.havoc import Havoc
from tests.chaos.parcels import Parcels, Plan
from tests.chaos.running import running

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(420)]

_REST_S: Final = 150.0
_PEACE_S: Final = 60.0
_IMPATIENT: Final = {
    "storage": {
        "ONEROUTER_STORAGE_LEASE_TTL_S": "3",
        "ONEROUTER_STORAGE_PROVIDER_TIMEOUT_S": "2",
        "ONEROUTER_STORAGE_PROVIDER_ABSENCE_S": "1",
    },
    "webhooks": {
        "ONEROUTER_WEBHOOKS_DELIVERY_TIMEOUT_S": "3",
        "ONEROUTER_WEBHOOKS_DELIVERY_LEASE_MARGIN_S": "1",
        "ONEROUTER_WEBHOOKS_RETRY_OVERLOAD_FLOOR_S": "0.5",
        "ONEROUTER_WEBHOOKS_RETRY_SCHEDULE_S": ",".join(["0.3", "0.5", *["1"] * 10, *["2"] * 30]),
    },
    "sandbox": {"ONEROUTER_SANDBOX_LATENCY_MS": "30"},
}


async def test_each_object_is_written_once_and_what_was_last_is_there() -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**31))
    print(f"\n\n  Crash suite of objects. SEED={seed} plays the same schedule again.", flush=True)
    plan = Plan.of(seed)
    async with running(seed, worker="storage", environment=_IMPATIENT, faults=plan.faults) as hurt:
        havoc, parcels = Havoc(hurt.stack, plan), Parcels(hurt, seed)
        wreaking, bringing = asyncio.create_task(havoc.run()), asyncio.create_task(parcels.bring())
        await asyncio.wait({wreaking})
        broken = wreaking.exception()
        assert broken is None, broken
        await asyncio.wait({bringing}, timeout=_REST_S)
        if bringing.done():
            await bringing
        stuck = [ask for ask in hurt.shop.asks if ask.state == "asking"]
        assert not stuck, [f"SEED={seed} {ask.key}: {' | '.join(ask.timeline)}" for ask in stuck]
        await hurt.sandbox.delete("/control/faults")
        deadline = time.monotonic() + _PEACE_S
        while (problems := await parcels.problems()) and time.monotonic() < deadline:
            await asyncio.sleep(1)  # an event may be on its way
        counts = (await hurt.sandbox.get("/control/ledger/summary")).json()["counts"]
        print(f"  {len(hurt.shop.asks)} requests, {havoc.kills.total()} kills, effects {counts}", flush=True)
        assert not problems, "\n  ".join([f"SEED={seed}: {len(problems)} broken promises", *problems])
        assert len(havoc.restarted) == 2
