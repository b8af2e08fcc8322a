"""A worker as the gateway sees it: real records."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from onerouter_common.contracts import topics
from onerouter_common.contracts.commands import HEADER_REPLY_PARTITION, Command
from onerouter_common.contracts.replies import Problem, Reply

Outcome = Callable[[Command], Awaitable[Reply | None]]


@dataclass
class Worker:
    """Answers commands as the payments worker does: first one makes the operation, repeats get its state."""

    bootstrap: str
    commands: list[Command] = field(default_factory=list)
    made: dict[str, tuple[Command, Reply | None]] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By tenant; absent: succeeds."""
    effects: dict[str, int] = field(default_factory=dict)
    _producer: Any = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Worker"]:
        followed = [topics.commands(category) for category in topics.CATEGORIES]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=None, fetch_max_wait_ms=500)
        self._producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        await self._producer.start()
        consumer.assign([TopicPartition(topic, number) for topic in followed for number in range(12)])
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)
        loop = asyncio.create_task(self._consume(consumer))
        try:
            yield self
        finally:
            for task in [loop, *self._tasks]:
                task.cancel()
            await asyncio.gather(loop, *self._tasks, return_exceptions=True)
            await consumer.stop()
            await self._producer.stop()

    async def _consume(self, consumer: Any) -> None:
        async for record in consumer:
            command = Command.model_validate_json(record.value)
            partition = int(dict(record.headers)[HEADER_REPLY_PARTITION])
            self.commands.append(command)
            task = asyncio.create_task(self._handle(command, partition))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _handle(self, command: Command, partition: int) -> None:
        if command.operation_id in self.made:
            first, reply = self.made[command.operation_id]
            if first.fingerprint != command.fingerprint:
                base = Reply(
                    operation_id=first.operation_id, made_by=first.command_id, state="executing", resource_id="x"
                )
                reply = base.model_copy(update={"mismatch": True, "fingerprint": first.fingerprint})
        else:
            self.made[command.operation_id] = (command, None)
            self.effects[command.operation_id] = self.effects.get(command.operation_id, 0) + 1
            outcome = self.outcomes.get(command.tenant_id, succeed)
            reply = await outcome(command)
            self.made[command.operation_id] = (command, reply)
        if reply is not None:
            await self.reply(reply, partition)

    async def reply(self, reply: Reply, partition: int) -> None:
        await self._producer.send_and_wait(
            topics.REPLIES, reply.to_bytes(), key=reply.operation_id.encode(), partition=partition
        )


async def succeed(command: Command) -> Reply:
    amount = command.payload.get("amount_minor")
    return Reply(
        operation_id=command.operation_id,
        made_by=command.command_id,
        fingerprint=command.fingerprint,
        state="succeeded",
        resource_id=command.resource_id,
        status=201 if command.operation.endswith((".create", ".send", ".schedule", ".put")) else 200,
        result={"id": command.resource_id, "object": "payment", "amount_minor": amount, "payload": command.payload},
        provider_ms=1.5,
    )


def declined(command: Command) -> Problem:
    return Problem(status=402, code="PAYMENT_FAILED", title="The provider declined", detail="The card was declined.")
