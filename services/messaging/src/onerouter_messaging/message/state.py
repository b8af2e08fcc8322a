"""A message: what was asked, what was sent, and what became of it. Pure.

Everything that is told joins (`recipients`): statuses by rank, first moments by the earliest, engagement by counting each
event once. `version` counts what a tenant can see, and each version is one event; `revision` counts what is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from pydantic import JsonValue

from onerouter_messaging.message.recipients import FAILURES, FINAL, Recipient, Word, decisive

Channel = Literal["sms", "email"]
Direction = Literal["outbound", "inbound"]
EffectGuarantee = Literal["exactly_once", "at_most_once"]
DeliveryTracking = Literal["callbacks", "unavailable"]
Reason = Literal["bounce", "complaint", "unsubscribe", "stop", "manual"]
"""Why an address is on the suppression list."""

ENGAGEMENTS: Final = frozenset({"opened", "clicked", "complained", "unsubscribed", "resubscribed", "read"})
COUNTED_MOST: Final = 50
"""So many events of one kind are counted for a message; who opens it more often shows as this many."""


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a message is from, or where answers go."""

    address: str
    """An email address; of an SMS a number, short code, sender name or messaging service."""
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What was sent. Removed after some months; the statuses stay."""

    body: str | None = None
    """Of an SMS."""
    subject: str | None = None
    html: str | None = None
    text: str | None = None

    def __bool__(self) -> bool:
        return any((self.body, self.subject, self.html, self.text))


NO_CONTENT: Final = Content()


@dataclass(frozen=True, slots=True)
class File:
    """What is shown of an attachment."""

    filename: str
    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Engagement:
    """How often something was done with a message, and when first."""

    first_at: datetime
    seen: frozenset[str]
    """Short digests of the events counted: an event that is told twice counts once."""

    @property
    def count(self) -> int:
        return len(self.seen)

    def joined(self, other: "Engagement") -> "Engagement":
        # Of too many the smallest: so it does not depend on which came first.
        seen = sorted(self.seen | other.seen)[:COUNTED_MOST]
        return Engagement(min(self.first_at, other.first_at), frozenset(seen))


@dataclass(frozen=True, slots=True)
class Cost:
    amount: Decimal
    """Major units; fractions of a cent are usual."""
    currency: str
    is_estimated: bool = False
    """By the price list: the provider has not said."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address goes on the list (`is_on`) or comes off it, with the message that brought it about."""

    channel: Channel
    address: str
    reason: Reason
    """Coming off: only where it was on for this reason."""
    source: str
    """The provider that told."""
    at: datetime
    is_on: bool = True
    tenant_id: str = ""
    environment: str = ""
    message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The heart's resource of both channels: its key is its own id."""

    id: str
    channel: Channel
    tenant_id: str
    environment: str
    recipients: tuple[Recipient, ...]
    """One of an SMS; at least one."""
    created_at: datetime
    updated_at: datetime
    direction: Direction = "outbound"
    sender: Party | None = None
    """None: the connection's own, and not known yet."""
    reply_to: tuple[Party, ...] = ()
    content: Content = NO_CONTENT
    files: tuple[File, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    template_id: str | None = None
    template_version: int | None = None
    batch_id: str | None = None
    priority: str = "transactional"
    send_at: datetime | None = None
    country: str | None = None
    """Of an SMS's number, ISO 3166 alpha-2."""
    connection_id: str | None = None
    """None: nothing has been asked of any provider; it waits with us."""
    is_put_off: bool = False
    """The provider that was asked surely did nothing, and is asked again after a while: until then it waits with us."""
    provider: str | None = None
    provider_message_id: str | None = None
    effect_guarantee: EffectGuarantee = "exactly_once"
    is_tracked: bool = True
    """Whether its delivery will be told of."""
    segments: int | None = None
    encoding: str | None = None
    cost: Cost | None = None
    sent_at: datetime | None = None
    """The first moment of which is known that it had left the provider."""
    delivered_at: datetime | None = None
    engagement: Mapping[str, Engagement] = field(default_factory=dict)
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    """What else the provider tells of an inbound message (`keyword`)."""
    version: int = 0
    revision: int = 1
    poll_at: datetime | None = None
    polls: int = 0
    stored_revision: int = field(default=0, compare=False)
    suppressions: tuple[Suppression, ...] = field(default=(), compare=False)
    """To be stored with the next save; never read back."""

    @property
    def word(self) -> Word:
        """The one that decides the status (`recipients.decisive`)."""
        return decisive(self.recipients)

    @property
    def status(self) -> str:
        return self.word.status if self.word.status != "suppressed" else "failed"

    @property
    def is_final(self) -> bool:
        """Whether no more is to come: also when it left a provider that tells nothing of delivery."""
        return self.status in FINAL or (not self.is_tracked and self.status == "sent")

    @property
    def delivery_tracking(self) -> DeliveryTracking | None:
        """Who tells what becomes of it. None: no provider has it, so that is not known; or it came in."""
        if self.direction == "inbound" or not self.is_at_provider:
            return None
        return "callbacks" if self.is_tracked else "unavailable"

    @property
    def error(self) -> dict[str, JsonValue] | None:
        """{code, message, provider_code} of a message that did not arrive."""
        word = self.word
        if word.status not in FAILURES:
            return None
        code = word.reason or ("suppressed" if word.status == "suppressed" else "unknown")
        message = word.message or f"The message was not delivered ({code})."
        return {"code": code, "message": message, "provider_code": word.code}

    @property
    def is_at_provider(self) -> bool:
        return self.provider_message_id is not None

    @property
    def waits_with_us(self) -> bool:
        """No provider has it, or may have it."""
        is_nowhere = self.connection_id is None or self.is_put_off
        return is_nowhere and not self.is_at_provider and not self.is_final

    @property
    def content_is_shared(self) -> bool:
        """Whether its html and text are those of its bulk send: there they are stored, not here."""
        is_same = self.batch_id is not None and self.template_id is None and self.channel == "email"
        return is_same and self.content.html is None and self.content.text is None

    @property
    def written_to(self) -> tuple[Recipient, ...]:
        """All but those who were left out."""
        return tuple(one for one in self.recipients if one.status != "suppressed")

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.address for one in self.recipients))

    def listing(self, *changes: Suppression) -> "Message":
        """With changes of the suppression list, to be stored with it."""
        return replace(self, suppressions=self.suppressions + changes)

    @property
    def visible(self) -> tuple[object, ...]:
        """What makes a version when it changes. An estimate is only a guess of ours."""
        cost = self.cost if self.cost is not None and not self.cost.is_estimated else None
        engaged = {name: one.count for name, one in self.engagement.items()}
        said = [(one.address, one.role, one.word.said) for one in self.recipients]
        return said, self.provider_message_id, self.provider, cost, engaged
