"""One of the relay's loops: works, waits until woken or until its time has come, and never ends on its own."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from onerouter_common import metric_names
from onerouter_common.broker import BrokerUnavailable
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.loops import end

log = structlog.get_logger()


class Loop:
    """`work` returns the seconds until it is to be called again; after it failed these are `retry_s`."""

    def __init__(self, name: str, work: Callable[[], Awaitable[float]], *, retry_s: float) -> None:
        self._name = name
        self._work = work
        self._retry_s = retry_s
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"outbox-{self._name}")

    def wake(self) -> None:
        self._wake.set()

    async def stop(self, timeout_s: float) -> None:
        """Let it end what it is at, for so long: cut off in the middle of a batch it would publish that batch again."""
        self._stopping = True
        self._wake.set()
        if self._task is None:
            return
        await asyncio.wait([self._task], timeout=timeout_s)
        await end(self._task)

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            wait_s = await self._work_once()
            if wait_s > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._wake.wait()

    async def _work_once(self) -> float:
        try:
            return await self._work()
        except (BrokerUnavailable, *DATABASE_AWAY) as error:
            log.warning("registry.outbox.delayed", loop=self._name, error=type(error).__name__)
        except Exception:
            # A loop that ends unseen would leave revoked keys working: say it loudly and go on.
            log.exception("registry.outbox.failed", loop=self._name)
            metric_names.LOOP_RESTARTS.labels(f"registry-outbox-{self._name}").inc()
        return self._retry_s
