"""Messages as a person looks at them, whichever provider took them. Times are seconds since 1970 by the account's clock."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Channel = Literal["sms", "email"]
Tone = Literal["good", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a person, a carrier or a mail server may do now: one request to the control API.

    `recipient_as`: the field of the body that takes one recipient of several; `recipients` takes a list.
    `link_as`: where in the body the address stands that was clicked, by its path.
    """

    name: str
    label: str
    path: str
    body: Mapping[str, Any]
    tone: Tone = "plain"
    recipient_as: str | None = None
    link_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """`event` in the provider's own word; `recipient` None: it is about the whole message."""

    event: str
    at: float
    recipient: str | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """`encoded`: its content in base 64; None: the provider was only told where it is."""

    name: str
    content_type: str
    size: int | None
    encoded: str | None = field(repr=False)
    content_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    provider: str
    account: str
    id: str
    at: float
    status: str
    """The provider's own word."""
    sender: str
    to: tuple[str, ...]
    happened: tuple[Happened, ...] = ()
    actions: tuple[Action, ...] = ()
    reference: str | None = None
    """The sender's own id, where the provider carries one."""
    told_as: str | None = None
    """The `group` of its callbacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Email(_Message):
    subject: str
    text: str | None = field(repr=False)
    html: str | None = field(repr=False)
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    template: str | None = None
    send_at: float | None = None
    attachments: tuple[Attachment, ...] = ()
    recipients: tuple[str, ...] = ()
    """Bare addresses, of cc and bcc as well."""

    channel: Channel = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(_Message):
    """An SMS. `number`: the person's, whichever direction it went."""

    body: str
    segments: int
    number: str
    inbound: bool = False
    problem: str | None = None
    price: str | None = None
    send_at: float | None = None
    reply: Action | None = None
    """How the person answers; None: this provider takes nothing in."""

    channel: Channel = "sms"


Message = Email | Text


class Mailbox(Protocol):
    """What one simulator took, as its folder's `inbox.py` shows it."""

    provider: str
    channel: Channel

    @property
    def accounts(self) -> Collection[str]:
        """Those that have any message."""
        ...

    def newest(self, account: str) -> Iterator[Message]:
        """An account's messages, newest first."""
        ...

    def find(self, message_id: str) -> Message | None: ...


@runtime_checkable
class Messenger(Protocol):
    """A provider that takes messages."""

    def mailbox(self) -> Mailbox: ...
