"""What is published together, and when a process takes up what others may have left unpublished."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from onerouter_common.loops import running
from onerouter_webhooks.callback import publisher as publishing
from onerouter_webhooks.callback.model import Unpublished
from onerouter_webhooks.callback.publisher import CallbackPublisher

from ..conftest import Rest, eventually


class Log:
    """Takes a batch when it is let."""

    is_ready = True

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.batches: list[int] = []

    @property
    def taken(self) -> int:
        return sum(self.batches)

    async def publish_many(self, records: Sequence[Any]) -> None:
        await self.open.wait()
        self.batches.append(len(records))


class Rows:
    """What a database says that still has one row of somebody else's."""

    def __init__(self) -> None:
        self.claims = 0

    async def claim_unpublished(self, limit: int) -> list[Unpublished]:
        self.claims += 1
        return [] if self.claims > 1 else [a_row("cb_left")]

    async def mark_published(self, ids: Sequence[str]) -> None:
        return None


def a_row(id_: str) -> Unpublished:
    return Unpublished(id_, "payments", "razorpay", "pay_1", b"{}", datetime.now(UTC))


async def test_what_comes_alone_is_published_at_once_and_what_follows_it_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rest = Rest(monkeypatch, publishing)
    log = Log()
    log.open.set()
    publisher = CallbackPublisher(Rows(), log, apart_s=600.0)  # type: ignore[arg-type]
    async with running("offered", publisher.publish_offered):
        publisher.offer(a_row("cb_first"), ())
        await eventually(lambda: log.taken == 1, what="the first")
        assert 0 < await rest.asked_s() <= 600
        for number in range(3):
            publisher.offer(a_row(f"cb_{number}"), ())
            for _ in range(5):
                await asyncio.sleep(0)
        rest.end()
        await eventually(lambda: log.taken == 4, what="the others")
    assert log.batches == [1, 3]


async def test_a_process_that_is_behind_with_its_own_leaves_the_rest_alone_until_it_has_caught_up() -> None:
    log, rows = Log(), Rows()
    publisher = CallbackPublisher(rows, log)  # type: ignore[arg-type]
    for number in range(1_000):
        publisher.offer(a_row(f"cb_{number}"), ())
    async with running("offered", publisher.publish_offered), running("leftovers", publisher.sweep_leftovers):
        await asyncio.sleep(0.05)
        assert rows.claims == 0
        log.open.set()
        await eventually(lambda: log.taken == 1_001, what="its own and what was left")
