"""Sends what is owed: straight from the fan-out while there is room, else from the queue, fairly, until it is taken."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

import structlog

from onerouter_common.clock import Clock
from onerouter_common.ids import ATTEMPT, new_id
from onerouter_common.metric_names import (
    DELIVERIES_FENCED,
    DELIVERIES_FINISHED,
    DELIVERIES_IN_FLIGHT,
    DELIVERIES_RECLAIMED,
    DELIVERY_ATTEMPT_SECONDS,
    DELIVERY_ATTEMPTS,
)
from onerouter_common.retry import Backoff
from onerouter_webhooks.database import DATABASE_AWAY
from onerouter_webhooks.delivery.decide import after_answer, asks_for_less, before_sending
from onerouter_webhooks.delivery.queue import Attempt, Completion, Decision, Finished, Lease, TryAgain, Work
from onerouter_webhooks.delivery.repository import DeliveryQueue
from onerouter_webhooks.delivery.schedule import RetrySchedule
from onerouter_webhooks.delivery.slots import Lane, Slots
from onerouter_webhooks.delivery.transport import Answer, Transport
from onerouter_webhooks.endpoint.keys import SigningKeys, SigningKeysUnavailable
from onerouter_webhooks.group_commit import GroupCommit
from onerouter_webhooks.signing import headers as signed_headers

log = structlog.get_logger()

_RECLAIM_BATCH: Final = 1_000
_COMPLETE: Final = Backoff(first_s=0.1, most_s=2.0)


class DeliveryWorker:
    """One a process. Who offers work to `start` has taken its slot and holds its lease."""

    def __init__(
        self,
        *,
        queue: DeliveryQueue,
        slots: Slots,
        transport: Transport,
        keys: SigningKeys,
        schedule: RetrySchedule,
        completions: GroupCommit[Completion, bool],
        clock: Clock,
        lease: Lease,
        poll_interval_s: float,
    ) -> None:
        self._queue = queue
        self._slots = slots
        self._transport = transport
        self._keys = keys
        self._schedule = schedule
        self._completions = completions
        self._clock = clock
        self.lease: Final = lease
        self._poll_interval_s = poll_interval_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._backlogged: set[str] = set()
        self._backlogged_tenants: set[str] = set()
        self._served: dict[str, float] = {}
        self._draining = False

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    def reserve(self, lane: Lane) -> bool:
        """Take a slot for a delivery that is about to be inserted as leased; `start` or `give_back` must follow."""
        # What is older goes first: a new one joins the queue behind it.
        return not self._draining and lane.endpoint_id not in self._backlogged and self._slots.take(lane)

    def give_back(self, lane: Lane) -> None:
        """The insert did not happen."""
        self._slots.free(lane)

    def start(self, work: Work) -> None:
        """Send it now."""
        task = asyncio.create_task(self._deliver(work), name="delivery")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        DELIVERIES_IN_FLIGHT.set(len(self._tasks))

    def wake(self) -> None:
        """Something in the queue may be due."""
        self._wake.set()

    async def claim_due(self) -> None:
        """Loop: lease what is due and start it; sleep until the next is due, a slot is free or the poll interval ends."""
        reclaimed_at = 0.0
        while not self._draining:
            if monotonic() - reclaimed_at >= self._poll_interval_s:
                await self._reclaim()
                reclaimed_at = monotonic()
            self._wake.clear()
            soonest_s = await self._claim()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(self._poll_interval_s, soonest_s)):
                    await self._wake.wait()

    async def drain(self, timeout_s: float) -> None:
        """Claim no more, let what is in flight finish, and free the leases of what did not."""
        self._draining = True
        self.wake()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout_s)
        for task in set(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=5.0)
        try:
            released = await self._queue.release(self.lease.owner)
        except DATABASE_AWAY as error:
            log.warning("deliveries.not_released", error=type(error).__name__)  # their leases end by themselves
        else:
            log.info("deliveries.drained", released=released)

    async def _reclaim(self) -> None:
        count = await self._queue.reclaim_expired(_RECLAIM_BATCH)
        if count:
            DELIVERIES_RECLAIMED.inc(count)
            log.info("deliveries.reclaimed", count=count)

    async def _claim(self) -> float:
        """Seconds until something else is due, as far as is known."""
        due = await self._queue.due()
        overdue = [one.lane for one in due if one.wait_s <= 0]
        shares = self._slots.share(self._in_turn(overdue))
        claimed = await self._claim_shares(shares)
        for work in claimed:
            self.start(work)
        self._note_backlog(overdue, shares, claimed)
        return min((one.wait_s for one in due if one.wait_s > 0), default=self._poll_interval_s)

    async def _claim_shares(self, shares: dict[Lane, int]) -> list[Work]:
        if not shares:
            return []
        try:
            claimed = await self._queue.claim(shares, self.lease)
        except BaseException:
            self._return_unused(shares, [])
            raise
        self._return_unused(shares, claimed)
        return claimed

    def _return_unused(self, shares: dict[Lane, int], claimed: list[Work]) -> None:
        unused = dict(shares)
        for work in claimed:
            unused[work.lane] -= 1
        for lane, count in unused.items():
            for _ in range(count):
                self._slots.free(lane)

    def _in_turn(self, lanes: Iterable[Lane]) -> list[Lane]:
        """Who was served longest ago comes first."""
        return sorted(lanes, key=lambda lane: self._served.get(lane.endpoint_id, 0.0))

    def _note_backlog(self, overdue: list[Lane], shares: dict[Lane, int], claimed: list[Work]) -> None:
        """An endpoint that used all it was given may have more: its next free slot wakes the loop."""
        now = monotonic()
        taken: dict[str, int] = {}
        for work in claimed:
            taken[work.endpoint_id] = taken.get(work.endpoint_id, 0) + 1
            self._served[work.endpoint_id] = now
        waiting = [lane for lane in overdue if taken.get(lane.endpoint_id, 0) >= shares.get(lane, 0)]
        self._backlogged = {lane.endpoint_id for lane in waiting}
        self._backlogged_tenants = {lane.tenant_id for lane in waiting}
        if len(self._served) > 10_000:
            self._served = {key: at for key, at in self._served.items() if now - at < 60}

    def _may_have_waited_for(self, lane: Lane) -> bool:
        """Whether a slot of this lane, just freed, may be what something in the queue needs."""
        was_full = self._slots.in_flight + 1 >= self._slots.total
        return bool(self._backlogged) and (
            was_full or lane.endpoint_id in self._backlogged or lane.tenant_id in self._backlogged_tenants
        )

    async def _deliver(self, work: Work) -> None:
        overloaded: bool | None = None
        try:
            decision, attempt = await self._attempt(work)
            overloaded = asks_for_less(attempt.answer) if attempt is not None else None
        finally:
            # The bounds are about requests: the next one need not wait until this one's result is committed.
            self._slots.free(work.lane, overloaded=overloaded)
            if self._may_have_waited_for(work.lane):
                self.wake()
        await self._complete(Completion(work, decision, attempt, self._clock.now()))
        if isinstance(decision, TryAgain) and decision.wait_s < self._poll_interval_s:
            self.wake()

    async def _attempt(self, work: Work) -> tuple[Decision, Attempt | None]:
        refused = before_sending(work)
        if refused is not None or work.url is None or work.body is None:
            return refused or Finished("canceled"), None
        started_at, started = self._clock.now(), monotonic()
        try:
            answer = await self._request(work, work.url, work.body, started_at)
        except SigningKeysUnavailable as error:
            log.warning("delivery.unsignable", endpoint_id=work.endpoint_id, why=str(error))
            return TryAgain(error.retry_in_s), None
        except Exception as error:
            # What nobody thought of counts as any other failure: else it would be tried again for ever, uncounted.
            log.exception("delivery.attempt.broken", delivery_id=work.delivery_id, error=type(error).__name__)
            answer = Answer(None, "internal", int((monotonic() - started) * 1000), {})
        self._observe(work, answer)
        attempt = Attempt(new_id(ATTEMPT), work.attempts + 1, started_at, answer)
        return after_answer(work, answer, self._schedule, self._clock.now()), attempt

    async def _request(self, work: Work, url: str, body: bytes, at: datetime) -> Answer:
        secrets = await self._keys.secrets_of(work.endpoint_id, work.endpoint_version, at)
        headers = signed_headers(secrets, work.event_id, int(at.timestamp()), body)
        return await self._transport.post(url, body, headers)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        DELIVERIES_IN_FLIGHT.set(len(self._tasks))
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("delivery.failed", exc_info=error)  # its lease ends, then it is tried again

    async def _complete(self, completion: Completion) -> None:
        """Until the database has it, or the lease is over and another process takes the delivery."""
        give_up_at = monotonic() + self.lease.length.total_seconds()
        failures = 0
        while True:
            try:
                applied = await self._completions.submit(completion)
            except DATABASE_AWAY as error:
                failures += 1
                if monotonic() > give_up_at:
                    log.warning("delivery.result.lost", delivery_id=completion.work.delivery_id)
                    return
                log.info("delivery.result.postponed", failures=failures, error=type(error).__name__)
                await asyncio.sleep(_COMPLETE.wait_s(failures))
                continue
            if not applied:
                DELIVERIES_FENCED.inc()
            elif isinstance(completion.decision, Finished):
                DELIVERIES_FINISHED.labels(completion.decision.outcome).inc()
            return

    def _observe(self, work: Work, answer: Answer) -> None:
        DELIVERY_ATTEMPTS.labels("delivered" if answer.delivered else answer.failure or "status").inc()
        DELIVERY_ATTEMPT_SECONDS.observe(answer.duration_ms / 1000)
        log.info(
            "delivery.attempt.finished",
            delivery_id=work.delivery_id,
            endpoint_id=work.endpoint_id,
            event_id=work.event_id,
            number=work.attempts + 1,
            status=answer.status,
            failure=answer.failure,
            duration_ms=answer.duration_ms,
        )


def lease_of(worker_id: str, length_s: float) -> Lease:
    """This process's lease on what it works on."""
    return Lease(worker_id, timedelta(seconds=length_s))
