"""Carries recoveries out, step by step: a crash costs the step, which had not happened then."""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Final, Literal

import structlog

from onerouter_common.db.engine import Pool
from onerouter_webhooks.delivery.slots import Lane
from onerouter_webhooks.delivery.worker import DeliveryWorker
from onerouter_webhooks.recovery.model import choose, room_of
from onerouter_webhooks.recovery.repository import PAGE, Recoveries
from onerouter_webhooks.recovery.waiting import FULL_S, PAUSED_S, Waiting

log = structlog.get_logger()

_STEPS: Final = 10
"""Jobs, or steps of one, between two waits."""
_PAUSE_S: Final = 0.1
_NOTED_S: Final = 1.0
"""A job that waits for less long keeps its turn: nothing is written."""


class RecoveryRunner:
    """One a process; several share the jobs."""

    def __init__(self, pool: Pool, worker: DeliveryWorker, *, max_in_flight: int, poll_interval_s: float) -> None:
        self._pool = pool
        self._worker = worker
        self._max_in_flight = max_in_flight
        self._poll_interval_s = poll_interval_s
        self._wake = asyncio.Event()
        self._waiting = Waiting()

    def wake(self) -> None:
        """There may be a new job."""
        self._wake.set()

    async def run(self) -> None:
        """Loop. Raises what the database says, to be called again."""
        while True:
            self._wake.clear()
            pause_s = await self._steps()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()

    async def _steps(self) -> float:
        """How long to leave them alone then, in seconds."""
        has_worked = False
        for _ in range(_STEPS):
            done = await self.step()
            if done == "nothing":
                break
            has_worked = has_worked or done == "worked"
        else:
            return _PAUSE_S
        next_in = self._waiting.next_in(monotonic())
        most_s = _PAUSE_S if has_worked else self._poll_interval_s
        return most_s if next_in is None else min(most_s, next_in)

    async def step(self) -> Literal["worked", "waits", "nothing"]:
        """One step of the job that has waited longest.

        `waits`: there was no room for any of it, and it is left alone for a while; `nothing`: there is no other job.
        """
        queued = 0
        now = monotonic()
        async with self._pool.acquire() as connection, connection.transaction():
            recoveries = Recoveries(connection, self._max_in_flight)
            job = await recoveries.take(self._waiting.ids(now))
            if job is None:
                self._waiting.drop_due(now)
                return "nothing"
            target = await recoveries.find_target(job)
            if target is None:
                await recoveries.cancel(job)  # the endpoint was deleted
                self._waiting.forget(job.id)
                return "worked"
            is_enabled = target.status == "enabled"
            room = room_of(target.on_its_way, target.max_in_flight, has_live=target.has_live)
            # A paused endpoint's job waits with it.
            if not is_enabled or room == 0:
                if self._waiting.put_off(job.id, now, FULL_S if is_enabled else PAUSED_S) >= _NOTED_S:
                    await recoveries.put_off(job)
                return "waits"
            self._waiting.forget(job.id)
            step = choose(await recoveries.candidates(job, target), room, PAGE)
            queued = await recoveries.queue(job, step.chosen)
            await recoveries.note(job, step, queued)
        if queued:
            self._worker.owes([Lane(job.endpoint_id, job.tenant_id)])
        if step.is_last:
            log.info("recovery.finished", recovery_id=job.id, endpoint_id=job.endpoint_id)
        return "worked"
