"""A message as it goes out: what its template says, without those who must not get it, with its files."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from onerouter_common.contracts.messages import AttachmentUse, EmailAddress, SendEmail, SendSms, TemplateUse
from onerouter_common.errors import CallerError, InvalidRequest
from onerouter_common.recipients import mailbox_of
from onerouter_common.worker.handler import Operation
from onerouter_messaging.content.batches import BatchContents
from onerouter_messaging.content.source import Source
from onerouter_messaging.message.noted import Noted, address_of
from onerouter_messaging.suppression.checking import SuppressionCheck
from onerouter_messaging.template.characters import sendable
from onerouter_messaging.template.rendering import Rendering, body_of
from onerouter_providers.messages import Address, Attachment, EmailRequest, SmsRequest

SUPPRESSED: Final = "SUPPRESSED"


class MessageComposer:
    """The handlers' `Composer` (`message.composing`). What it does may be done again: the same command, the same message.

    Raises Overloaded when something that is needed cannot be asked now: nothing was sent, and it is tried again.
    """

    def __init__(self, source: Source, batches: BatchContents, rendering: Rendering, check: SuppressionCheck) -> None:
        self._source = source
        self._batches = batches
        self._rendering = rendering
        self._check = check

    async def sms(self, op: Operation, command: SendSms, *, noted: Noted | None = None) -> SmsRequest:
        command = await self._batches.whole(op, command)
        if noted is None and await self._left_out(op, command, [command.to]):
            raise _suppressed(1)
        return SmsRequest(
            message_id=op.resource_id,
            to=command.to,
            body=await self._body(op, command, noted),
            sender=noted.sender.address if noted is not None and noted.sender is not None else command.sender,
            provider_template=command.provider_template,
            variables=command.variables,
        )

    async def _body(self, op: Operation, command: SendSms, noted: Noted | None) -> str:
        """Of an SMS; empty where the provider has it."""
        if command.provider_template is not None:
            return ""
        if noted is not None and noted.body:
            return body_of("body", noted.body)
        if command.template is not None:
            return body_of("body", (await self._said(op, command, command.template))["body"])
        return body_of("body", command.body or "")

    async def email(
        self, op: Operation, command: SendEmail, *, default_from: str | None = None, noted: Noted | None = None
    ) -> EmailRequest:
        command = await self._batches.whole(op, command)
        everybody = [one.email for one in (*command.to, *command.cc, *command.bcc)]
        left_out = await self._left_out(op, command, everybody) if noted is None else noted.left_out
        to, cc, bcc = (_without(left_out, part) for part in (command.to, command.cc, command.bcc))
        if not to:
            raise _suppressed(len(command.to), in_copy=len(command.cc) + len(command.bcc))
        said = await self._parts(op, command)
        return EmailRequest(
            message_id=op.resource_id,
            sender=_sender(command.sender, default_from)
            if noted is None
            else _noted_sender(noted, command, default_from),
            to=to,
            cc=cc,
            bcc=bcc,
            reply_to=_without((), command.reply_to),
            subject=said.get("subject"),
            html=said.get("html"),
            text=said.get("text"),
            headers=command.headers,
            attachments=[await self._file(op, one) for one in command.attachments],
            tags=command.tags,
            provider_template=command.provider_template,
            variables=command.variables,
        )

    async def _left_out(self, op: Operation, command: SendSms | SendEmail, addresses: Sequence[str]) -> Collection[str]:
        """Who is on the list and so gets nothing. An override is written down before anything is sent."""
        found = await self._check.on_list(op.tenant_id, op.environment, op.category, addresses)
        why = command.override_suppression
        if not found or why is None:
            return found
        await self._source.note_override(op, sorted(found), why)
        return ()

    async def _parts(self, op: Operation, command: SendEmail) -> Mapping[str, str]:
        if command.provider_template is not None:
            return {} if command.subject is None else {"subject": command.subject}
        if command.template is not None:
            return await self._said(op, command, command.template)
        given = {"subject": command.subject, "html": command.html, "text": command.text}
        said = {part: sendable(part, text) for part, text in given.items() if text}
        if "html" in said and "text" not in said and not command.is_part:
            text = await self._rendering.text_of(op.tenant_id, said["html"])
            said |= {} if text is None else {"text": text}
        return said

    async def _said(self, op: Operation, command: SendSms | SendEmail, use: TemplateUse) -> Mapping[str, str]:
        """Rendered as of one moment, whenever that is done: a look-up compares it with what was sent."""
        written = await self._source.template(op, use)
        at = command.send_at or op.accepted_at
        return await self._rendering.rendered(op.tenant_id, written, use.variables, at)

    async def _file(self, op: Operation, use: AttachmentUse) -> Attachment:
        content = await self._source.attachment(op, use)
        return Attachment(use.filename, content, use.content_type, use.content_id)


def _without(left_out: Collection[str], addresses: Sequence[EmailAddress]) -> list[Address]:
    return [Address(one.email, one.name) for one in addresses if one.email not in left_out]


def _sender(sender: EmailAddress | None, default_from: str | None) -> Address:
    if sender is not None:
        return Address(sender.email, sender.name)
    if not default_from:
        error = InvalidRequest.of("from_email", "is required: the connection has no sender of its own (default_from)")
        error.is_of_connection = True  # another may have one
        raise error
    own = mailbox_of("default_from", default_from)
    return Address(own.email, own.name)


def _noted_sender(noted: Noted, command: SendEmail, default_from: str | None) -> Address:
    return address_of(noted.sender) if noted.sender is not None else _sender(command.sender, default_from)


def _suppressed(recipients: int, *, in_copy: int = 0) -> CallerError:
    """`recipients`: in `to`. Without one of them nobody gets a copy either."""
    whom = "the recipient is" if recipients == 1 else "all recipients in to are"
    nothing = "Nothing was sent, to cc and bcc neither" if in_copy else "Nothing was sent"
    return CallerError(
        f"{nothing}: {whom} on the suppression list. Send suppression_override with a reason to send it all the same.",
        code=SUPPRESSED,
    )
