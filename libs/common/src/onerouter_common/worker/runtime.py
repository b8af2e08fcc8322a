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
from onerouter_common.worker.callback_inbox import CallbackInbox
from onerouter_common.worker.callbacks import CallbackRules
from onerouter_common.worker.circuit.circuits import NEVER, Circuits
from onerouter_common.worker.claims import Claims, Lease
from onerouter_common.worker.consumer import Record, consume, park
from onerouter_common.worker.execution import Execution, Finished, not_begun
from onerouter_common.worker.handler import CategoryRules, Connections
from onerouter_common.worker.inbox import Inbox, Received, Undecodable, decode
from onerouter_common.worker.outbox import Publisher, Relay
from onerouter_common.worker.replies import Replies
from onerouter_common.worker.resolution import Resolutions
from onerouter_common.worker.routing import Router
from onerouter_common.worker.settlement import Settlement
from onerouter_common.worker.slots import Bounds, Slots
from onerouter_common.worker.started import Started

log = structlog.get_logger()

_IDLE_CLAIM_S: Final = 1.0
_CLAIMS_IN_A_ROW: Final = 64
_MAINTENANCE_S: Final = 3_600.0
_BY_MONTH: Final = ("operations", "attempts", "history")
_LAST_COMMIT_S: Final = 5.0
_LEAVE_GROUP_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    bounds: Bounds = field(default_factory=Bounds)
    lease_ttl_s: float = 10.0
    """A process that said nothing for so long counts as dead; its operations are taken over."""
    retry: Backoff = field(default_factory=lambda: Backoff(first_s=0.5, most_s=30, give_up_after=8))
    """Calls that surely did nothing."""
    retry_own: Backoff = field(default_factory=lambda: Backoff(first_s=0.5, most_s=300, give_up_after=880))
    """The same of operations that we ask ourselves, for three days: nobody waits, and nobody would ask again."""
    ask: Backoff = field(default_factory=lambda: Backoff(first_s=0.5, most_s=300, give_up_after=1_000_000))
    """Questions about an unknown outcome; never given up."""
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
    ) -> None:
        """`circuits` None: however calls fail, none is kept back."""
        self._rules = rules
        self._options = options or WorkerOptions()
        clock = clock or SystemClock()
        self._pool = pool
        self._producer = producer
        self._slots = Slots(self._options.bounds)
        self._lease = Lease(pool, ttl_s=self._options.lease_ttl_s)
        self._circuits = circuits or Circuits(NEVER, category=rules.category)
        router = Router(pool, rules, connections, self._circuits)
        self._inbox = Inbox(pool, rules, router, self._slots, clock)
        self._claims = Claims(pool, rules, router, self._slots, self._lease, clock)
        self._execution = Execution(
            clock,
            retry=self._options.retry,
            ask=self._options.ask,
            circuits=self._circuits,
            retry_own=self._options.retry_own,
        )
        self._settlement = Settlement(pool, rules, clock)
        self.resolutions = Resolutions(pool, rules, connections, self._slots, self._lease, self._settlement, clock)
        self._replies = Replies(pool, producer)
        self.publisher = Publisher(pool, producer, service=rules.service)
        self._alarm = Alarm(pool, self.publisher, clock, after_s=self._options.stuck_after_s)
        self._relay = Relay(pool, producer, service=rules.service)
        self._broker = KafkaBroker(
            bootstrap_servers, client_id=f"onerouter-{rules.service}", consumer_only=True, logger=None
        )
        group = f"onerouter-{rules.category}"
        commands_read = consume(
            self._broker,
            topics.commands(rules.category),
            group_id=group,
            handle=self._on_commands,
            park_one=lambda record, reason: park(producer, record, topics.dead_commands(rules.category), reason),
            session_timeout_s=self._options.session_timeout_s,
        )
        self._offsets = [commands_read]
        self._callback_inbox: CallbackInbox | None = None
        if callbacks is not None:
            self._callback_inbox = CallbackInbox(pool, rules, callbacks, producer, self.publisher, clock)
            callbacks_read = consume(
                self._broker,
                topics.callbacks(rules.category),
                group_id=f"{group}-callbacks",
                handle=self._callback_inbox.handle,
                park_one=lambda record, reason: park(producer, record, topics.dead_callbacks(rules.category), reason),
                session_timeout_s=self._options.session_timeout_s,
            )
            self._offsets.append(callbacks_read)
        self._due = asyncio.Event()
        self._due_timer: asyncio.TimerHandle | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._started = False

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
        log.info("worker.started", category=self._rules.category, worker_id=self._lease.owner)

    async def stop(self) -> None:
        """Take nothing new, let calls in flight end, store and publish their results, hand the rest over."""
        self._started = False
        await self._end_loops("consumers")
        await self._stop_consuming()
        await self._end_loops("claims", "pending_callbacks", "maintenance", "circuits", "alarm")
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._options.drain_timeout_s)
        for call in self._calls:
            call.cancel()
        self._settlement.close()
        settling = [task for task in self._loops if task.get_name() == "settlement"]
        if settling:
            await asyncio.wait(settling, timeout=_LAST_COMMIT_S)
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
                await park(self._producer, record, topics.dead_commands(self._rules.category), str(error))
        if not batch:
            return
        term = self._lease.term
        stored = await self._inbox.store(batch, owner=self._lease.owner)
        self._execute(stored.started, term)
        if stored.waiting:
            self._wake_claims(0.0)
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
            self._claims.wants_room = False
            term = self._lease.term
            for _ in range(_CLAIMS_IN_A_ROW):
                started = await self._claims.claim()
                self._execute(started, term)
                term = self._lease.term
                if not started and not self._claims.page_was_full:
                    break
            else:
                self._due.set()

    def _wake_claims(self, in_s: float) -> None:
        """Look for due operations in so many seconds; an earlier appointment stays."""
        if in_s <= 0:
            self._due.set()
            return
        when = asyncio.get_running_loop().time() + in_s
        if self._due_timer is not None and not self._due_timer.cancelled() and self._due_timer.when() <= when:
            return
        if self._due_timer is not None:
            self._due_timer.cancel()
        self._due_timer = asyncio.get_running_loop().call_at(when, self._on_due)

    def _on_due(self) -> None:
        self._due_timer = None
        self._due.set()

    async def _settle_loop(self) -> None:
        while batch := await self._settlement.next_batch():
            await self._settle(batch)

    async def _settle(self, batch: list[Finished]) -> None:
        """Commit until the database takes it; a result that breaks its batch is tried alone and, failing, left to a claim."""
        wait_s = 0.05
        while True:
            try:
                committed = await self._settlement.commit(batch)
                break
            except DATABASE_AWAY as error:
                log.warning("settlement.postponed", results=len(batch), error=type(error).__name__)
                await asyncio.sleep(wait_s)
                wait_s = min(2.0, wait_s * 2)
            except Exception:
                if len(batch) == 1:
                    # Its row stays "executing" with an open attempt: it is asked about again when the hard lease ends.
                    log.exception("settlement.failed", operation_id=batch[0].started.op.id)
                    self._give_back(batch)
                    return
                for one in batch:
                    await self._settle([one])
                return
        self._give_back(batch)
        await self._replies.send(committed.replies())
        self.publisher.put(committed.records, committed.outbox_ids)
        for conclusion in committed.conclusions:
            op = conclusion.finished.started.op
            if conclusion.is_final:
                metrics.OPERATIONS_FINISHED.labels(op.category, op.operation, conclusion.state).inc()
                elapsed_s = (conclusion.concluded_at - op.accepted_at).total_seconds()
                metrics.OPERATION_SECONDS.labels(op.category, op.operation).observe(max(0.0, elapsed_s))
            else:
                self._wake_claims(conclusion.due_in_s or 0.0)
        ended = {c.finished.started.op.ordering_key for c in committed.conclusions if c.is_final}
        if await self._claims.let_go(ended) or self._claims.wants_room:
            self._wake_claims(0.0)

    def _give_back(self, batch: Sequence[Finished]) -> None:
        for finished in batch:
            self._slots.give(finished.started.op.tenant_id, finished.started.op.connection_id)
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
