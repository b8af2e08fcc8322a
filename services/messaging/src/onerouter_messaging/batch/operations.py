"""`sms_batch.create`, `email_batch.create`, `sms_batch.cancel`, `email_batch.cancel`: none of them asks a provider.

Creating stores the batch, its messages and the operations that send them by one commit: a process that dies before it has
made nothing, one that dies after it has made all of them. Each is then sent, retried and told of by itself.
"""

from typing import Any, ClassVar, Final, Generic, TypeVar

from pydantic import JsonValue
from typing_extensions import override

from onerouter_common.clock import Clock
from onerouter_common.contracts.messages import CancelMessage, CreateEmailBatch, CreateSmsBatch
from onerouter_common.errors import NotFound
from onerouter_common.worker.handler import (
    CommandDraft,
    Handler,
    Operation,
    Outcome,
    Settled,
    Succeeded,
    operation,
)
from onerouter_messaging.batch.state import Batch, batch_of
from onerouter_messaging.batch.views import made_view
from onerouter_messaging.message.scheduling import PRIORITIES, sending_of

CommandT = TypeVar("CommandT", CreateSmsBatch, CreateEmailBatch)

_DONE: Final = "by_us"
_CANCELED: Final = "its batch was canceled"


class CreateBatch(Handler[CommandT, Batch], Generic[CommandT]):
    is_local = True
    sends: ClassVar[str]

    @override
    def concluded(self, op: Operation, command: CommandT, resource: Batch | None) -> Batch:
        return batch_of(op, command)

    @override
    def settle(self, op: Operation, command: CommandT, resource: Batch | None, outcome: Outcome) -> Settled[Batch]:
        if not isinstance(outcome, Succeeded):
            return Settled(None)
        made: Batch = outcome.result
        if resource is not None:
            return Settled(None, view=made_view(made), status=201)
        sending = (sending_of(item.command, item.message.id, self.sends) for item in made.items)
        return Settled(made, view=made_view(made), status=201, operations=tuple(sending))


@operation("sms_batch.create", capability="sms.send")
class SmsBatchCreate(CreateBatch[CreateSmsBatch]):
    command = CreateSmsBatch
    sends = "sms.send"


@operation("email_batch.create", capability="email.send")
class EmailBatchCreate(CreateBatch[CreateEmailBatch]):
    command = CreateEmailBatch
    sends = "email.send"


class CancelBatch(Handler[CancelMessage, Batch]):
    """Those of its messages that wait are canceled, each by an operation of its own: of one that leaves meanwhile its
    provider is asked, as for any message."""

    is_local = True
    command = CancelMessage
    channel: ClassVar[str]

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @override
    def concluded(self, op: Operation, command: CancelMessage, resource: Batch | None) -> str:
        self._owned(op, resource)
        return _DONE

    @override
    def settle(self, op: Operation, command: CancelMessage, resource: Batch | None, outcome: Outcome) -> Settled[Batch]:
        if not isinstance(outcome, Succeeded):
            return Settled(None)
        batch = self._owned(op, resource)
        after = batch.canceled(self._clock.now())
        view: dict[str, JsonValue] = {
            "id": batch.id,
            "object": f"{batch.channel}_batch",
            "status": "canceled",
            "canceling": len(batch.waiting),
        }
        return Settled(
            after if after != batch else None,
            view=view,
            operations=tuple(_cancelling(self.channel, message_id) for message_id in batch.waiting),
        )

    def _owned(self, op: Operation, batch: Batch | None) -> Batch:
        """Raises NotFound."""
        if batch is None or batch.channel != self.channel:
            raise NotFound(f"There is no batch {op.ordering_key} in the {op.environment} environment.")
        return batch


@operation("sms_batch.cancel", capability="sms.send")
class SmsBatchCancel(CancelBatch):
    channel = "sms"


@operation("email_batch.cancel", capability="email.send")
class EmailBatchCancel(CancelBatch):
    channel = "email"


def batch_handlers(clock: Clock) -> tuple[Handler[Any, Any], ...]:
    return SmsBatchCreate(), EmailBatchCreate(), SmsBatchCancel(clock), EmailBatchCancel(clock)


def _cancelling(channel: str, message_id: str) -> CommandDraft:
    return CommandDraft(
        operation=f"{channel}.cancel",
        resource_id=message_id,
        payload=CancelMessage(message_id=message_id),
        cause=_CANCELED,
        ordering_key=message_id,
        priority=PRIORITIES["bulk"],
        on_behalf=True,
    )
