"""One category's worker in one process: wires the parts, keeps their loops alive, drains them at the end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from onerouter_common import kafka_clients
from onerouter_common import metric_names as metrics
from onerouter_common.broker import BrokerUnavailable, Producer
from onerouter_common.clock import Clock, SystemClock
from onerouter_common.contracts import topics
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.db.engine import Pool
from onerouter_common.retry import Backoff
from onerouter_common.worker.alarm import Alarm
from onerouter_common.worker.appointments import Appointments
from onerouter_common.worker.callback_inbox import CallbackInbox
from onerouter_common.worker.callbacks import CallbackRules
from onerouter_common.worker.circuit.circuits import NEVER, Circuits
from onerouter_common.worker.claims import Claims
from onerouter_common.worker.consumer import Offsets, Record, consume, park
from onerouter_common.worker.duty import Duty
from onerouter_common.worker.execution import UNSENT, Execution, Finished, not_begun
from onerouter_common.worker.handler import CategoryRules, Connections
from onerouter_common.worker.inbox import Inbox, Received, Undecodable, decode
from onerouter_common.worker.lease import Lease
from onerouter_common.worker.outbox import Publisher, Relay
from onerouter_common.worker.overdue import Overdue
from onerouter_common.worker.pace.pacer import Pacer
from onerouter_common.worker.pace.pacing import Pacing
from onerouter_common.worker.replies import Replies
from onerouter_common.worker.resolution import Resolutions
from onerouter_common.worker.routing import Router
from onerouter_common.worker.settlement import Committed, Settlement
from onerouter_common.worker.slots import Bounds, Slots
from onerouter_common.worker.started import Started
from onerouter_common.worker.storing import Storing

log = structlog.get_logger()

_IDLE_CLAIM_S: Final = 1.0
_CLAIMS_IN_A_ROW: Final = 64
_MAINTENANCE_S: Final = 3_600.0
_BY_MONTH: Final = ("operations", "attempts", "history", "operation_metadata")
_LAST_COMMIT_S: Final = 5.0
_LET_END_S: Final = 5.0
"""What is being stored. Without the database that does not end, and the group is left all the same."""
_LEAVE_GROUP_S: Final = 10.0
_CALLBACKS_APART_S: Final = 0.05
"""Nobody waits for an answer to one, and a bulk send brings three a message, one by one."""
_BACKGROUND_APART_S: Final = 0.2
"""The same of a process for the background alone, and of what it tells: each batch is a commit, of its own or of whoever
stores it, and those of bulk keep the disk from what somebody waits for."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    duty: Duty = Duty.ALL
    """Which part of the work is this process's."""
    bounds: Bounds = field(default_factory=Bounds)
    lease_ttl_s: float = 10.0
    """A process that said nothing for so long counts as dead; its operations are taken over."""
    retry: Backoff = field(default_factory=lambda: Backoff(first_s=0.5, most_s=30, give_up_after=8))
    """Calls that surely did nothing."""
    retry_own: Backoff = field(default_factory=lambda: Backoff(first_s=0.5, most_s=300, give_up_after=880))
    """The same of operations that we ask ourselves, for three days: nobody waits, and nobody would ask again."""
    retry_unhurried: Backoff = UNSENT
    """Calls that surely did nothing, of bulk and of what was asked for its time: for hours, as nobody waits."""
    unsent: Backoff = UNSENT
    """Calls that never left us because something of ours was away; those that we ask ourselves: as `retry_own`."""
    ask: Backoff = field(default_factory=lambda: Backoff(first_s=0.5, most_s=300, give_up_after=1_000_000))
    """Questions about an unknown outcome; never given up."""
    callbacks_after_s: float = 0.0
    """How long callbacks rest before they are applied: where a provider tells at once what it also answers, they would lock
    the resource while its own result is being stored, and whoever waits for that would wait for them."""
    drain_timeout_s: float = 25.0
    session_timeout_s: float = 10.0
    """A consumer that said nothing to the broker for so long loses its partitions to others."""
    stuck_after_s: float = 900.0
    """An operation that has not ended so long after it could have begun is told of."""
    retention_days: int = 400
    """Operations and attempts older than this are dropped, a month at a time; idempotency keys are forgotten with them."""


class Worker:
    """Start it after the producer is running; stop it before the pools close."""

    def __init__(
        self,
        *,
        rules: CategoryRules[Any],
        callbacks: CallbackRules[Any] | None,
        connections: Connections,
        pool: Pool,
        producer: Producer,
        bootstrap_servers: str,
        clock: Clock | None = None,
        options: WorkerOptions | None = None,
        circuits: Circuits | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        """`circuits` None: however calls fail, none is kept back. `pacer` None: no connection is too fast."""
        self._rules = rules
        self._options = options or WorkerOptions()
        clock = clock or SystemClock()
        self._pool = pool
        self._producer = producer
        self._slots = Slots(self._options.bounds, self._options.duty)
        self._lease = Lease(pool, ttl_s=self._options.lease_ttl_s)
        self._circuits = circuits or Circuits(NEVER, category=rules.category)
        router = Router(pool, rules, connections, self._circuits)
        pacing = Pacing(pacer, self._slots)
        self._inbox = Inbox(pool, rules, router, self._slots, clock, pacing=pacing)
        self._claims = Claims(
            pool,
            rules,
            router,
            self._slots,
            self._lease,
            clock,
            pacing=pacing,
            come_back=self._wake_claims,
            duty=self._options.duty,
        )
        self._execution = Execution(
            clock,
            retry=self._options.retry,
            ask=self._options.ask,
            circuits=self._circuits,
            retry_own=self._options.retry_own,
            retry_unhurried=self._options.retry_unhurried,
            unsent=self._options.unsent,
        )
        self._settlement = Settlement(pool, rules, clock, owner=self._lease.owner)
        self._storing = Storing(pool, self._settlement, stored=self._on_stored)
        self.resolutions = Resolutions(pool, rules, connections, self._slots, self._lease, self._settlement, clock)
        self._replies = Replies(pool, producer)
        told_apart_s = 0.0 if self._options.duty.takes_urgent else _BACKGROUND_APART_S
        self.publisher = Publisher(pool, producer, service=rules.service, apart_s=told_apart_s)
        self._alarm = Alarm(pool, self.publisher, clock, after_s=self._options.stuck_after_s)
        self._overdue = Overdue(pool, category=rules.category, duty=self._options.duty)
        self._relay = Relay(pool, producer, service=rules.service)
        self._broker = KafkaBroker(
            bootstrap_servers,
            client_id=f"onerouter-{rules.service}",
            consumer_only=True,
            apply_types=False,
            graceful_timeout=_LET_END_S,
            logger=None,
        )
        self._callback_inbox: CallbackInbox | None = None
        if callbacks is not None and self._options.duty.takes_background:
            self._callback_inbox = CallbackInbox(
                pool, rules, callbacks, producer, self.publisher, clock, own_due=self._wake_claims
            )
        self._offsets = [offsets for category in rules.consumed for offsets in self._consume(category)]
        self._due = asyncio.Event()
        self._appointments = Appointments(self._due.set)
        self._calls: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._started = False

    def _consume(self, category: str) -> list[Offsets]:
        group = f"onerouter-{category}"
        commands = (topics.commands(category), group, self._on_commands, 0.0, 0.0)
        reads = [commands] if self._options.duty.takes_urgent else []
        if self._callback_inbox is not None:
            callbacks = (
                topics.callbacks(category),
                f"{group}-callbacks",
                self._callback_inbox.handle,
                _CALLBACKS_APART_S if self._options.duty.takes_urgent else _BACKGROUND_APART_S,
                self._options.callbacks_after_s,
            )
            reads.append(callbacks)
        return [
            consume(
                self._broker,
                topic,
                group_id=group_id,
                handle=handle,
                park_one=self._park,
                session_timeout_s=self._options.session_timeout_s,
                apart_s=apart_s,
                after_s=after_s,
            )
            for topic, group_id, handle, apart_s, after_s in reads
        ]

    async def _park(self, record: Record, reason: str) -> None:
        await park(self._producer, record, topics.dead_of(record.topic), reason)

    @property
    def is_ready(self) -> bool:
        return self._started and self._lease.is_valid and self._producer.is_ready

    @property
    def broker(self) -> KafkaBroker:
        """For the AsyncAPI document: it knows the subscribers."""
        return self._broker

    async def start(self) -> None:
        """The database must be there; the broker may come later (`is_ready` tells)."""
        await self._lease.renew()
        await self._lease.adopt_orphans()
        loops: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("lease", self._keep_lease),
            ("claims", self._claim_loop),
            ("settlement", self._settle_loop),
            ("publisher", self.publisher.run),
            ("relay", self._relay.run),
            ("maintenance", self._maintain),
            ("circuits", self._circuits.run),
            ("alarm", self._alarm.run),
            ("overdue", self._overdue.run),
        ]
        if self._callback_inbox is not None:
            loops.append(("pending_callbacks", self._callback_inbox.run_pending))
        loops.append(("consumers", self._start_consuming))
        self._loops = [asyncio.create_task(_forever(name, body), name=name) for name, body in loops]

    async def _start_consuming(self) -> None:
        """FastStream's own loops then outlive a broker that goes away; only the first connection is ours to repeat."""
        try:
            await self._broker.start()
        except KafkaError as error:
            await self._stop_consuming()
            raise BrokerUnavailable("The message log cannot be reached.") from error
        self._started = True
        log.info(
            "worker.started",
            category=self._rules.category,
            worker_id=self._lease.owner,
            duty=self._options.duty.value,
        )

    async def stop(self) -> None:
        """Take nothing new, let calls in flight end, store and publish their results, hand the rest over."""
        self._started = False
        await self._end_loops("consumers")
        await self._stop_consuming()
        self._appointments.cancel()
        await self._end_loops("claims", "pending_callbacks", "maintenance", "circuits", "alarm", "overdue")
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._options.drain_timeout_s)
        for call in self._calls:
            call.cancel()
        self._settlement.close()
        settling = [task for task in self._loops if task.get_name() == "settlement"]
        if settling:
            await asyncio.wait(settling, timeout=_LAST_COMMIT_S)
        with contextlib.suppress(TimeoutError):
            await self._storing.finish(_LAST_COMMIT_S)
        await self._storing.cancel()
        await self._end_loops("settlement", "publisher", "relay", "lease")
        try:
            await self.publisher.drain()
            await self._lease.release()
        except DATABASE_AWAY as error:
            log.warning("worker.handover.failed", error=type(error).__name__)
        log.info("worker.stopped", category=self._rules.category, left_behind=self._slots.in_flight)

    async def _stop_consuming(self) -> None:
        try:
            for offsets in self._offsets:
                await kafka_clients.bounded(offsets.flush(), _LEAVE_GROUP_S)
            await kafka_clients.bounded(self._broker.stop(), _LEAVE_GROUP_S)
        except (KafkaError, TimeoutError, OSError) as error:
            log.info("worker.consumers.discarded", error=type(error).__name__)

    async def _on_commands(self, records: Sequence[Record]) -> None:
        batch: list[Received] = []
        for record in records:
            try:
                batch.append(decode(self._rules, record.value or b"", record.headers))
            except Undecodable as error:
                await self._park(record, str(error))
        if not batch:
            return
        term = self._lease.term
        stored = await self._inbox.store(batch, owner=self._lease.owner)
        self._execute(stored.started, term)
        for one in stored.waiting:
            self._wake_claims(one.due_in_s)
        count = metrics.COMMANDS_RECEIVED
        count.labels(self._rules.category, "new").inc(len(stored.started) + len(stored.waiting))
        if stored.repeated:
            count.labels(self._rules.category, "repeated").inc(len(stored.repeated))
            await self._replies.answer_repeats(stored.repeated)

    def _execute(self, started: Sequence[Started], term: int) -> None:
        """`term`: the lease's from before they were marked."""
        for one in started:
            if one.attempt is None:
                self._settlement.add(self._execution.uncalled(one))
                continue
            task = asyncio.create_task(self._run(one, term))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
        metrics.OPERATIONS_IN_FLIGHT.labels(self._rules.category).set(self._slots.in_flight)

    async def _run(self, started: Started, term: int) -> None:
        if not self._lease.is_valid or self._lease.term != term:
            # This process was held up so long that another may have taken over. If none has, it is due again at once.
            log.warning("operation.not_begun.lease_expired", operation_id=started.op.id)
            self._settlement.add(not_begun(started))
            return
        self._settlement.add(await self._execution.run(started))

    async def _claim_loop(self) -> None:
        while True:
            # Not `asyncio.wait_for`: on Python 3.11 it can swallow a cancellation that comes with the result.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_IDLE_CLAIM_S):
                    await self._due.wait()
            self._due.clear()
            if not self._lease.is_valid:
                continue
            self._claims.due.wants_room = False
            term = self._lease.term
            for _ in range(_CLAIMS_IN_A_ROW):
                self._execute(await self._claims.claim(), term)
                term = self._lease.term
                if not self._claims.due.page_was_full:
                    break
            else:
                self._due.set()

    def _wake_claims(self, in_s: float) -> None:
        """Look for due operations in so many seconds."""
        if in_s <= 0:
            self._due.set()
        else:
            self._appointments.add(in_s)

    async def _settle_loop(self) -> None:
        while batch := await self._settlement.next_batch():
            await self._settle(batch)

    async def _settle(self, batch: Sequence[Finished]) -> None:
        """Commit until the database takes it, or what it does not take goes on beside the others."""
        await self._storing.store(batch)

    async def _on_stored(self, batch: Sequence[Finished], committed: Committed | None) -> None:
        """None: it is left to a claim, when its hard lease ends."""
        self._give_back(batch)
        if committed is None:
            return
        await self._replies.send(committed.replies())
        self.publisher.put(committed.records, committed.outbox_ids)
        if committed.own_due_in_s is not None:
            self._wake_claims(committed.own_due_in_s)
        for conclusion in committed.conclusions:
            op = conclusion.finished.started.op
            if conclusion.is_final:
                metrics.OPERATIONS_FINISHED.labels(op.category, op.operation, conclusion.state).inc()
                elapsed_s = (conclusion.concluded_at - op.accepted_at).total_seconds()
                metrics.OPERATION_SECONDS.labels(op.category, op.operation).observe(max(0.0, elapsed_s))
            else:
                self._wake_claims(conclusion.due_in_s or 0.0)
        ended = {c.finished.started.op.ordering_key for c in committed.conclusions if c.is_final}
        if await self._claims.due.let_go(ended) or self._claims.due.wants_room:
            self._wake_claims(0.0)

    def _give_back(self, batch: Sequence[Finished]) -> None:
        for finished in batch:
            op = finished.started.op
            self._slots.give(op.tenant_id, op.connection_id, op.priority)
        metrics.OPERATIONS_IN_FLIGHT.labels(self._rules.category).set(self._slots.in_flight)

    async def _keep_lease(self) -> None:
        while True:
            await self._lease.renew()
            if await self._lease.adopt_orphans():
                self._wake_claims(0.0)
            await asyncio.sleep(self._options.lease_ttl_s / 5)

    async def _maintain(self) -> None:
        while True:
            for table in _BY_MONTH:
                await self._pool.fetchval("SELECT onerouter_ensure_partitions($1, 3)", table)
            await self.forget_old()
            await asyncio.sleep(_MAINTENANCE_S)

    async def forget_old(self) -> None:
        """Drop what has passed its retention, unless something so old still waits to be concluded."""
        age = timedelta(days=self._options.retention_days)
        waiting = await self._pool.fetchval(
            "SELECT count(*) FROM operations WHERE due_at IS NOT NULL AND created_at < now() - $1::interval", age
        )
        if waiting:
            log.error("retention.postponed", category=self._rules.category, operations_not_concluded=waiting)
            return
        for table in _BY_MONTH:
            await self._pool.fetchval("SELECT onerouter_drop_partitions($1, $2)", table, age)
        # Partitions go by whole months, so an id may be forgotten a little before its row; never before the retention.
        await self._pool.execute("DELETE FROM operation_ids WHERE created_at < now() - $1::interval", age)

    async def _end_loops(self, *names: str) -> None:
        ending = [task for task in self._loops if task.get_name() in names]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


async def _forever(name: str, body: Callable[[], Awaitable[None]]) -> None:
    """Keep a loop alive: whatever it meets is logged and it starts again, a little later each time in a row.

    It ends when the loop's body returns: its work is done.
    """
    wait_s = 0.1
    while True:
        began = asyncio.get_running_loop().time()
        try:
            return await body()
        except (*DATABASE_AWAY, BrokerUnavailable) as error:
            log.warning("loop.interrupted", loop=name, error=type(error).__name__)
        except Exception:
            log.exception("loop.failed", loop=name)
        metrics.LOOP_RESTARTS.labels(name).inc()
        wait_s = 0.1 if asyncio.get_running_loop().time() - began > 10 else min(5.0, wait_s * 2)
        await asyncio.sleep(wait_s)
