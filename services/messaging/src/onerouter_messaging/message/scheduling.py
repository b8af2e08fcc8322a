"""What is sent later waits with us: `sms.schedule`, `email.schedule`, `sms.cancel`, `email.cancel`.

The provider's own scheduling is not used: where a message goes, what its template says and who must not get it is decided
when it is sent, and until then it can be canceled whoever would have sent it.
"""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar

from typing_extensions import override

from onerouter_common.clock import Clock
from onerouter_common.contracts.messages import CancelMessage, SendEmail, SendSms
from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.worker.handler import (
    Begun,
    CommandDraft,
    Connection,
    Handler,
    Operation,
    Outcome,
    RouteHint,
    Settled,
    Succeeded,
    operation,
)
from onerouter_messaging.message import telling
from onerouter_messaging.message.change import Told, observe, versioned
from onerouter_messaging.message.making import message_of
from onerouter_messaging.message.sending import settled
from onerouter_messaging.message.state import Message
from onerouter_messaging.message.views import message_view
from onerouter_providers.messages import MessageReference, MessageSnapshot, SendsEmail, SendsSms

CommandT = TypeVar("CommandT", SendSms, SendEmail)

Cannot = Mapping[tuple[str, str], str]
"""(Channel, provider) → a sentence about why it cannot cancel; absent: it can."""

PRIORITIES: Final[Mapping[str, int]] = {"transactional": 0, "bulk": 1}
_KEPT: Final = "kept"
_BY_US: Final = "by_us"
_MAY_STOP: Final = frozenset({"scheduled", "queued", "deferred"})


class ScheduleMessage(Handler[CommandT, Message], Generic[CommandT]):
    is_local = True
    makes_resource = True
    sends: ClassVar[str]
    """The operation that follows when its time has come."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @override
    def concluded(self, op: Operation, command: CommandT, resource: Message | None) -> str:
        if command.send_at is None:
            raise InvalidRequest.of("send_at", "is required")
        return _KEPT

    @override
    def settle(self, op: Operation, command: CommandT, resource: Message | None, outcome: Outcome) -> Settled[Message]:
        if not isinstance(outcome, Succeeded):
            return Settled(None)
        if resource is not None:
            return Settled(None, view=message_view(resource), status=201)
        message = message_of(op, command, status="scheduled")
        change = versioned(message, message, self._clock.now())
        return Settled(
            resource=change.message,
            view=message_view(change.message),
            status=201,
            events=settled(message, change).events,
            operations=(sending_of(command, message.id, self.sends),),
        )


def sending_of(command: SendSms | SendEmail, message_id: str, operation_name: str) -> CommandDraft:
    """The operation that sends a stored message, on behalf of whoever asked; at its time, if it has one."""
    return CommandDraft(
        operation=operation_name,
        resource_id=message_id,
        payload=command,
        cause="it is to be sent",
        ordering_key=message_id,
        not_before=command.send_at,
        priority=PRIORITIES[command.priority],
        on_behalf=True,
    )


@operation("sms.schedule", capability="sms.send")
class SmsSchedule(ScheduleMessage[SendSms]):
    command = SendSms
    sends = "sms.send"


@operation("email.schedule", capability="email.send")
class EmailSchedule(ScheduleMessage[SendEmail]):
    command = SendEmail
    sends = "email.send"


class Cancel(Handler[CancelMessage, Message]):
    passes_retries = True
    command = CancelMessage
    channel: ClassVar[Literal["sms", "email"]]

    def __init__(self, clock: Clock, cannot: Cannot) -> None:
        self._clock = clock
        self._cannot = cannot

    @override
    def concluded(self, op: Operation, command: CancelMessage, resource: Message | None) -> str | None:
        message = self._owned(op, resource)
        if message.status == "canceled" or message.waits_with_us:
            return _BY_US
        why_not = self._why_not(message)
        if why_not is not None:
            raise Conflict(why_not)
        return None

    @override
    def hint(self, op: Operation, command: CancelMessage, resource: Message | None) -> RouteHint:
        return RouteHint(connection_id=self._owned(op, resource).connection_id)

    @override
    def begin(
        self, op: Operation, command: CancelMessage, resource: Message | None, connection: Connection
    ) -> Begun[Message]:
        message = self._owned(op, resource)
        why_not = self._why_not(message)
        if why_not is not None:
            raise Conflict(why_not)
        return Begun(reference_of(message), message)

    @override
    def request(
        self, op: Operation, command: CancelMessage, resource: Message | None, connection: Connection
    ) -> MessageReference:
        return reference_of(self._owned(op, resource))

    @override
    async def lookup(self, client: Any, request: MessageReference, provider_key: str) -> MessageSnapshot | None:
        told = await self.get(client, request)
        return told if told.status == "canceled" else None

    async def get(self, client: Any, reference: MessageReference) -> MessageSnapshot:
        raise NotImplementedError

    @override
    def ids_of(self, result: MessageSnapshot) -> Collection[str]:
        return [result.provider_message_id]

    @override
    def believed(
        self, op: Operation, command: CancelMessage, resource: Message | None, provider_id: str
    ) -> MessageSnapshot:
        if self._owned(op, resource).provider_message_id != provider_id:
            raise InvalidRequest.of("provider_id", f"is not what {op.provider} has of this message")
        return MessageSnapshot("canceled", provider_id)

    @override
    def held(self, op: Operation, command: CancelMessage, resource: Message | None) -> str | None:
        return _BY_US if resource is not None and resource.status == "canceled" else None

    @override
    def settle(
        self, op: Operation, command: CancelMessage, resource: Message | None, outcome: Outcome
    ) -> Settled[Message]:
        if resource is None or resource.channel != self.channel:
            return Settled(None)
        if not isinstance(outcome, Succeeded):
            return Settled(None)
        now = self._clock.now()
        if outcome.result != _BY_US:
            return settled(resource, observe(resource, telling.of_snapshot(outcome.result, now), now))
        if resource.status == "canceled" or not resource.waits_with_us:  # the latter: the heart asks `concluded` again
            return Settled(None, view=message_view(resource))
        return settled(resource, observe(resource, Told(status="canceled", as_of=now), now))

    def _owned(self, op: Operation, message: Message | None) -> Message:
        """Raises NotFound, also for another tenant's or environment's, and for what came in."""
        is_ours = message is not None and message.channel == self.channel and message.direction == "outbound"
        if message is None or not is_ours:
            what = "SMS" if self.channel == "sms" else "email"
            raise NotFound(f"There is no {what} {op.ordering_key} in the {op.environment} environment.")
        return message

    def _why_not(self, message: Message) -> str | None:
        """Why the provider cannot be asked to cancel it; None: it can."""
        if message.status not in _MAY_STOP:
            return f"The message is {message.status}: it cannot be canceled any more."
        if not message.is_at_provider:
            return "The message is being sent, and it is not known yet what became of it: ask for it again."
        cannot = self._cannot.get((message.channel, message.provider or ""))
        return None if cannot is None else f"The message is with {message.provider} already. {cannot}".rstrip()


@operation("sms.cancel")
class SmsCancel(Cancel):
    channel = "sms"

    @override
    async def call(self, client: SendsSms, request: MessageReference, provider_key: str) -> MessageSnapshot:
        return await client.cancel_sms(request, key=provider_key)

    @override
    async def get(self, client: SendsSms, reference: MessageReference) -> MessageSnapshot:
        return await client.get_sms(reference)


@operation("email.cancel")
class EmailCancel(Cancel):
    channel = "email"

    @override
    async def call(self, client: SendsEmail, request: MessageReference, provider_key: str) -> MessageSnapshot:
        return await client.cancel_email(request, key=provider_key)

    @override
    async def get(self, client: SendsEmail, reference: MessageReference) -> MessageSnapshot:
        return await client.get_email(reference)


def reference_of(message: Message, to: str | None = None) -> MessageReference:
    """Of a message that is at its provider; `to`: which of its recipients is asked about, else the first it went to."""
    return MessageReference(
        message.id,
        message.provider_message_id or "",
        to or (message.written_to or message.recipients)[0].address,
        message.sent_at or message.word.as_of,
    )
