"""What was published is taken out of the outbox before the relay finds it there."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.libs.common.worker.rig import until

from onerouter_common.loops import running
from onerouter_common.worker import outbox
from onerouter_common.worker.outbox import OutboxRecord, Publisher


class Rows:
    def __init__(self) -> None:
        self.deleted: list[int] = []

    async def execute(self, _: str, ids: Sequence[int]) -> None:
        self.deleted.extend(ids)


class Log:
    def __init__(self) -> None:
        self.batches: list[int] = []

    async def publish_many(self, records: Sequence[Any]) -> None:
        self.batches.append(len(records))


async def test_what_was_published_is_deleted_soon_however_much_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_DELETE_AFTER_S", 0.05)
    rows = Rows()
    publisher = Publisher(rows, Log(), service="payments")  # type: ignore[arg-type]
    record = OutboxRecord("events.payments.v1", "pay_1", b"{}", "ten_1", "test")

    async def keep_coming() -> None:
        number = 0
        while True:
            publisher.put([record], [number := number + 1])
            await asyncio.sleep(0.005)

    async with running("publisher", publisher.run), running("commits", keep_coming):
        await until(lambda: len(rows.deleted) > 0, timeout_s=30)
    assert len(rows.deleted) < 100  # not only when there were enough of them
    await publisher.drain()
    assert rows.deleted == list(range(1, len(rows.deleted) + 1))


async def test_what_comes_one_by_one_is_told_together_by_who_need_not_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = pauses_of(monkeypatch)
    log = Log()
    publisher = Publisher(Rows(), log, service="messaging", apart_s=600)  # type: ignore[arg-type]
    record = OutboxRecord("events.sms.v1", "msg_1", b"{}", "ten_1", "test")
    async with running("publisher", publisher.run):
        publisher.put([record], [1])
        await until(lambda: len(pauses) == 1)
        for number in (2, 3, 4):
            publisher.put([record], [number])
        assert log.batches == [1]
        pauses[0].set()
        await until(lambda: len(pauses) == 2)
    assert log.batches == [1, 3]


def pauses_of(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.Event]:
    """Pauses of the publisher end when the test says so."""
    pauses: list[asyncio.Event] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        if seconds < 60:
            await real(seconds)
            return
        pauses.append(asyncio.Event())
        await pauses[-1].wait()

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return pauses
