"""What Mailgun remembers of mail."""

from dataclasses import dataclass, field
from typing import Any, Literal

from onerouter_sandbox.shelf import Slotted

EventKind = Literal["accepted", "delivered", "failed", "rejected", "opened", "clicked", "unsubscribed", "complained"]
Suppression = Literal["bounces", "unsubscribes", "complaints"]


@dataclass(slots=True)
class Mail(Slotted):
    """One accepted message. `id` is the storage key: two messages may bear one `message_id`; times in seconds since 1970.

    `due_at` is when it goes out; until it has, `is_sent` is False.
    """

    id: str
    account: str
    message_id: str
    created_at: float
    due_at: float
    sender: str
    to: list[str]
    """Of To, as in the header."""
    recipients: list[str]
    """Bare addresses, of cc and bcc as well."""
    subject: str
    text: str | None
    html: str | None
    headers: dict[str, str]
    tags: list[str]
    variables: dict[str, str]
    attachments: list[dict[str, Any]]
    template: str | None
    is_scheduled: bool
    is_test: bool
    is_sent: bool = False
    awaits: list[str] = field(default_factory=list)
    """Recipients to whom something will happen by itself."""
    cc: list[str] = field(default_factory=list)
    bcc: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    """What is in the attachments, in base 64, in their order."""

    @property
    def size(self) -> int:
        texts = sum(len((text or "").encode()) for text in (self.subject, self.text, self.html))
        return 400 + texts + sum(int(each["size"]) for each in self.attachments)

    def shown(self) -> dict[str, Any]:
        """For the control API, without what is in the attachments."""
        shown = self.record() | {"size": self.size}
        del shown["contents"]
        return shown


@dataclass(slots=True)
class MailEvent(Slotted):
    """What happened to the copy of one recipient; `details` is what this kind of event tells besides."""

    id: str
    account: str
    mail_id: str
    kind: EventKind
    at: float
    recipient: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Template(Slotted):
    id: str
    account: str
    name: str
    html: str
    subject: str | None
    created_at: float


@dataclass(slots=True)
class Suppressed(Slotted):
    id: str
    account: str
    address: str
    kind: Suppression
    created_at: float
