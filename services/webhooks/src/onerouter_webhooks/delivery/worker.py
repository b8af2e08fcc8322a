"""Sends what is owed: straight from the fan-out while there is room, else from the queue, fairly, until it is taken."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from functools import cache
from time import monotonic
from typing import Final

import structlog

from onerouter_common.clock import Clock
from onerouter_common.egress import ProxyAway
from onerouter_common.ids import ATTEMPT, new_id
from onerouter_common.metric_names import (
    DELIVERIES_FENCED,
    DELIVERIES_FINISHED,
    DELIVERIES_IN_FLIGHT,
    DELIVERIES_RECLAIMED,
    DELIVERIES_UNSIGNED,
    DELIVERY_ATTEMPT_SECONDS,
    DELIVERY_ATTEMPTS,
    DELIVERY_RESENT,
)
from onerouter_common.retry import Backoff
from onerouter_webhooks.database import DATABASE_AWAY
from onerouter_webhooks.delivery.decide import after_answer, asks_for_less, before_sending
from onerouter_webhooks.delivery.dispatch import Dispatch
from onerouter_webhooks.delivery.lookback import Lookback
from onerouter_webhooks.delivery.queue import (
    MANUAL,
    Attempt,
    Completion,
    Decision,
    Finished,
    Hold,
    Lease,
    TryAgain,
    Work,
)
from onerouter_webhooks.delivery.repository import DeliveryQueue
from onerouter_webhooks.delivery.requests import Requests
from onerouter_webhooks.delivery.schedule import RetrySchedule
from onerouter_webhooks.delivery.slots import Lane, Slots
from onerouter_webhooks.delivery.transport import UNSIGNED, Answer
from onerouter_webhooks.endpoint.keys import SigningKeysUnavailable
from onerouter_webhooks.group_commit import GroupCommit

log = structlog.get_logger()

_RECLAIM_BATCH: Final = 1_000
_COMPLETE: Final = Backoff(first_s=0.1, most_s=2.0)
_PROXY_AWAY_S: Final = 15.0


# To find a label's counter takes longer than to count.
_attempts = cache(DELIVERY_ATTEMPTS.labels)
_finished = cache(DELIVERIES_FINISHED.labels)


class DeliveryWorker:
    """One a process. Who offers work to `start` has taken its slot and holds its lease."""

    def __init__(
        self,
        *,
        queue: DeliveryQueue,
        slots: Slots,
        requests: Requests,
        schedule: RetrySchedule,
        completions: GroupCommit[Completion, bool],
        clock: Clock,
        lease: Lease,
        poll_interval_s: float,
    ) -> None:
        self._queue = queue
        self._slots = slots
        self._requests = requests
        self._schedule = schedule
        self._completions = completions
        self._clock = clock
        self.lease: Final = lease
        self._poll_interval_s = poll_interval_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._dispatch = Dispatch(queue, slots, lease)
        self._draining = False
        self._claiming = asyncio.Lock()
        self._reclaim_now = False
        self._find_asked = False
        self._lookback = Lookback()

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    def reserve(self, lane: Lane) -> bool:
        """Take a slot for a delivery that is about to be inserted as leased; `start` or `give_back` must follow."""
        # What is older goes first: a new one joins the queue behind it.
        is_first = not self._draining and not self._dispatch.agenda.is_waiting(lane.endpoint_id)
        return is_first and self._slots.take(lane)

    def bound(self, endpoint_id: str, most: int | None) -> None:
        """How many requests at once the endpoint asks for; None: as many as usual."""
        self._slots.bound(endpoint_id, most)

    def give_back(self, lane: Lane) -> None:
        """The insert did not happen."""
        self._free(lane)

    def start(self, work: Work) -> None:
        """Send it now."""
        task = asyncio.create_task(self._deliver(work), name="delivery")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        DELIVERIES_IN_FLIGHT.set(len(self._tasks))

    def owes(self, lanes: Iterable[Lane]) -> None:
        """Something in the queue is due for these."""
        for lane in lanes:
            self._dispatch.agenda.note(lane)
        self._wake.set()

    def wake(self) -> None:
        """Somebody may have asked for something to be sent by hand."""
        self._find_asked = True
        self._wake.set()

    def look_over(self) -> None:
        """An endpoint was stopped, started or deleted: what it is owed is to be put aside, taken up or canceled."""
        self._reclaim_now = True
        self._wake.set()

    async def claim_due(self) -> None:
        """Loop: lease what is due and start it; sleep until the next is due, a slot is free or the poll interval ends."""
        reclaimed_at = 0.0
        while not self._draining:
            self._wake.clear()
            async with self._claiming:
                if self._reclaim_now or monotonic() - reclaimed_at >= self._poll_interval_s:
                    self._reclaim_now, self._find_asked = False, True
                    await self._reclaim()
                    await self._dispatch.look_around()
                    self._reclaim_now = self._reclaim_now or not self._dispatch.has_seen_all
                    reclaimed_at = monotonic()
                if self._find_asked:
                    self._find_asked = False
                    await self._dispatch.find_asked()
                if not self._draining:
                    await self._dispatch.claim(self._begin)
            next_in_s = 0.0 if self._reclaim_now else self._dispatch.next_in()
            rest_s = self._poll_interval_s - (monotonic() - reclaimed_at)
            with suppress(TimeoutError):
                async with asyncio.timeout(rest_s if next_in_s is None else min(rest_s, next_in_s)):
                    await self._wake.wait()

    def _begin(self, work: Work) -> None:
        if self._draining:  # who drains frees their leases, too
            self._slots.free(work.lane)
        else:
            self.start(work)

    def _free(self, lane: Lane, *, overloaded: bool | None = None) -> None:
        self._slots.free(lane, overloaded=overloaded)
        if self._dispatch.agenda.freed(lane):
            self._wake.set()

    async def drain(self, timeout_s: float) -> None:
        """Claim no more, let what is in flight finish, and free the leases of what did not."""
        self._draining = True
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                async with self._claiming:
                    pass  # what is being claimed right now has its lease: freed below, not after that
                while self._tasks:
                    await asyncio.wait(set(self._tasks))
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
        back_s = self._lookback.begin()
        reclaimed = await self._queue.reclaim_expired(_RECLAIM_BATCH, back_s)
        self._lookback.end(back_s, is_all=len(reclaimed) < _RECLAIM_BATCH)
        if reclaimed:
            DELIVERIES_RECLAIMED.inc(len(reclaimed))
            log.info("deliveries.reclaimed", count=len(reclaimed))
        taken_up = await self._queue.take_up(_RECLAIM_BATCH)
        self._reclaim_now = self._reclaim_now or taken_up.total() >= _RECLAIM_BATCH  # there may be more
        for lane in {*reclaimed, *taken_up}:
            self._dispatch.agenda.note(lane)

    async def _deliver(self, work: Work) -> None:
        overloaded: bool | None = None
        try:
            decision, attempt = await self._attempt(work)
            if attempt is not None and attempt.answer.failure != UNSIGNED:
                overloaded = asks_for_less(attempt.answer)
        finally:
            # The bounds are about requests: the next one need not wait until this one's result is committed.
            self._free(work.lane, overloaded=overloaded)
        await self._complete(Completion(work, decision, attempt, self._clock.now()))
        self._note_what_follows(work, decision)

    def _note_what_follows(self, work: Work, decision: Decision) -> None:
        wait_s = decision.wait_s if isinstance(decision, TryAgain) else None
        # What waits behind it may go on, or is to be put aside.
        if work.is_probe or work.trigger == MANUAL or work.resource is not None or isinstance(decision, Hold):
            wait_s = 0.0
        if wait_s is not None:
            self._dispatch.agenda.note(work.lane, wait_s)
            if wait_s < self._poll_interval_s:
                self._wake.set()

    async def _attempt(self, work: Work) -> tuple[Decision, Attempt | None]:
        refused = before_sending(work)
        if refused is not None or work.url is None or work.body is None:
            return refused or Finished("canceled"), None
        started_at, started = self._clock.now(), monotonic()
        try:
            answer = await self._requests.send(work, work.url, work.body, started_at)
        except SigningKeysUnavailable as error:
            log.warning(
                "delivery.unsignable", endpoint_id=work.endpoint_id, why=str(error), is_lasting=error.is_lasting
            )
            DELIVERIES_UNSIGNED.labels("unopenable" if error.is_lasting else "away").inc()
            if not error.is_lasting:
                return TryAgain(error.retry_in_s), None  # the key service and our database come back
            answer = Answer(None, UNSIGNED, int((monotonic() - started) * 1000), {})
        except ProxyAway as error:
            log.warning("delivery.proxy.away", endpoint_id=work.endpoint_id, why=str(error))
            return TryAgain(_PROXY_AWAY_S), None  # the endpoint has shown nothing, so it costs it no attempt
        except Exception as error:
            # What nobody thought of counts as any other failure: else it would be tried again for ever, uncounted.
            log.exception("delivery.attempt.broken", delivery_id=work.delivery_id, error=type(error).__name__)
            answer = Answer(None, "internal", int((monotonic() - started) * 1000), {})
        self._observe(work, answer)
        attempt = Attempt(new_id(ATTEMPT), work.attempts + 1, started_at, answer)
        return after_answer(work, answer, self._schedule, self._clock.now()), attempt

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
                _finished(completion.decision.outcome).inc()
            return

    def _observe(self, work: Work, answer: Answer) -> None:
        _attempts("delivered" if answer.delivered else answer.failure or "status").inc()
        DELIVERY_ATTEMPT_SECONDS.observe(answer.duration_ms / 1000)
        if answer.resent:
            DELIVERY_RESENT.inc()
        log.info(
            "delivery.attempt.finished",
            delivery_id=work.delivery_id,
            endpoint_id=work.endpoint_id,
            event_id=work.event_id,
            number=work.attempts + 1,
            status=answer.status,
            failure=answer.failure,
            duration_ms=answer.duration_ms,
            resent=answer.resent,
        )


def lease_of(worker_id: str, length_s: float, attempt_s: float) -> Lease:
    """This process's lease on what it works on."""
    return Lease(worker_id, timedelta(seconds=length_s), timedelta(seconds=attempt_s))
