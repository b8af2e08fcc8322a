"""Background loops that must not end: supervised, restarted after a failure, stopped with the process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog

from onerouter_common.metric_names import LOOP_RESTARTS
from onerouter_common.retry import Backoff

log = structlog.get_logger()

_BACKOFF: Final = Backoff(first_s=0.2, most_s=5.0)
_HEALTHY_AFTER_S: Final = 30.0


@asynccontextmanager
async def running(name: str, loop: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run `loop` for the length of the block. What it raises is logged and counted, and it is called again."""
    task = asyncio.create_task(_supervise(name, loop), name=name)
    try:
        yield
    finally:
        await end(task)


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait until it has ended.

    Once may not be enough: `asyncio.wait_for` of Python 3.11 loses a cancellation that comes together with its result.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1.0)


async def _supervise(name: str, loop: Callable[[], Awaitable[None]]) -> None:
    clock = asyncio.get_running_loop()
    failures = 0
    while True:
        started = clock.time()
        try:
            await loop()
        except Exception as error:
            failures = 1 if clock.time() - started > _HEALTHY_AFTER_S else failures + 1
            LOOP_RESTARTS.labels(loop=name).inc()
            # Only its class: the text may quote a row, an address or a token.
            log.warning("loop.failed", loop=name, failures=failures, error=type(error).__name__)
        await asyncio.sleep(_BACKOFF.wait_s(failures))
