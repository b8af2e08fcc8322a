"""A message from what was asked, and from a callback about one that came in. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from onerouter_common.contracts.callbacks import Callback
from onerouter_common.contracts.messages import EmailAddress, SendEmail, SendSms
from onerouter_common.ids import SMS, derive_id
from onerouter_common.sms_segments import count_segments
from onerouter_common.worker.handler import Operation
from onerouter_messaging.message.recipients import Recipient, Role, Word
from onerouter_messaging.message.state import Content, File, Message, Party
from onerouter_providers.messages import EmailRequest, SmsRequest

# Not a secret: it only makes the same message that came in the same row here, however often it is told.
_CAME_IN: Final = b"onerouter.message-that-came-in"


def message_of(op: Operation, command: SendSms | SendEmail, *, status: str = "queued") -> Message:
    """The message an operation makes."""
    return asked(
        command,
        id_=op.resource_id,
        tenant_id=op.tenant_id,
        environment=op.environment,
        created_at=op.created_at,
        status=status,
    )


def asked(
    command: SendSms | SendEmail, *, id_: str, tenant_id: str, environment: str, created_at: datetime, status: str
) -> Message:
    """Nothing is rendered yet: what a template makes of it is known when it is sent."""
    word = Word(status, created_at)
    template = command.template
    made = Message(
        id=id_,
        channel="sms" if isinstance(command, SendSms) else "email",
        tenant_id=tenant_id,
        environment=environment,
        recipients=_recipients(command, word),
        created_at=created_at,
        updated_at=created_at,
        metadata=command.metadata,
        tags=tuple(command.tags),
        template_id=None if template is None else template.template_id,
        template_version=None if template is None else template.version,
        batch_id=command.batch_id,
        priority=command.priority,
        send_at=command.send_at,
    )
    if isinstance(command, SendSms):
        made = replace(
            made,
            country=command.country,
            sender=None if command.sender is None else Party(command.sender),
        )
        return made if command.body is None else with_body(made, command.body)
    return replace(
        made,
        sender=None if command.sender is None else _party(command.sender),
        reply_to=tuple(_party(one) for one in command.reply_to),
        content=Content(subject=command.subject, html=command.html, text=command.text),
        files=tuple(File(one.filename, one.content_type, one.size_bytes) for one in command.attachments),
    )


def composed(message: Message, request: SmsRequest | EmailRequest, at: datetime) -> Message:
    """The message with what really went out; who was left out of it is `suppressed`."""
    if isinstance(request, SmsRequest):
        message = with_body(message, request.body) if request.body else message
        return message if request.sender is None else replace(message, sender=Party(request.sender))
    kept = {one.email.lower() for one in (*request.to, *request.cc, *request.bcc)}
    left_out = Word("suppressed", at, reason="suppressed", message="The address is on the suppression list.")
    return replace(
        message,
        sender=Party(request.sender.email, request.sender.name),
        content=_said(message, request),
        recipients=tuple(
            one if one.address.lower() in kept else replace(one, word=left_out) for one in message.recipients
        ),
    )


def _said(message: Message, request: EmailRequest) -> Content:
    """Of a bulk send without a template all say the same, which is stored once, with the batch."""
    if message.content_is_shared:
        return replace(message.content, subject=request.subject)
    return Content(subject=request.subject, html=request.html, text=request.text)


def with_body(message: Message, body: str) -> Message:
    counted = count_segments(body)
    return replace(message, content=Content(body=body), segments=counted.count or None, encoding=counted.encoding)


def came_in(callback: Callback) -> tuple[str, Message] | None:
    """The SMS that a callback brings, and its id; None: it tells of something else."""
    told = callback.object
    if told.kind != "sms" or told.facts.get("event") != "inbound" or told.provider_id is None:
        return None
    facts = {name: str(told.facts.get(name) or "") for name in ("sender", "recipient", "body", "keyword")}
    message = Message(
        id=derive_id(SMS, _CAME_IN, callback.connection_id, told.provider_id),
        channel="sms",
        direction="inbound",
        tenant_id=callback.tenant_id,
        environment=callback.environment,
        recipients=(Recipient(facts["recipient"], Word("received", callback.occurred_at)),),
        sender=Party(facts["sender"]),
        created_at=callback.received_at,
        updated_at=callback.received_at,
        connection_id=callback.connection_id,
        provider=callback.provider,
        provider_message_id=told.provider_id,
        facts={"keyword": facts["keyword"]} if facts["keyword"] else {},
    )
    return message.id, with_body(message, facts["body"])


def _recipients(command: SendSms | SendEmail, word: Word) -> tuple[Recipient, ...]:
    if isinstance(command, SendSms):
        return (Recipient(command.to, word),)
    found: dict[str, Recipient] = {}
    for role, addresses in _roles(command):
        for one in addresses:
            found.setdefault(one.email, Recipient(one.email, word, role, one.name))
    return tuple(found.values())


def _roles(command: SendEmail) -> Iterable[tuple[Role, list[EmailAddress]]]:
    return ("to", command.to), ("cc", command.cc), ("bcc", command.bcc)


def _party(address: EmailAddress) -> Party:
    return Party(address.email, address.name)
