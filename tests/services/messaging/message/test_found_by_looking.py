"""A process that starts knows no appointments: what is due it finds by looking, often enough for the promise."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.libs.common.worker.rig import FAST
from tests.services.messaging.examples import SMS_COMMAND

from onerouter_common.db.engine import Pool
from onerouter_messaging.template.renderer.process import Renderers

from . import test_in_doubt
from .test_in_doubt import Post

PROMISE_S = 2.0
CALL_S = 0.5
"""Of the promise: for what is done once it is found."""


class HandMoved:
    """The event loop's time: it goes only when it is told to, so no stalled machine counts."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


async def until(reached: Callable[[], bool]) -> bool:
    """Without a timer: time stands still. Whether it was reached."""
    deadline = time.monotonic() + 20
    while not reached() and time.monotonic() < deadline:
        await asyncio.sleep(0)
    return reached()


async def test_a_process_that_starts_sends_what_is_due_within_the_promise(
    pool: Pool, renderers: Renderers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_in_doubt, "FAST", replace(FAST, lease_ttl_s=60.0))  # however long the machine stands
    post = Post(pool, renderers)
    post.provider.answers.set()
    await post.accept(SMS_COMMAND)
    await pool.execute("UPDATE operations SET due_at = $1", datetime.now(UTC))
    worker = post.worker()
    await worker._lease.renew()
    hand = HandMoved()
    with monkeypatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "time", hand)
        looking = asyncio.create_task(worker._claim_loop())
        await asyncio.sleep(0)
        assert worker._appointments._times == []
        hand.now += PROMISE_S - CALL_S
        assert await until(lambda: bool(post.provider.sent))
        looking.cancel()
        await asyncio.gather(looking, *worker._calls, return_exceptions=True)
    assert len(post.provider.sent) == 1
