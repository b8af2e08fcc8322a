"""Work that comes round again for as long as the service runs: sweeping, re-checking."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from onerouter_common import metric_names
from onerouter_common.db.availability import is_away
from onerouter_common.loops import end

log = structlog.get_logger()


@asynccontextmanager
async def periodically(name: str, every_s: float, work: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Call `work` now and then every `every_s` seconds, for the length of the block. What it raises ends that call only."""
    task = asyncio.create_task(_repeat(name, every_s, work), name=name)
    try:
        yield
    finally:
        await end(task)


async def _repeat(name: str, every_s: float, work: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await work()
        except Exception as error:
            if is_away(error):
                log.warning("registry.periodic.delayed", work=name, error=type(error).__name__)
            else:
                log.exception("registry.periodic.failed", work=name)
                metric_names.LOOP_RESTARTS.labels(f"registry-{name}").inc()
        await asyncio.sleep(every_s)
