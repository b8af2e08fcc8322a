"""Payloads of the sms and email commands: what the public API accepted, in canonical form.

Addresses are normalized before they come here: numbers are E.164, email addresses are ASCII and lower case.
"""

from typing import Literal

from pydantic import Field, JsonValue

from onerouter_common.contracts.base import Contract, Moment

Priority = Literal["transactional", "bulk"]


class TemplateUse(Contract):
    """A template of the tenant's. It is rendered by the worker, with the version that was published when it was asked for."""

    template_id: str
    version: int = Field(ge=1)
    variables: dict[str, JsonValue] = {}


class EmailAddress(Contract):
    email: str
    name: str | None = None


class AttachmentUse(Contract):
    """A file that was handed to the messaging service before the command."""

    attachment_id: str
    filename: str
    content_type: str
    size_bytes: int = Field(ge=0)
    content_id: str | None = None
    """Set for what is shown inside the text (`cid:`)."""


class _Message(Contract):
    provider: str | None = None
    """Only this provider may send it; absent: the tenant's route decides."""
    providers: list[str] = []
    """Only these may, in this order, whatever the route prefers. Empty: the route decides."""
    template: TemplateUse | None = None
    metadata: dict[str, str] = {}
    tags: list[str] = []
    priority: Priority = "transactional"
    send_at: Moment | None = None
    """In `….schedule`: when it is to be sent. In `….send` of such a message: when it was to be."""
    batch_id: str | None = None
    override_suppression: str | None = None
    """Why it is sent although a recipient is on the suppression list. Absent: it is not."""


class SmsContent(_Message):
    """One of `body`, `template`, `provider_template`."""

    body: str | None = None
    provider_template: str | None = None
    """The provider's own template, in place of the body; `variables` are its."""
    variables: dict[str, JsonValue] = {}
    sender: str | None = None
    """A number, short code, alphanumeric sender or messaging service; absent: the connection's own."""


class SendSms(SmsContent):
    """`sms.send` and `sms.schedule`."""

    to: str
    """E.164."""
    country: str | None = None
    """Of the number, ISO 3166 alpha-2; for routes and prices. Absent: it belongs to none (+882, +870)."""
    is_part: bool = False
    """Of a bulk send (`batch_id`): what is here is the recipient's own, the rest is stored once, with the batch."""


class EmailContent(_Message):
    """Either `subject` with `html` or `text`, or `template`, or `provider_template`, which may have a `subject` beside it."""

    sender: EmailAddress | None = None
    """Absent: the connection's own (`default_from`)."""
    cc: list[EmailAddress] = []
    bcc: list[EmailAddress] = []
    reply_to: list[EmailAddress] = []
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    headers: dict[str, str] = {}
    attachments: list[AttachmentUse] = []
    provider_template: str | None = None
    """The provider's own template, in place of subject, html and text; `variables` are its."""
    variables: dict[str, JsonValue] = {}


class SendEmail(EmailContent):
    """`email.send` and `email.schedule`."""

    to: list[EmailAddress] = Field(min_length=1)
    is_part: bool = False
    """As of `SendSms`."""


class CancelMessage(Contract):
    """`sms.cancel` and `email.cancel`: ours while it waits, else the provider's where it can."""

    message_id: str


class SmsRecipient(Contract):
    """One message of a bulk send."""

    message_id: str
    to: str
    country: str | None = None
    body: str | None = None
    """Absent: the batch's."""
    variables: dict[str, JsonValue] = {}
    metadata: dict[str, str] = {}


class EmailRecipient(Contract):
    message_id: str
    to: EmailAddress
    variables: dict[str, JsonValue] = {}
    metadata: dict[str, str] = {}


class Rejected(Contract):
    """An item of a bulk send that could not be a message; the others go on."""

    index: int = Field(ge=0)
    """Its place in the request, from 0."""
    to: str
    message: str


class CreateSmsBatch(Contract):
    """`sms_batch.create`. `common` is the message without its recipients."""

    common: SmsContent
    recipients: list[SmsRecipient]
    indexes: list[int]
    """Of each recipient: its place in the request."""
    rejected: list[Rejected] = []


class CreateEmailBatch(Contract):
    """`email_batch.create`. `common` is the message without its recipients."""

    common: EmailContent
    recipients: list[EmailRecipient]
    indexes: list[int]
    rejected: list[Rejected] = []
