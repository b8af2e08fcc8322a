"""Sending: `sms.send`, `email.send`, and what both have in common."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

import structlog
from typing_extensions import override

from onerouter_common.clock import Clock
from onerouter_common.contracts.messages import SendEmail, SendSms
from onerouter_common.errors import (
    CallerError,
    CapabilityUnsupported,
    Conflict,
    InvalidRequest,
    Overloaded,
    ProviderError,
    ProviderOutcomeUnknown,
)
from onerouter_common.routing.route import Facts
from onerouter_common.worker.handler import (
    Begun,
    Connection,
    Failed,
    Handler,
    Idempotency,
    NeverSent,
    Operation,
    Outcome,
    RouteHint,
    Settled,
    Succeeded,
    operation,
)
from onerouter_common.worker.pace.rule import Pace
from onerouter_messaging.message import noted as noting
from onerouter_messaging.message import telling
from onerouter_messaging.message.change import Change, Told, merge, observe, versioned
from onerouter_messaging.message.composing import Composer, Notes
from onerouter_messaging.message.cost import Prices, estimate
from onerouter_messaging.message.making import composed, message_of, with_body
from onerouter_messaging.message.noted import Noted
from onerouter_messaging.message.state import EffectGuarantee, Message
from onerouter_messaging.message.views import drafts, message_view
from onerouter_providers.messages import (
    EmailRequest,
    HasSender,
    MessageReference,
    MessageSnapshot,
    SendsEmail,
    SendsSms,
    SmsRequest,
)

log = structlog.get_logger()

_COMPOSED_WITHIN_S: Final = 5.0
_FOUND_EARLIER: Final = timedelta(minutes=5)
"""A client finds also what was made a little before it was asked for, as clocks differ: whose that may be is looked for from
so much earlier on. What a provider made then was stored here later."""

ELSEWHERE: Final = frozenset(
    {
        "invalid_sender",
        "destination_not_permitted",
        "authentication_failed",
        "insufficient_credit",
        "payload_too_large",
    }
)
"""Reasons that are about one account or its limits, so that another may send it (the rest: `messages.NEVER_ELSEWHERE`, or
nobody knows)."""

CommandT = TypeVar("CommandT", SendSms, SendEmail)
RequestT = TypeVar("RequestT", SmsRequest, EmailRequest)


class Others(Protocol):
    """What else went to the same number over the same connection since: the provider's ids, and whether one is being sent at
    this moment, so that its id is not known yet."""

    async def __call__(self, message: Message, since: datetime) -> tuple[Collection[str], bool]: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What handlers of messages are given."""

    composer: Composer
    others: Others
    prices: Prices
    clock: Clock
    notes: Notes


@dataclass(frozen=True, slots=True)
class Question:
    """What `call` and `lookup` get: composed right before it is sent, with the templates, files and list of that moment; and
    once more as it was then (`Notes`) where its outcome is in doubt."""

    op: Operation
    command: Any
    message: Message
    since: datetime
    """The call was made after this, if it was made."""
    is_in_doubt: bool = False
    """It was made, and its outcome is not known: a look-up, or a repeat under its key."""
    callback_url: str | None = field(default=None, repr=False)
    default_from: str | None = None
    """The connection's own sender, for an email that names none."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the provider says, and what it was given."""

    told: MessageSnapshot | None
    """None: the message's own record shows it already."""
    request: SmsRequest | EmailRequest | None = None
    """None: not known any more (a person's word)."""


class SendMessage(Handler[CommandT, Message], Generic[CommandT, RequestT]):
    makes_resource = True
    channel: ClassVar[str]

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._clock = tools.clock

    async def compose(self, question: Question, noted: Noted | None) -> RequestT:
        """`noted`: the same as then. Raises a CallerError where nothing may be sent."""
        raise NotImplementedError

    def in_effect(self, client: Any, request: RequestT) -> RequestT:  # noqa: ARG002
        """With what the connection adds to it by now and perhaps not later."""
        return request

    def noted(self, question: Question, request: RequestT) -> Noted:
        raise NotImplementedError

    def is_as_noted(self, request: RequestT, noted: Noted) -> bool:  # noqa: ARG002
        """Whether what was put together again says what was said then."""
        return True

    async def send(self, client: Any, request: RequestT, key: str) -> MessageSnapshot:
        raise NotImplementedError

    async def find(self, client: Any, request: RequestT, question: Question) -> MessageSnapshot | None:
        raise NotImplementedError

    async def get(self, client: Any, reference: MessageReference) -> MessageSnapshot:
        raise NotImplementedError

    @override
    def hint(self, op: Operation, command: CommandT, resource: Message | None) -> RouteHint:
        country = command.country if isinstance(command, SendSms) else None
        metadata = command.metadata if resource is None else resource.metadata  # also what a bulk send says of all
        facts = Facts(country=country, channel=self.channel, metadata=metadata)
        return RouteHint(provider=command.provider, facts=facts, providers=tuple(command.providers))

    @override
    def concluded(self, op: Operation, command: CommandT, resource: Message | None) -> Sent | None:
        if resource is not None and resource.status == "canceled":
            raise Conflict(f"The message {resource.id} was canceled before its time.", code="MESSAGE_CANCELED")
        return None

    @override
    def begin(
        self, op: Operation, command: CommandT, resource: Message | None, connection: Connection
    ) -> Begun[Message]:
        self.concluded(op, command, resource)  # also of a further try: it may have been canceled in between
        message = resource or message_of(op, command)
        if message.is_put_off:
            message = replace(message, is_put_off=False, revision=message.revision + 1)
        if message.connection_id != connection.id and not message.is_at_provider:
            # The first that is asked, or another one because that surely did nothing.
            message = replace(
                message,
                connection_id=connection.id,
                provider=connection.provider,
                effect_guarantee=guarantee_of(connection, self.capability),
                updated_at=max(message.updated_at, self._clock.now()),
                revision=message.revision + 1,
            )
        return Begun(self._question(op, command, message, connection), message)

    @override
    def put_off(self, op: Operation, command: CommandT, resource: Message | None) -> Message | None:
        if resource is None or resource.is_put_off or resource.is_at_provider or resource.is_final:
            return None
        return replace(resource, is_put_off=True, revision=resource.revision + 1)

    @override
    def request(self, op: Operation, command: CommandT, resource: Message | None, connection: Connection) -> Question:
        question = self._question(op, command, resource or message_of(op, command), connection)
        return replace(question, is_in_doubt=True)

    @override
    async def call(self, client: Any, request: Question, provider_key: str) -> Sent:
        if not request.is_in_doubt:
            made = await self._composed(client, request)
            try:
                return Sent(await self.send(client, made, provider_key), made)
            except CallerError as error:  # the client's: nothing was sent, and another provider's bounds are others
                error.is_of_connection = True
                raise
        if request.message.is_at_provider:
            return await self._shown(request)  # a callback of the provider's told what became of the call
        made, is_same = await self._composed_again(request)
        if not is_same:
            raise _otherwise(request)
        return Sent(await self.send(client, made, provider_key), made)

    @override
    async def lookup(self, client: Any, request: Question, provider_key: str) -> Sent | None:
        """Raises NeverSent where nothing was noted, so that nothing left us."""
        if request.message.is_at_provider:
            return await self._shown(request)  # surer than any list: the provider's callback named our message
        made, is_same = await self._composed_again(request)
        found = await self.find(client, made, request)
        if found is None and not is_same:
            raise _otherwise(request)
        return None if found is None else Sent(found, made)

    async def _composed(self, client: Any, question: Question) -> RequestT:
        """What is sent next. It is noted first, durably: should this process die, it is known whether it got this far.

        Until here nothing was sent, whatever goes wrong: that must not pass for a call whose outcome nobody knows.
        """
        try:
            async with asyncio.timeout(_COMPOSED_WITHIN_S):
                if question.op.attempts:
                    await self._tools.notes.write(question.op, None)
                made = self.in_effect(client, await self.compose(question, None))
                await self._tools.notes.write(question.op, self.noted(question, made))
                return made
        except (CallerError, Overloaded):
            raise
        except Exception as error:
            log.exception("message.not_composed", operation_id=question.op.id, error=type(error).__name__)
            raise Overloaded("The message could not be prepared; nothing was sent.") from error

    async def _composed_again(self, question: Question) -> tuple[RequestT, bool]:
        """What was sent, if it was, and whether it says the same as then. Raises NeverSent."""
        noted = await self._tools.notes.read(question.op)
        if noted is None:
            raise NeverSent
        made = await self.compose(question, noted)
        return made, self.is_as_noted(made, noted)

    async def _shown(self, question: Question) -> Sent:
        """Of a message that is at its provider for sure: what was sent is only to be shown, where that can be told."""
        try:
            async with asyncio.timeout(_COMPOSED_WITHIN_S):
                made, is_same = await self._composed_again(question)
        except (NeverSent, CallerError, Overloaded, TimeoutError) as error:
            log.info("message.not_shown", operation_id=question.op.id, error=type(error).__name__)
            return Sent(None)
        return Sent(None, made if is_same else None)

    @override
    async def confirm(self, client: Any, request: Question, provider_id: str, provider_key: str) -> Sent | None:
        """What it finds for our request, else what stands under the id; where it can tell neither, the person's word."""
        try:
            found = await self.lookup(client, request, provider_key)
        except (ProviderOutcomeUnknown, NeverSent):
            found = None
        if found is not None and provider_id in self.ids_of(found):
            return found
        reference = MessageReference(
            request.message.id, provider_id, request.message.recipients[0].address, request.since
        )
        try:
            return Sent(await self.get(client, reference))
        except CapabilityUnsupported:
            return Sent(MessageSnapshot("sent", provider_id, is_tracked=request.message.is_tracked))

    @override
    def ids_of(self, result: Sent) -> Collection[str]:
        return [] if result.told is None else [result.told.provider_message_id]

    @override
    def believed(self, op: Operation, command: CommandT, resource: Message | None, provider_id: str) -> Sent:
        if resource is not None and resource.provider_message_id not in (None, provider_id):
            raise InvalidRequest.of("provider_id", f"is not what {op.provider} has of this operation")
        return Sent(MessageSnapshot("sent", provider_id))

    @override
    def held(self, op: Operation, command: CommandT, resource: Message | None) -> Sent | None:
        return Sent(None) if resource is not None and resource.is_at_provider else None

    @override
    def may_go_elsewhere(self, error: ProviderError) -> bool:
        return error.reason in ELSEWHERE

    @override
    def settle(self, op: Operation, command: CommandT, resource: Message | None, outcome: Outcome) -> Settled[Message]:
        if resource is None:
            return Settled(None)
        now = self._clock.now()
        if isinstance(outcome, Succeeded):
            return settled(resource, self._sent(resource, outcome.result, now), status=201)
        if isinstance(outcome, Failed):
            if resource.is_at_provider or resource.is_final:  # a callback proved the error wrong, or it was canceled
                return Settled(None)
            told = telling.of_error(outcome.error, now)
            return replace(settled(resource, versioned(resource, merge(resource, told), now, told)), view=None)
        if resource.status == "scheduled":  # its time came, and it may have gone: nobody should plan on stopping it
            return settled(resource, observe(resource, Told(status="queued", as_of=now), now), status=202)
        return Settled(None, view=message_view(resource), status=202)

    def _sent(self, message: Message, sent: Sent, now: datetime) -> Change:
        told = None if sent.told is None else telling.of_snapshot(sent.told, now)
        after = message if sent.request is None else composed(message, sent.request, now)
        if sent.told is not None and sent.told.body and not after.content:
            after = with_body(after, sent.told.body)  # of a template at the provider
        after = after if told is None else merge(after, told)
        if after.cost is None or after.cost.is_estimated:
            after = replace(after, cost=estimate(after, self._tools.prices))
        return versioned(message, after, now, told)

    def _question(self, op: Operation, command: CommandT, message: Message, connection: Connection) -> Question:
        public: Mapping[str, str] = getattr(connection, "public", {})
        return Question(
            op,
            command,
            message,
            since=max(op.created_at, op.not_before or op.created_at),
            callback_url=getattr(connection, "callback_url", None),
            default_from=_own_sender(public),
        )


@operation("sms.send")
class SmsSend(SendMessage[SendSms, SmsRequest]):
    command = SendSms
    channel = "sms"

    @override
    async def compose(self, question: Question, noted: Noted | None) -> SmsRequest:
        made = await self._tools.composer.sms(question.op, question.command, noted=noted)
        return replace(made, callback_url=question.callback_url)

    @override
    def in_effect(self, client: Any, request: SmsRequest) -> SmsRequest:
        if request.sender is None and isinstance(client, HasSender):
            return replace(request, sender=client.default_sender)
        return request

    @override
    def noted(self, question: Question, request: SmsRequest) -> Noted:
        return noting.of_sms(request)

    @override
    async def send(self, client: SendsSms, request: SmsRequest, key: str) -> MessageSnapshot:
        return await client.send_sms(request, key=key)

    @override
    async def find(self, client: SendsSms, request: SmsRequest, question: Question) -> MessageSnapshot | None:
        """Where a provider carries no mark of ours, a message is told by its number and text: then another one to the same
        number must not be taken for it, also not one that is on its way and has no id yet."""
        message, since = question.message, question.since - _FOUND_EARLIER
        taken, _ = await self._tools.others(message, since)
        found = await client.find_sms(request, since=question.since, but_not=taken)
        if found is None:
            return None
        taken, is_under_way = await self._tools.others(message, since)
        if is_under_way or found.provider_message_id in taken:
            raise ProviderOutcomeUnknown(
                "Another message to the same number is on its way; which of them was found cannot be told yet.",
                provider=message.provider or "",
                reason="indeterminate",
            )
        return found

    @override
    async def get(self, client: SendsSms, reference: MessageReference) -> MessageSnapshot:
        return await client.get_sms(reference)


@operation("email.send")
class EmailSend(SendMessage[SendEmail, EmailRequest]):
    command = SendEmail
    channel = "email"

    @override
    async def compose(self, question: Question, noted: Noted | None) -> EmailRequest:
        return await self._tools.composer.email(
            question.op, question.command, default_from=question.default_from, noted=noted
        )

    @override
    def tokens(self, command: SendEmail, pace: Pace) -> int:
        """Of a bulk send each has one recipient."""
        return len([*command.to, *command.cc, *command.bcc]) if pace.counts_recipients else 1

    @override
    def noted(self, question: Question, request: EmailRequest) -> Noted:
        return noting.of_email(request, question.message.addresses)

    @override
    def is_as_noted(self, request: EmailRequest, noted: Noted) -> bool:
        return noted.digest in (None, noting.digest_of(request))

    @override
    async def send(self, client: SendsEmail, request: EmailRequest, key: str) -> MessageSnapshot:
        return await client.send_email(request, key=key)

    @override
    async def find(self, client: SendsEmail, request: EmailRequest, question: Question) -> MessageSnapshot | None:
        return await client.find_email(request, since=question.since)

    @override
    async def get(self, client: SendsEmail, reference: MessageReference) -> MessageSnapshot:
        return await client.get_email(reference)


def _otherwise(question: Question) -> ProviderOutcomeUnknown:
    return ProviderOutcomeUnknown(
        "What was sent cannot be put together in the same words again, so it can neither be repeated nor ruled out.",
        provider=question.message.provider or "",
        reason="indeterminate",
    )


def _own_sender(public: Mapping[str, str]) -> str | None:
    """The connection's sender with its name, which some providers' forms ask for in a field of its own."""
    address, name = public.get("default_from"), public.get("default_from_name")
    return f"{name} <{address}>" if address and name and "<" not in address else address or None


def guarantee_of(connection: Connection, capability: str) -> EffectGuarantee:
    """Exactly once where a repeat is safe or the provider can be asked; else at most once, and then a callback or a person
    decides."""
    safe = connection.idempotency_of(capability) in (Idempotency.NATIVE, Idempotency.LOOKUP)
    return "exactly_once" if safe else "at_most_once"


def settled(before: Message, change: Change, *, status: int = 200) -> Settled[Message]:
    """Nothing is stored when nothing changed."""
    after = change.message
    return Settled(
        resource=after if after.revision > before.revision else None,
        view=message_view(after),
        status=status,
        events=drafts(change.happened),
    )
