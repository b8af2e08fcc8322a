"""The heart with messaging's rules, and bulk sends for it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.libs.common.worker.rig import FAST, ScriptedConnection, ScriptedConnections, until

from onerouter_common.broker import Producer
from onerouter_common.clock import SystemClock
from onerouter_common.contracts import topics
from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.messages import (
    CreateEmailBatch,
    CreateSmsBatch,
    EmailAddress,
    EmailContent,
    EmailRecipient,
    SmsContent,
    SmsRecipient,
)
from onerouter_common.db.engine import Pool
from onerouter_common.errors import ProviderDeclined
from onerouter_common.ids import BATCH, COMMAND, EMAIL, OPERATION, SMS, new_id
from onerouter_common.web.internal import TenantContext
from onerouter_common.worker.handler import Idempotency
from onerouter_common.worker.runtime import Worker
from onerouter_messaging.batch.operations import batch_handlers
from onerouter_messaging.batch.reads import BatchReads
from onerouter_messaging.batch.repository import BatchStore
from onerouter_messaging.composition.notes import CompositionNotes
from onerouter_messaging.content.batches import BatchContents
from onerouter_messaging.content.composer import MessageComposer
from onerouter_messaging.content.source import Source
from onerouter_messaging.message.callbacks import Callbacks
from onerouter_messaging.message.repository import MessageStore, others_to
from onerouter_messaging.message.sending import Tools
from onerouter_messaging.rules import category_rules
from onerouter_messaging.suppression.checking import SuppressionCheck
from onerouter_messaging.suppression.repository import SuppressionList
from onerouter_messaging.template.renderer.process import Renderers
from onerouter_messaging.template.rendering import Rendering
from onerouter_providers.messages import EmailRequest, MessageReference, MessageSnapshot, SmsRequest

ANN = TenantContext("ten_1", "test")


@dataclass
class Phone:
    """A provider of both that keeps what it was given, and declines who it is told to."""

    taken: dict[str, str] = field(default_factory=dict)
    letters: dict[str, EmailRequest] = field(default_factory=dict)
    canceled: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    declines: set[str] = field(default_factory=set)

    async def send_sms(self, request: SmsRequest, *, key: str) -> MessageSnapshot:
        self.calls.append(request.message_id)
        if request.to in self.declines:
            raise ProviderDeclined("no such number", provider="scripted", reason="invalid_recipient")
        self.taken[request.to] = request.body
        return MessageSnapshot("sent", f"SM{request.message_id}")

    async def cancel_sms(self, reference: MessageReference, *, key: str) -> MessageSnapshot:
        self.canceled.append(reference.provider_message_id)
        return MessageSnapshot("canceled", reference.provider_message_id)

    async def find_sms(self, request: SmsRequest, *, since: datetime, but_not: Any = ()) -> MessageSnapshot | None:
        return MessageSnapshot("sent", f"SM{request.message_id}") if request.to in self.taken else None

    async def send_email(self, request: EmailRequest, *, key: str) -> MessageSnapshot:
        self.calls.append(request.message_id)
        self.letters[request.to[0].email] = request
        return MessageSnapshot("sent", f"EM{request.message_id}")


@dataclass
class Post:
    """The heart with messaging's rules, one phone, and what a tenant may ask."""

    pool: Pool
    engine: AsyncEngine
    producer: Producer
    bootstrap: str
    renderers: Renderers
    phone: Phone

    def make_worker(self) -> Worker:
        clock = SystemClock()
        store = MessageStore(SuppressionList())
        rendering = Rendering(self.renderers)
        batches = BatchContents(self.pool, rendering)
        composer = MessageComposer(Source(self.pool), batches, rendering, SuppressionCheck(self.pool))

        repeats = {
            "sms.send": Idempotency.LOOKUP,
            "sms.cancel": Idempotency.NATIVE,
            "email.send": Idempotency.NATIVE,
        }
        connection = ScriptedConnection(self.phone, idempotency=repeats, timeout_s=5.0)
        return Worker(
            rules=category_rules(
                Tools(
                    composer=composer,
                    others=partial(others_to, self.pool),
                    prices={},
                    clock=clock,
                    notes=CompositionNotes(self.pool),
                ),
                store,
                {},
                parts={BATCH: BatchStore(store)},
                handlers=batch_handlers(clock),
            ),
            callbacks=Callbacks(),
            connections=ScriptedConnections([connection]),
            pool=self.pool,
            producer=self.producer,
            bootstrap_servers=self.bootstrap,
            clock=clock,
            options=FAST,
        )

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Worker]:
        worker = self.make_worker()
        await worker.start()
        await until(lambda: worker.is_ready, 30)
        try:
            yield worker
        finally:
            await worker.stop()

    async def publish(self, operation: str, resource_id: str, payload: Contract) -> Command:
        category: Any = operation.partition(".")[0].removesuffix("_batch")
        command = Command(
            command_id=new_id(COMMAND),
            operation_id=new_id(OPERATION),
            operation=operation,
            tenant_id=ANN.tenant_id,
            environment="test",
            category=category,
            resource_id=resource_id,
            ordering_key=resource_id,
            fingerprint="f" * 64,
            payload=payload.model_dump(mode="json"),
            api_key_id="key_1",
            accepted_at=datetime.now(UTC),
        )
        await self.producer.publish(topics.commands(category), command.to_bytes(), key=command.ordering_key)
        return command

    async def ended(self, command: Command) -> Any:
        query = "SELECT state, result, problem FROM operations WHERE id = $1 AND due_at IS NULL"
        async with asyncio.timeout(60):
            while (row := await self.pool.fetchrow(query, command.operation_id)) is None:
                await asyncio.sleep(0.02)
        return row

    async def shown(self, batch_id: str, channel: Any = "sms") -> dict[str, Any]:
        return dict(await BatchReads(self.engine).one(ANN, channel, batch_id))

    async def completed(self, batch_id: str, channel: Any = "sms", **counts: int) -> dict[str, Any]:
        async with asyncio.timeout(90):
            while (shown := await self.shown(batch_id, channel))["counts"] != counts:
                await asyncio.sleep(0.1)
        return shown


def number(index: int) -> str:
    return f"+1415555{index:04}"


def bulk(size: int, *, variables: Any = None, rejected: Any = (), **common: Any) -> CreateSmsBatch:
    recipients = [
        SmsRecipient(
            message_id=new_id(SMS), to=number(index), country="US", variables=variables(index) if variables else {}
        )
        for index in range(size)
    ]
    given: Mapping[str, Any] = {"body": "Sale!", "priority": "bulk", **common}
    return CreateSmsBatch(
        common=SmsContent.model_validate(given),
        recipients=recipients,
        indexes=list(range(size)),
        rejected=list(rejected),
    )


def mailing(size: int, **common: Any) -> CreateEmailBatch:
    """Each recipient has metadata of its own; all have some, too."""
    recipients = [
        EmailRecipient(
            message_id=new_id(EMAIL), to=EmailAddress(email=f"a{index}@example.com"), metadata={"place": str(index)}
        )
        for index in range(size)
    ]
    given: Mapping[str, Any] = {
        "sender": EmailAddress(email="shop@example.org"),
        "subject": "News",
        "metadata": {"campaign": "spring"},
        "priority": "bulk",
        **common,
    }
    return CreateEmailBatch(common=EmailContent.model_validate(given), recipients=recipients, indexes=list(range(size)))
