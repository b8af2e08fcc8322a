"""Parameters: email.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypedDict

from ._values import Address
from .shared import SuppressionOverride

__all__ = ["AttachmentIn", "EmailBulk", "EmailBulkItem", "EmailSend"]


class _AttachmentInRequired(TypedDict):
    content: str
    """Base64."""
    filename: str


class AttachmentIn(_AttachmentInRequired, total=False):
    """A file."""

    content_id: str | None
    """For what is shown inside the HTML, as `cid:…`."""
    content_type: str | None
    """Must be what the content is. Absent: by the name."""


class _EmailBulkRequired(TypedDict):
    recipients: Sequence[EmailBulkItem]
    """Each is a message of its own."""


class EmailBulk(_EmailBulkRequired, total=False):
    """One email, or one template, to many; each is a message of its own, and one that is wrong stops no other."""

    attachments: Sequence[AttachmentIn]
    """Up to 20; the whole request has at most 10 MiB."""
    from_email: str | Address | None
    """Of a domain that is yours at the provider. Absent: the connection's own."""
    from_name: str | None
    headers: Mapping[str, str]
    """Further ones, such as `List-Unsubscribe` or `X-…`; not what has a field here."""
    html_body: str | None
    """With `text_body` or without: then a text is made of it."""
    metadata: Mapping[str, str]
    """Yours; kept with the message and in its events."""
    priority: Literal["transactional", "bulk"] | None
    """`bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`."""
    provider: str | None
    """Only this provider. Absent: your route decides."""
    provider_template: str | None
    """In place of the text: the id or name of a template at `provider`, which has to be given. A `subject` may
    stand beside it at Mailgun and Resend.
    """
    providers: Sequence[str]
    """Only these, in this order, whatever your route prefers."""
    reply_to: str | Address | Sequence[str | Address]
    send_at: datetime | str | int | None
    """Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now."""
    subject: str | None
    suppression_override: SuppressionOverride | None
    """Send it although a recipient is on your suppression list."""
    tags: Sequence[str]
    """Words to find messages by: lists take `tag`."""
    template_id: str | None
    """In place of the text: a published template."""
    template_version: int | None
    """Absent: the one that is published when the request comes."""
    text_body: str | None
    variables: Mapping[str, object]
    """What the template's names stand for."""


class _EmailBulkItemRequired(TypedDict):
    to: str | Address


class EmailBulkItem(_EmailBulkItemRequired, total=False):
    """One message of a bulk send."""

    metadata: Mapping[str, str]
    """Beside that of the whole."""
    variables: Mapping[str, object]
    """Beside those of the whole."""


class _EmailSendRequired(TypedDict):
    to: str | Address | Sequence[str | Address]


class EmailSend(_EmailSendRequired, total=False):
    """One email; all recipients in `to` and `cc` see each other."""

    attachments: Sequence[AttachmentIn]
    """Up to 20; the whole request has at most 10 MiB."""
    bcc: str | Address | Sequence[str | Address]
    cc: str | Address | Sequence[str | Address]
    from_email: str | Address | None
    """Of a domain that is yours at the provider. Absent: the connection's own."""
    from_name: str | None
    headers: Mapping[str, str]
    """Further ones, such as `List-Unsubscribe` or `X-…`; not what has a field here."""
    html_body: str | None
    """With `text_body` or without: then a text is made of it."""
    metadata: Mapping[str, str]
    """Yours; kept with the message and in its events."""
    priority: Literal["transactional", "bulk"] | None
    """`bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`."""
    provider: str | None
    """Only this provider. Absent: your route decides."""
    provider_template: str | None
    """In place of the text: the id or name of a template at `provider`, which has to be given. A `subject` may
    stand beside it at Mailgun and Resend.
    """
    providers: Sequence[str]
    """Only these, in this order, whatever your route prefers."""
    reply_to: str | Address | Sequence[str | Address]
    send_at: datetime | str | int | None
    """Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now."""
    subject: str | None
    suppression_override: SuppressionOverride | None
    """Send it although a recipient is on your suppression list."""
    tags: Sequence[str]
    """Words to find messages by: lists take `tag`."""
    template_id: str | None
    """In place of the text: a published template."""
    template_version: int | None
    """Absent: the one that is published when the request comes."""
    text_body: str | None
    variables: Mapping[str, object]
    """What the template's names stand for."""
