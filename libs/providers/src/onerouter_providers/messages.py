"""What the messaging categories ask of their providers: requests, one snapshot, the Protocols of `sms` and `email`.

Errors are the ProviderError tree (`onerouter_common.errors`): what the provider surely did not take is declined, refused,
throttled or unavailable; what it may have taken is ProviderOutcomeUnknown, and is never sent again blind. A CallerError
refuses before anything is sent, for what this provider cannot be told; it names fields as callers of the public API write
them (`from_number`, `html_body`). `key` is the operation's provider key, the same for each repeat.

What a tenant notes with a message (`metadata`) is not in a request: it is kept with our own record of the message, which
callbacks lead to. Providers bound it, each in another way, and one writes it into the mail.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, Protocol, runtime_checkable

from pydantic import JsonValue

SmsStatus = Literal["scheduled", "queued", "sent", "delivered", "undelivered", "failed", "canceled"]
EmailStatus = Literal["scheduled", "queued", "sent", "deferred", "delivered", "bounced", "failed", "canceled"]

REASONS: Final = frozenset(
    {
        "invalid_request",
        "payload_too_large",
        "invalid_recipient",
        "unsubscribed",
        "suppressed",
        "invalid_sender",
        "destination_not_permitted",
        "content_rejected",
        "authentication_failed",
        "insufficient_credit",
        "rate_limited",
        "provider_unavailable",
        "not_found",
        "conflict",
        "indeterminate",
        "unknown",
    }
)
"""Normalized reasons of an error or a failed message."""

NEVER_ELSEWHERE: Final = frozenset({"unsubscribed", "suppressed", "invalid_recipient", "content_rejected"})
"""What another provider must not be tried for: it follows the recipient or the message, not the provider."""

FACTS: Final = frozenset(
    {
        "recipient",  # whom an event speaks of, where a message has several
        "event",  # opened, clicked, complained, unsubscribed, resubscribed, read, suppressed, inbound
        "suppressed_for",  # bounce, complaint: why the recipient is on the provider's own list
        "bounce_type",  # hard, soft, undetermined
        "smtp_status",
        "url",  # that was clicked
        "is_machine",  # an opening by a mail server, not a person
        "keyword",  # STOP, HELP or START, of an inbound message
        "body",  # of an inbound message
        "sender",
    }
)
"""The names of facts that the object of a callback may carry for a message."""


@dataclass(frozen=True, slots=True)
class SmsRequest:
    message_id: str
    """Ours: goes where the provider lets us find it again."""
    to: str
    """E.164."""
    body: str
    """Empty where `provider_template` takes its place."""
    sender: str | None = None
    """A number, short code, alphanumeric sender or messaging service; None: the connection's own."""
    send_at: datetime | None = None
    """Only for a provider with the capability `sms.schedule`."""
    callback_url: str | None = None
    """Where this connection's callbacks come in, for a provider that is told with each message."""
    provider_template: str | None = None
    """The provider's own template, in place of the body."""
    variables: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Address:
    email: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str
    content: bytes = field(repr=False)
    content_type: str
    content_id: str | None = None
    """Set for what is shown inside the text (`cid:`)."""


@dataclass(frozen=True, slots=True)
class EmailRequest:
    """One message; all recipients in `to` see each other."""

    message_id: str
    sender: Address
    to: Sequence[Address]
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    cc: Sequence[Address] = ()
    bcc: Sequence[Address] = ()
    reply_to: Sequence[Address] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()
    tags: Sequence[str] = ()
    """Words of letters, digits, `_` and `-`, by which the provider, too, may count."""
    provider_template: str | None = None
    """The provider's own template, in place of html and text, and of the subject where the template has it."""
    variables: Mapping[str, JsonValue] = field(default_factory=dict)
    send_at: datetime | None = None
    """Only for a provider with the capability `email.schedule`."""


@dataclass(frozen=True, slots=True)
class MessageReference:
    """A message the provider has taken."""

    message_id: str
    provider_message_id: str
    to: str
    """Of which of its recipients is asked, where the provider knows what became of each."""
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class MessageSnapshot:
    """What the provider says of a message."""

    status: SmsStatus | EmailStatus
    provider_message_id: str
    as_of: datetime | None = None
    """When it was so, by the provider's word. None: at the moment of this answer."""
    body: str | None = field(default=None, repr=False)
    """What an SMS says, where the provider tells: of its own template nobody else knows."""
    segments: int | None = None
    cost: Decimal | None = None
    """What the provider charges, positive, where it says so."""
    cost_currency: str | None = None
    is_tracked: bool = True
    """Whether delivery will be told of; SNS never tells us."""
    error_reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    """`recipient`: of whom this is, where a message has several and it is not of all."""


@runtime_checkable
class HasSender(Protocol):
    """An SMS client whose connection has a sender of its own, which may be another one tomorrow."""

    @property
    def default_sender(self) -> str | None:
        """In the form of `SmsRequest.sender`: given there, the same is sent. None: it has none."""
        ...


class SendsSms(Protocol):
    """Capabilities `sms.send`, and where the provider has them `sms.get`, `sms.cancel`, `sms.schedule`."""

    async def send_sms(self, request: SmsRequest, *, key: str) -> MessageSnapshot: ...

    async def find_sms(
        self, request: SmsRequest, *, since: datetime, but_not: Collection[str] = ()
    ) -> MessageSnapshot | None:
        """The message that `send_sms` sent for this request after `since`; None when there surely is none.

        `but_not`: the provider's ids of other messages to the same number. Only a provider that carries no mark of ours has
        to leave them out.
        """
        ...

    async def get_sms(self, reference: MessageReference) -> MessageSnapshot: ...

    async def cancel_sms(self, reference: MessageReference, *, key: str) -> MessageSnapshot: ...

    async def probe(self) -> None:
        """A read-only call that proves the credentials. Raises ProviderRefusedUs when they are wrong."""
        ...


class SendsEmail(Protocol):
    """Capabilities `email.send`, and where the provider has them `email.get`, `email.cancel`, `email.schedule`."""

    async def send_email(self, request: EmailRequest, *, key: str) -> MessageSnapshot: ...

    async def find_email(self, request: EmailRequest, *, since: datetime) -> MessageSnapshot | None: ...

    async def get_email(self, reference: MessageReference) -> MessageSnapshot: ...

    async def cancel_email(self, reference: MessageReference, *, key: str) -> MessageSnapshot: ...

    async def probe(self) -> None: ...
