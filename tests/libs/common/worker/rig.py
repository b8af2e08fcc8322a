"""A worker with real PostgreSQL and a real broker, the payments category's rules, and a scripted provider."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from onerouter_common.broker import Producer
from onerouter_common.clock import SystemClock
from onerouter_common.contracts import topics
from onerouter_common.contracts.commands import HEADER_REPLY_PARTITION, HEADER_REPLY_TO, Command
from onerouter_common.contracts.events import Event
from onerouter_common.contracts.replies import Reply
from onerouter_common.contracts.routing import RoutingPolicy
from onerouter_common.db.engine import worker_pool
from onerouter_common.errors import OneRouterError
from onerouter_common.ids import COMMAND, OPERATION, PAYMENT, REFUND, new_id
from onerouter_common.retry import Backoff
from onerouter_common.routing.route import Candidate, Route
from onerouter_common.worker.circuit.circuits import Circuits
from onerouter_common.worker.handler import CategoryRules, Idempotency, handlers_by_name
from onerouter_common.worker.pace.pacer import Pacer
from onerouter_common.worker.pace.rule import Pace
from onerouter_common.worker.runtime import Worker, WorkerOptions
from onerouter_common.worker.slots import Bounds
from onerouter_payments.payment.operations import PaymentCapture, PaymentCreate
from onerouter_payments.payment.repository import PaymentStore
from onerouter_payments.payment.settlement import Views
from onerouter_payments.refund.operations import RefundCreate
from onerouter_providers.capability import PaymentRequest, PaymentSnapshot, PaymentStatus, RefundRequest, RefundSnapshot

FAST = WorkerOptions(
    lease_ttl_s=5.0,  # a process that is not run for a second or two has not died
    retry=Backoff(first_s=0.05, most_s=0.2, give_up_after=4),
    ask=Backoff(first_s=0.05, most_s=0.2, give_up_after=1_000_000),
    drain_timeout_s=5.0,
)


@dataclass
class ScriptedProvider:
    """Does what its script says per call: raise before the effect, after it, or wait; keeps a ledger of effects."""

    effects: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    before: list[OneRouterError | None] = field(default_factory=list)
    after: list[OneRouterError | None] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    lookups: list[str] = field(default_factory=list)
    running: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    most_at_once: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    gate: asyncio.Event | None = None
    capture_first: bool = True

    async def create_payment(self, request: PaymentRequest, *, key: str) -> PaymentSnapshot:
        await self._call(request.payment_id, f"create:{request.payment_id}")
        return self._payment(request)

    async def find_payment(self, request: PaymentRequest) -> PaymentSnapshot | None:
        self.lookups.append(request.payment_id)
        return self._payment(request) if self.effects[f"create:{request.payment_id}"] else None

    async def create_refund(self, request: RefundRequest, *, key: str) -> RefundSnapshot:
        await self._call(request.payment.payment_id, f"refund:{key}")
        return RefundSnapshot("succeeded", f"rfnd_{key[:8]}", request.amount)

    async def find_refund(self, request: RefundRequest) -> RefundSnapshot | None:
        self.lookups.append(request.refund_id)
        return None

    async def _call(self, ordered_by: str, effect: str) -> None:
        self.calls.append(effect)
        self.running[ordered_by] += 1
        self.most_at_once[ordered_by] = max(self.most_at_once[ordered_by], self.running[ordered_by])
        try:
            if self.before and (error := self.before.pop(0)) is not None:
                raise error
            # A native key makes a repeat harmless; a create without one would be counted twice.
            if effect.startswith("refund:"):
                self.effects[effect] = 1
            else:
                self.effects[effect] += 1
            if self.gate is not None:
                await self.gate.wait()
            else:
                await asyncio.sleep(0)
            if self.after and (error := self.after.pop(0)) is not None:
                raise error
        finally:
            self.running[ordered_by] -= 1

    def _payment(self, request: PaymentRequest) -> PaymentSnapshot:
        status: PaymentStatus = "succeeded" if self.capture_first else "created"
        return PaymentSnapshot(
            status,
            provider_order_id=f"order_{request.payment_id[4:]}",
            provider_payment_id=f"pay_{request.payment_id[4:]}",
        )


@dataclass
class ScriptedConnection:
    client: Any
    id: str = "con_1"
    tenant_id: str = "ten_1"
    environment: str = "test"
    provider: str = "scripted"
    currency: str | None = "INR"
    max_in_flight: int = 100
    timeout_s: float = 5.0
    pace: Pace | None = None
    settles_s: float = 0.0
    retention: float | None = None
    idempotency: dict[str, Idempotency] = field(
        default_factory=lambda: {
            "payment.create": Idempotency.LOOKUP,
            "payment.capture": Idempotency.LOOKUP,
            "refund.create": Idempotency.NATIVE,
        }
    )

    def idempotency_of(self, capability: str) -> Idempotency | None:
        return self.idempotency.get(capability)

    def absence_settles_s(self, capability: str) -> float:
        return self.settles_s

    def retention_s(self, capability: str) -> float | None:
        return self.retention

    def instead_of(self, capability: str) -> str | None:
        return None


@dataclass
class ScriptedConnections:
    connections: list[ScriptedConnection]
    disabled: set[str] = field(default_factory=set)
    switched_off: set[str] = field(default_factory=set)
    policy: RoutingPolicy | None = None
    suspended: bool = False
    opened: set[str] = field(default_factory=set)

    async def route(self, tenant_id: str, environment: str, category: str) -> Route:
        return Route(tuple(self._candidate(one) for one in self.connections), self.policy, self.suspended)

    def _candidate(self, connection: ScriptedConnection) -> Candidate:
        return Candidate(
            connection.id,
            connection.provider,
            enabled=connection.id not in self.disabled,
            switched_off=connection.id in self.switched_off,
            capabilities=frozenset(connection.idempotency),
        )

    def at_hand(self, tenant_id: str, environment: str, category: str, connection_id: str) -> ScriptedConnection | None:
        return next((c for c in self.connections if c.id == connection_id and c.id in self.opened), None)

    async def get(
        self, tenant_id: str, environment: str, category: str, connection_id: str
    ) -> ScriptedConnection | None:
        self.opened.add(connection_id)
        return next((c for c in self.connections if c.id == connection_id), None)


@dataclass
class Rig:
    pool: asyncpg.Pool
    producer: Producer
    bootstrap: str
    provider: ScriptedProvider
    connections: ScriptedConnections
    replies: "asyncio.Queue[Reply]"
    events: "asyncio.Queue[Event]"
    partition: int
    admin_dsn: str
    dsn: str = ""
    """The service's login."""

    @asynccontextmanager
    async def worker(
        self, options: WorkerOptions = FAST, circuits: Circuits | None = None, pacer: Pacer | None = None
    ) -> AsyncIterator[Worker]:
        worker = self.make_worker(options, circuits, pacer)
        await worker.start()
        await until(lambda: worker.is_ready)
        try:
            yield worker
        finally:
            await worker.stop()

    def make_worker(
        self, options: WorkerOptions = FAST, circuits: Circuits | None = None, pacer: Pacer | None = None
    ) -> Worker:
        clock = SystemClock()
        views = Views({})
        handlers = handlers_by_name(
            PaymentCreate(views, clock), PaymentCapture(views, clock), RefundCreate(views, clock)
        )
        return Worker(
            rules=CategoryRules("payments", "payments", PaymentStore(), handlers),
            callbacks=None,
            connections=self.connections,
            pool=self.pool,
            producer=self.producer,
            bootstrap_servers=self.bootstrap,
            clock=clock,
            options=options,
            circuits=circuits,
            pacer=pacer,
        )

    async def send(self, command: Command) -> None:
        headers = [(HEADER_REPLY_TO, b"replies.v1"), (HEADER_REPLY_PARTITION, str(self.partition).encode())]
        await self.producer.publish(
            topics.commands(command.category), command.to_bytes(), key=command.ordering_key, headers=headers
        )

    async def ask(self, command: Command, timeout_s: float = 60) -> Reply:
        """Send a command and wait for the reply to its operation."""
        await self.send(command)
        return await self.reply_to(command.operation_id, timeout_s)

    async def reply_to(self, operation_id: str, timeout_s: float = 60) -> Reply:
        async with asyncio.timeout(timeout_s):
            while True:
                reply = await self.replies.get()
                if reply.operation_id == operation_id:
                    return reply

    async def operation(self, operation_id: str) -> Any:
        return await self.pool.fetchrow("SELECT * FROM operations WHERE id = $1", operation_id)

    async def attempts(self, operation_id: str) -> list[Any]:
        return await self.pool.fetch("SELECT * FROM attempts WHERE operation_id = $1 ORDER BY number", operation_id)

    async def until_state(self, operation_id: str, *states: str) -> Any:
        pause_s = 0.01
        async with asyncio.timeout(60):
            while (row := await self.operation(operation_id)) is None or row["state"] not in states:
                await asyncio.sleep(pause_s)
                pause_s = min(0.1, pause_s * 1.3)
        return row


def create_payment(*, tenant: str = "ten_1", amount_minor: int = 49_900, **changes: Any) -> Command:
    payment_id = new_id(PAYMENT)
    values: dict[str, Any] = {
        "command_id": new_id(COMMAND),
        "operation_id": new_id(OPERATION),
        "operation": "payment.create",
        "tenant_id": tenant,
        "environment": "test",
        "category": "payments",
        "resource_id": payment_id,
        "ordering_key": payment_id,
        "fingerprint": "f" * 64,
        "payload": {"amount_minor": amount_minor, "currency": "INR"},
        "api_key_id": "key_1",
        "accepted_at": datetime.now(UTC),
    }
    return Command(**{**values, **changes})


def create_refund(payment: Command, amount_minor: int | None = None) -> Command:
    payload: dict[str, Any] = {"payment_id": payment.resource_id}
    if amount_minor is not None:
        payload["amount_minor"] = amount_minor
    return create_payment(
        tenant=payment.tenant_id,
        operation="refund.create",
        resource_id=new_id(REFUND),
        ordering_key=payment.resource_id,
        payload=payload,
        fingerprint=uuid.uuid4().hex * 2,
    )


async def until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def kill(worker: Worker) -> None:
    """End a worker as SIGKILL would, and let its lease run out: no drain, no hand-over, no release."""
    tasks = [*worker._loops, *worker._calls]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await worker.broker.stop()
    await worker._pool.execute("UPDATE workers SET expires_at = now() WHERE id = $1", worker._lease.owner)


async def skip_what_is_there(bootstrap: str, category: str = "payments") -> None:
    """The broker is shared by the session: the worker under test starts behind what other tests have published."""
    await _skip(bootstrap, topics.commands(category), group_id=f"onerouter-{category}")
    await _skip(bootstrap, topics.callbacks(category), group_id=f"onerouter-{category}-callbacks")


async def _skip(bootstrap: str, topic: str, *, group_id: str) -> None:
    partitions = [TopicPartition(topic, number) for number in range(12)]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group_id, enable_auto_commit=False)
    try:
        await consumer.start()
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


@asynccontextmanager
async def open_rig(dsn: str, bootstrap: str, admin_dsn: str = "") -> AsyncIterator[Rig]:
    provider = ScriptedProvider()
    await skip_what_is_there(bootstrap)
    async with worker_pool(dsn, "payments") as pool, Producer(bootstrap, client_id="test") as producer:
        await producer.wait_ready(60)
        partition = uuid.uuid4().int % 32
        replies: asyncio.Queue[Reply] = asyncio.Queue()
        events: asyncio.Queue[Event] = asyncio.Queue()
        reply_topic = TopicPartition(topics.REPLIES, partition)
        event_topics = [TopicPartition(topics.events("payments"), number) for number in range(12)]
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)

        async def read() -> None:
            async for record in consumer:
                if record.topic == topics.REPLIES:
                    replies.put_nowait(Reply.model_validate_json(record.value))
                else:
                    events.put_nowait(Event.model_validate_json(record.value))

        try:
            await consumer.start()
            consumer.assign([reply_topic, *event_topics])
            await consumer.seek_to_end()
            for each in (reply_topic, *event_topics):
                await consumer.position(each)
            reading = asyncio.create_task(read())
            try:
                connections = ScriptedConnections([ScriptedConnection(provider)])
                yield Rig(pool, producer, bootstrap, provider, connections, replies, events, partition, admin_dsn, dsn)
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        finally:
            await consumer.stop()


__all__ = [
    "FAST",
    "Bounds",
    "Rig",
    "create_payment",
    "create_refund",
    "kill",
    "open_rig",
    "skip_what_is_there",
    "until",
]
