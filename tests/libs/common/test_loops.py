"""Background loops: restarted when they fail, surely ended when they must."""

import asyncio
from collections.abc import Callable

import pytest
import structlog
from structlog.testing import LogCapture

from onerouter_common import loops
from onerouter_common.loops import end, running


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_loop_that_fails_is_called_again() -> None:
    calls: list[int] = []

    async def fails_once() -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            raise RuntimeError("once")
        await asyncio.Event().wait()

    async with running("test", fails_once):
        await eventually(lambda: len(calls) == 2)


async def test_of_what_a_loop_raises_only_the_class_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    captured = LogCapture()
    monkeypatch.setattr(
        loops, "log", structlog.wrap_logger(None, processors=[captured], wrapper_class=structlog.BoundLogger)
    )

    async def fails() -> None:
        raise RuntimeError("row of ten_1: whsec_secret")

    async with running("test", fails):
        await eventually(lambda: captured.entries)
    assert captured.entries[0]["error"] == "RuntimeError"
    assert "whsec_secret" not in str(captured.entries)


async def test_a_task_that_loses_its_first_cancellation_still_ends() -> None:
    started = asyncio.Event()

    async def stubborn() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await started.wait()
    await end(task)
    assert task.cancelled()
