"""A bulk send: one request, a message for each recipient, which then go their own ways. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from onerouter_common.contracts.messages import (
    CreateEmailBatch,
    CreateSmsBatch,
    EmailContent,
    Rejected,
    SendEmail,
    SendSms,
    SmsContent,
)
from onerouter_common.errors import InvalidRequest
from onerouter_common.worker.handler import Operation
from onerouter_messaging.batch.parts import own_parts, whole
from onerouter_messaging.message.making import asked
from onerouter_messaging.message.state import Channel, Message

RECIPIENTS_MOST: Final = 1_000

BatchStatus = Literal["processing", "completed", "canceled"]


@dataclass(frozen=True, slots=True)
class Item:
    """A recipient's place in the request, and the command that sends to it: only what is its own (`batch.parts`)."""

    index: int
    message: Message
    command: SendSms | SendEmail


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The heart's resource of a bulk send: its key is its own id."""

    id: str
    channel: Channel
    tenant_id: str
    environment: str
    total: int
    """Items of the request, the rejected ones too."""
    created_at: datetime
    rejected: tuple[Rejected, ...] = ()
    send_at: datetime | None = None
    canceled_at: datetime | None = None
    """When it was asked to be; what had left by then went on."""
    common: SmsContent | EmailContent | None = field(default=None, compare=False, repr=False)
    items: tuple[Item, ...] = field(default=(), compare=False)
    """Both are stored with the first save, and not read back with the batch."""
    waiting: tuple[str, ...] = field(default=(), compare=False)
    """Messages that no provider was asked to send, when it was loaded."""

    def canceled(self, at: datetime) -> "Batch":
        return self if self.canceled_at is not None else replace(self, canceled_at=at)


def batch_of(op: Operation, command: CreateSmsBatch | CreateEmailBatch) -> Batch:
    """Raises InvalidRequest when it has no recipients or too many."""
    number = len(command.recipients) + len(command.rejected)
    if not command.recipients:
        raise InvalidRequest.of("recipients", "must have at least one that can be sent to")
    if number > RECIPIENTS_MOST:
        raise InvalidRequest.of("recipients", f"must have at most {RECIPIENTS_MOST} entries")
    if len(command.indexes) != len(command.recipients):
        raise InvalidRequest.of("indexes", "must name the place of each recipient")
    return Batch(
        id=op.resource_id,
        channel="sms" if isinstance(command, CreateSmsBatch) else "email",
        tenant_id=op.tenant_id,
        environment=op.environment,
        total=number,
        created_at=op.created_at,
        rejected=tuple(command.rejected),
        send_at=command.common.send_at,
        common=command.common,
        items=tuple(_items(op, command)),
    )


def _items(op: Operation, command: CreateSmsBatch | CreateEmailBatch) -> Sequence[Item]:
    return [
        Item(index, _message(op, message_id, whole(own, command.common)), own)
        for index, (message_id, own) in zip(command.indexes, own_parts(op.resource_id, command), strict=True)
    ]


def _message(op: Operation, message_id: str, command: SendSms | SendEmail) -> Message:
    """As it is shown in lists: html and text stay with the batch."""
    status = "queued" if command.send_at is None else "scheduled"
    message = asked(
        command,
        id_=message_id,
        tenant_id=op.tenant_id,
        environment=op.environment,
        created_at=op.created_at,
        status=status,
    )
    return replace(message, content=replace(message.content, html=None, text=None))
