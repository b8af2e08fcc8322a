"""What is stored together: nothing that somebody waits for is held up for it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from onerouter_common.clock import SystemClock
from onerouter_common.worker import settlement
from onerouter_common.worker.execution import Finished
from onerouter_common.worker.handler import Succeeded
from onerouter_common.worker.settlement import Settlement

NEVER_S = 1_000.0


def result(priority: int) -> Finished:
    started: Any = SimpleNamespace(op=SimpleNamespace(priority=priority, payload={}))
    return Finished(started, Succeeded(None))


@pytest.fixture
def results() -> Settlement:
    nothing: Any = None
    return Settlement(nothing, nothing, SystemClock(), owner="wrk_1")


async def test_what_somebody_waits_for_goes_at_once_and_takes_bulk_along(
    results: Settlement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "_LINGER_S", NEVER_S)
    results.add(result(0))
    assert len(await results.next_batch()) == 1
    batch = asyncio.create_task(results.next_batch())
    results.add(result(1))
    await asyncio.sleep(0)
    results.add(result(1))
    await asyncio.sleep(0)
    assert not batch.done()
    results.add(result(0))
    assert [one.started.op.priority for one in await batch] == [1, 1, 0]


async def test_bulk_waits_for_others_a_moment_only(results: Settlement) -> None:
    results.add(result(1))
    asyncio.get_running_loop().call_later(settlement._LINGER_S / 10, results.add, result(1))
    assert len(await results.next_batch()) == 2


async def test_as_many_as_one_commit_takes_do_not_wait(results: Settlement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settlement, "_LINGER_S", NEVER_S)
    for _ in range(settlement._MOST):
        results.add(result(1))
    assert len(await results.next_batch()) == settlement._MOST


async def test_a_worker_that_ends_waits_for_nothing(results: Settlement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settlement, "_LINGER_S", NEVER_S)
    results.add(result(1))
    results.close()
    assert len(await results.next_batch()) == 1
    assert await results.next_batch() == []
