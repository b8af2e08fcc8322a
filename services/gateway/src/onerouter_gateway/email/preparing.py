"""From a request to send email to the command that does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.requests import Request

from onerouter_common.contracts.messages import (
    AttachmentUse,
    CreateEmailBatch,
    EmailAddress,
    EmailContent,
    EmailRecipient,
    SendEmail,
)
from onerouter_common.errors import FieldError, InvalidRequest, PayloadTooLarge
from onerouter_common.ids import BATCH, EMAIL, new_id
from onerouter_common.recipients import headers_of, subject_of
from onerouter_gateway.admission import Writing
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.edge.canonical import canonical_of
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.email.addresses import address_of, addresses_of, without
from onerouter_gateway.email.attachments import File, files_of, hand_over
from onerouter_gateway.email.schemas import MOST_ADDRESSES, AttachmentIn, EmailBulk, EmailBulkItem, EmailSend
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.messages.bulk import check_own, each
from onerouter_gateway.messages.channel import EMAIL_CHANNEL
from onerouter_gateway.messages.sending import (
    Chosen,
    Prepared,
    carrying,
    check_texts,
    common_fields,
    earlier,
    sendable,
)

_ROUTE: Final = f"POST {EMAIL_CHANNEL.path}"
_BULK_ROUTE: Final = f"POST {EMAIL_CHANNEL.path}/bulk"
_MOST_FILES_BYTES: Final = 7_500_000
"""Of all files decoded: as base64 they fill the largest body."""
_MOST_TEXT_BYTES: Final = 512 * 1024
"""Of html and text together: mail programs cut off what is longer than a fifth of it."""


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands above the text, checked and in one spelling."""

    sender: EmailAddress | None
    cc: list[EmailAddress]
    bcc: list[EmailAddress]
    reply_to: list[EmailAddress]
    subject: str | None
    headers: dict[str, str]


async def prepared(request: Request, asked: Writing, body: Mapping[str, Any]) -> Prepared:
    """One email. Its files are kept elsewhere when this returns, so the body need not be held any longer.

    Raises InvalidRequest, PayloadTooLarge, ServiceNotConfigured; Overloaded where a template cannot be looked up, or files
    cannot be kept.
    """
    gateway = gateway_of(request)
    wanted = validate(EmailSend, body)
    to = addresses_of("to", wanted.to)
    head = _head(wanted, to)
    files = await files_of(wanted.attachments, _MOST_FILES_BYTES)
    verb = "send" if wanted.send_at is None else "schedule"
    canonical = {**_canonical(wanted, head, files), "to": _dumped(to)}
    intent = Intent(f"email.{verb}", EMAIL_CHANNEL.name, _ROUTE, canonical, {}, EMAIL)
    _check_content(wanted)
    repeated = await earlier(request, asked, intent, wanted, has_files=bool(files))
    if repeated is not None:
        return repeated
    template = await sendable(gateway, asked, EMAIL_CHANNEL, wanted)
    template.check({})
    command = SendEmail(
        **_content(wanted, head, template, priority="transactional"),
        to=to,
        attachments=await _kept(gateway, asked, intent, files),
    )
    return carrying(intent, command, command.priority)


async def prepared_bulk(request: Request, asked: Writing, body: Mapping[str, Any]) -> Prepared:
    """A batch of emails, the files of which are the same. Raises the same; InvalidRequest, too, when none can be sent."""
    gateway = gateway_of(request)
    _refuse_copies(body)
    wanted = validate(EmailBulk, body)
    head = _head(wanted, [])
    files = await files_of(wanted.attachments, _MOST_FILES_BYTES)
    _check_content(wanted)
    canonical = _canonical(wanted, head, files)
    intent = Intent("email_batch.create", EMAIL_CHANNEL.name, _BULK_ROUTE, canonical, {}, BATCH)
    repeated = await gateway.commands.repeated(intent, asked.asked, request)
    if repeated is not None:
        return repeated
    template = await sendable(gateway, asked, EMAIL_CHANNEL, wanted)
    recipients = await each(wanted.recipients, lambda item: _recipient(item, wanted, template))
    intent = replace(intent, units=len(recipients.accepted))
    common = EmailContent(
        **_content(wanted, head, template, priority="bulk"), attachments=await _kept(gateway, asked, intent, files)
    )
    command = CreateEmailBatch(
        common=common,
        recipients=list(recipients.accepted),
        indexes=list(recipients.indexes),
        rejected=list(recipients.rejected),
    )
    return carrying(intent, command, common.priority)


def _refuse_copies(body: Mapping[str, Any]) -> None:
    """Whoever is in copy would get as many as there are recipients. Raises InvalidRequest."""
    for name in ("cc", "bcc"):
        if body.get(name):
            raise InvalidRequest.of(name, "is not possible in a bulk send: it would get a copy for each recipient")


async def _kept(gateway: Gateway, asked: Writing, intent: Intent, files: Sequence[File]) -> list[AttachmentUse]:
    """Where the worker finds them; nothing is kept for what has no room. Raises what `check_room` and `hand_over` do."""
    if files:
        await gateway.commands.check_room(intent, asked.asked)
    return await hand_over(gateway, asked, files)


def _recipient(item: Any, wanted: EmailBulk, template: Chosen) -> EmailRecipient:
    """Raises InvalidRequest."""
    _refuse_copies(item)
    one = validate(EmailBulkItem, item)
    has_template = wanted.template_id is not None or wanted.provider_template is not None
    check_own(has_text=False, has_variables=bool(one.variables), has_template=has_template)
    to = address_of("to", one.to)
    template.check(one.variables)
    return EmailRecipient(message_id=new_id(EMAIL), to=to, variables=one.variables, metadata=one.metadata)


def _head(wanted: EmailSend | EmailBulk, to: Sequence[EmailAddress]) -> _Head:
    """Raises InvalidRequest, above all for what would break out of its line."""
    cc: list[EmailAddress] = []
    bcc: list[EmailAddress] = []
    if isinstance(wanted, EmailSend):
        cc = without(addresses_of("cc", wanted.cc), to)
        bcc = without(addresses_of("bcc", wanted.bcc), to, cc)
    if len(to) + len(cc) + len(bcc) > MOST_ADDRESSES:
        raise InvalidRequest.of("to", f"must have at most {MOST_ADDRESSES} addresses, together with cc and bcc")
    if wanted.from_name is not None and wanted.from_email is None:
        raise InvalidRequest.of("from_name", "needs a from_email")
    sender = None
    if wanted.from_email is not None:
        sender = address_of("from_email", wanted.from_email, name=wanted.from_name)
    headers, answers_to = _without_reply_to(wanted)
    return _Head(
        sender=sender,
        cc=cc,
        bcc=bcc,
        reply_to=addresses_of("reply_to", answers_to),
        subject=None if wanted.subject is None else subject_of("subject", wanted.subject),
        headers=headers_of("headers", headers),
    )


def _without_reply_to(wanted: EmailSend | EmailBulk) -> tuple[dict[str, str], Sequence[Any]]:
    """`Reply-To` among the headers is what `reply_to` says. Raises InvalidRequest where both are there."""
    headers = {name: value for name, value in wanted.headers.items() if name.lower() != "reply-to"}
    given = [value for name, value in wanted.headers.items() if name.lower() == "reply-to"]
    if given and (wanted.reply_to or len(given) > 1):
        raise InvalidRequest.of("headers.Reply-To", "cannot be there beside reply_to")
    return headers, given or wanted.reply_to


def _check_content(wanted: EmailSend | EmailBulk) -> None:
    """Raises InvalidRequest, PayloadTooLarge."""
    texts = {"subject": wanted.subject, "html_body": wanted.html_body, "text_body": wanted.text_body}
    # Whether a subject may stand beside a template of its own is for the provider to say.
    beside = {"subject"} if wanted.provider_template is not None and wanted.template_id is None else set[str]()
    apart = {name: text for name, text in texts.items() if name not in beside}
    check_texts(wanted, apart, provider_template=wanted.provider_template)
    if wanted.template_id is None and wanted.provider_template is None:
        if wanted.subject is None or not wanted.subject.strip():
            raise InvalidRequest.of("subject", "is required, unless there is a template")
        if not (wanted.html_body or wanted.text_body):
            raise InvalidRequest.of("html_body", "or text_body is required, unless there is a template")
    sizes = {name: len(text.encode()) for name, text in texts.items() if text is not None}
    if sum(sizes.values()) > _MOST_TEXT_BYTES:
        largest = max(sizes, key=lambda name: sizes[name])
        message = f"is too long: the texts of an email have at most {_MOST_TEXT_BYTES} bytes"
        raise PayloadTooLarge(f"{largest} {message}.", errors=(FieldError(largest, message),))


def _content(wanted: EmailSend | EmailBulk, head: _Head, template: Chosen, *, priority: str) -> dict[str, Any]:
    return {
        **common_fields(wanted, template, priority=priority),
        "sender": head.sender,
        "cc": head.cc,
        "bcc": head.bcc,
        "reply_to": head.reply_to,
        "subject": head.subject,
        "html": wanted.html_body,
        "text": wanted.text_body,
        "headers": head.headers,
        "provider_template": wanted.provider_template,
        "variables": wanted.variables if wanted.provider_template is not None else {},
    }


def _canonical(wanted: EmailSend | EmailBulk, head: _Head, files: Sequence[File]) -> dict[str, Any]:
    """Addresses in one spelling, files by their digests."""
    bare = wanted.model_copy(update={"attachments": list[AttachmentIn]()})
    canonical = {name: value for name, value in canonical_of(bare).items() if name not in _IN_THE_HEAD}
    spelled = {
        "from_email": None if head.sender is None else head.sender.model_dump(),
        "cc": _dumped(head.cc),
        "bcc": _dumped(head.bcc),
        "reply_to": _dumped(head.reply_to),
        "headers": head.headers,
        "attachments": [one.canonical for one in files],
    }
    return {**canonical, **{name: value for name, value in spelled.items() if value}}


_IN_THE_HEAD: Final = frozenset({"from_email", "from_name", "cc", "bcc", "reply_to", "headers", "attachments"})


def _dumped(addresses: Sequence[EmailAddress]) -> list[dict[str, Any]]:
    return [one.model_dump() for one in addresses]
