"""Processes are killed at random while SMS and emails are sent by all six providers. Afterwards none is lost where the
provider can tell a repeat or be asked, and none came twice, whoever sent it.

`SEED=… make test-chaos` plays the same schedule again.
"""

import asyncio
import os
import random
import time
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Final

import pytest
from tests.chaos.havoc import Havoc, bring_down, start
from tests.chaos.letters import SETTLES, Letter, Plan, Post
from tests.chaos.running import Hurt, running
from tests.e2e.addressees import ADDRESSEES

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(420)]

_REST_S: Final = 120.0
_PEACE_S: Final = 120.0
_PLANNED_AHEAD_S: Final = (20.0, 75.0)
"""Some are due soon after the death, maybe before all is ready again; some when it is, on any machine that can tell."""
_READY_S: Final = 120.0
_DEATH_AT_S: Final = 6.0
_IMPATIENT: Final = {
    "messaging": {
        "ONEROUTER_MESSAGING_LEASE_TTL_S": "3",
        "ONEROUTER_MESSAGING_PROVIDER_TIMEOUT_S": "2",
        "ONEROUTER_MESSAGING_PROVIDER_ABSENCE_S": "1",
        "ONEROUTER_MESSAGING_POLL_INTERVAL_S": "2",
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


async def test_no_message_is_lost_and_none_comes_twice() -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**31))
    print(f"\n\n  Crash suite of messages. SEED={seed} plays the same schedule again.", flush=True)
    plan = Plan.of(seed)
    async with running(seed, worker="messaging", environment=_IMPATIENT, faults=plan.faults) as hurt:
        havoc, post = Havoc(hurt.stack, plan), Post(hurt)
        wreaking = asyncio.create_task(havoc.run())
        writing = asyncio.create_task(post.write(plan.letters))
        await asyncio.wait({wreaking})
        broken = wreaking.exception()
        assert broken is None, broken
        await asyncio.wait({writing}, timeout=_REST_S)
        stuck = [ask for ask in hurt.shop.asks if ask.state == "asking"]
        writing.cancel()
        await hurt.sandbox.delete("/control/faults")
        problems = await _in_peace(post)
        kills = (await hurt.sandbox.get("/control/ledger/summary")).json()["counts"]
        print(f"  {len(post.posted)} messages, {havoc.kills.total()} kills, effects {kills}", flush=True)
        assert not stuck, [f"{ask.key}: {' | '.join(ask.timeline)}" for ask in stuck]
        assert not problems, "\n  ".join([f"SEED={seed}: {len(problems)} broken promises", *problems])
        assert len(havoc.restarted) == 2


async def test_planned_messages_survive_the_death_of_everything() -> None:
    """Nothing of ours is alive between the request and its time, but what is on the disk."""
    letters = [
        Letter(number, provider, 0.0, ahead_s, addressee.new_address())
        for number, (ahead_s, (provider, addressee)) in enumerate(product(_PLANNED_AHEAD_S, ADDRESSEES.items()))
    ]
    async with running(1, worker="messaging", environment=_IMPATIENT, faults=()) as hurt:
        post = Post(hurt, dies_in_calls=False)
        began, began_at = time.monotonic(), datetime.now(UTC)
        await post.write(letters)
        await asyncio.sleep(max(0.0, _DEATH_AT_S - (time.monotonic() - began)))
        died_at = await _kill_everything(hurt)
        assert all(posted.send_at is not None and died_at < posted.send_at for posted in post.posted), (
            "too slow to tell"
        )
        post.ready_at = datetime.now(UTC)
        watching = asyncio.create_task(post.stalls.watch())
        problems = await _in_peace(post)
        watching.cancel()
        assert not problems, "\n  ".join(problems)
        in_time = {posted.letter.provider for posted in post.posted if post.is_to_be_in_time(posted)}
        print(
            f"  {len(post.posted)} messages came; {len(in_time)} providers were ready in time to be judged by it",
            flush=True,
        )
        assert in_time == ADDRESSEES.keys() or post.ready_at + SETTLES > began_at + timedelta(
            seconds=_PLANNED_AHEAD_S[-1]
        )


async def _kill_everything(hurt: Hurt) -> datetime:
    """kill -9 of every process but the providers', of PostgreSQL and of Apache Kafka (the embedded broker is told to end).

    When they were dead; returns once they were started again and are all ready.
    """
    killed = [process for process in hurt.stack.services.values() if process.spec.service != "sandbox"]
    lives = [process.restarts for process in killed]
    for process in killed:
        process.kill()
    hurt.stack.postgres.kill()
    print(f"  {await bring_down(hurt.stack.broker)}", flush=True)
    died_at = datetime.now(UTC)
    await asyncio.gather(start(hurt.stack.postgres), start(hurt.stack.broker))
    async with asyncio.timeout(_READY_S):
        for process, before in zip(killed, lives, strict=True):
            while process.restarts == before or not process.serving.is_set():
                await asyncio.sleep(0.05)
    return died_at


async def _in_peace(post: Post) -> list[str]:
    """What is wrong once everything is quiet, or the patience ends."""
    deadline = time.monotonic() + _PEACE_S
    while await post.unfinished() and time.monotonic() < deadline:
        await asyncio.sleep(1)
    while (problems := await post.problems()) and time.monotonic() < deadline:
        await asyncio.sleep(1)  # an event may be on its way
    return problems + [f"not ended: {one}" for one in await post.unfinished()]
