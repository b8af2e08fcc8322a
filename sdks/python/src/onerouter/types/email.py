"""Results: email.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object, OpenObject

from .shared import BatchMessage, Engagement, MessageFailure, RejectedRecipient, TemplateOfMessage

__all__ = ["AddressShown", "AttachmentShown", "Email", "EmailBatch", "RecipientShown"]


class AddressShown(Object):
    """Address shown."""

    email: str
    name: str | None


class AttachmentShown(Object):
    """Attachment shown."""

    content_type: str
    filename: str
    size_bytes: int


class Email(Object):
    """An email as it stands."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    attachments: list[AttachmentShown]
    batch_id: str | None
    bcc: list[AddressShown]
    cc: list[AddressShown]
    clicked: Engagement | None
    complained: Engagement | None
    cost: float | None
    """In major units of `currency`. Null: no price is known, or not yet."""
    cost_estimated: bool
    """By a price list; the provider has not said itself."""
    created: int
    """Unix seconds."""
    created_at: str
    currency: str | None
    delivered_at: str | None
    delivery_tracking: Literal["callbacks", "unavailable"] | str | None
    """`callbacks`: the provider tells what becomes of it, and is asked where it does not. `unavailable`: nobody
    tells, and `sent` is the last word. Null until a provider has it, and for what came in.
    """
    direction: Literal["outbound", "inbound"] | str
    effect_guarantee: Literal["exactly_once", "at_most_once"] | str
    """`exactly_once` where the provider lets a repeat be told, or a message be found; else `at_most_once`."""
    email_id: str
    """The same as `id`."""
    environment: Literal["test", "live"] | str
    error: MessageFailure | None
    """Why it failed."""
    html: str | None
    """Only with `include=content`."""
    id: str
    metadata: dict[str, str]
    object: Literal["email"]
    opened: Engagement | None
    priority: Literal["transactional", "bulk"] | str
    provider: str | None
    provider_data: OpenObject
    """What the provider tells beside that."""
    provider_message_id: str | None
    recipients: list[RecipientShown]
    reply_to: list[AddressShown]
    send_at: str | None
    sent_at: str | None
    service: str | None
    """The same as `provider`."""
    status: Literal["scheduled", "queued", "sent", "deferred", "delivered", "bounced", "failed", "canceled"] | str
    """Of several recipients: that of the least advanced, until all are final."""
    subject: str | None
    tags: list[str]
    template: TemplateOfMessage | None
    text: str | None
    """Only with `include=content`."""
    to: list[AddressShown]
    unsubscribed: Engagement | None
    updated_at: str
    version: int
    """Grows with each change."""

    @property
    def from_(self) -> AddressShown | None:
        """The field `from`, whose name is a word of Python's."""
        return self["from"]  # type: ignore[no-any-return]


class EmailBatch(Object):
    """Email batch."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    canceled_at: str | None
    counts: dict[str, int]
    """Messages by status."""
    created: int
    created_at: str
    environment: Literal["test", "live"] | str
    id: str
    messages: list[BatchMessage] | None
    """What each recipient became; in the first answer only."""
    object: Literal["email_batch"]
    rejected: list[RejectedRecipient]
    """What could not be a message; the others went on."""
    send_at: str | None
    status: Literal["processing", "completed", "canceled"] | str
    total: int


class RecipientShown(Object):
    """What became of it for one of the recipients."""

    at: str
    bounce_type: Literal["hard", "soft", "undetermined"] | str | None
    email: str
    message: str | None
    reason: str | None
    smtp_status: str | None
    status: (
        Literal["scheduled", "queued", "sent", "deferred", "delivered", "bounced", "failed", "suppressed", "canceled"]
        | str
    )


Email._nested = {
    "attachments": AttachmentShown,
    "bcc": AddressShown,
    "cc": AddressShown,
    "clicked": Engagement,
    "complained": Engagement,
    "error": MessageFailure,
    "from": AddressShown,
    "opened": Engagement,
    "recipients": RecipientShown,
    "reply_to": AddressShown,
    "template": TemplateOfMessage,
    "to": AddressShown,
    "unsubscribed": Engagement,
}
EmailBatch._nested = {"messages": BatchMessage, "rejected": RejectedRecipient}
