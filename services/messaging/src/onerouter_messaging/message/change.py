"""From a word of the provider to versions, events and the suppression list. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from onerouter_messaging.message.recipients import LEFT_US, RANK, Recipient, Word
from onerouter_messaging.message.recipients import told as told_of
from onerouter_messaging.message.schedule import next_poll
from onerouter_messaging.message.state import ENGAGEMENTS, Cost, Engagement, Message, Reason, Suppression

UNCHANGED: Final = "unchanged"
"""In place of a status: only something else is told."""
_DIGEST_CHARS: Final = 10
_OF_ONE: Final = frozenset({"bounced", "undelivered"})
"""What a receiving server says of one recipient: of several it is believed only where it names whom."""
_OF_PROVIDERS: Final[Reason] = "bounce"
"""For what somebody is on a provider's own list, where that does not say: most are there for it."""
_LISTED: Final[Mapping[str, Reason]] = {"complained": "complaint", "unsubscribed": "unsubscribe"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said of a message, by whichever way it came."""

    status: str
    as_of: datetime
    provider_message_id: str | None = None
    recipient: str | None = None
    """None: it is of all."""
    reason: str | None = None
    message: str | None = None
    code: str | None = None
    bounce_type: str | None = None
    smtp_status: str | None = None
    event: str | None = None
    """One of `ENGAGEMENTS`, or `suppressed` beside a failure."""
    suppressed_for: Reason | None = None
    """Of who is on the provider's own list."""
    event_id: str = ""
    """What makes the event one."""
    segments: int | None = None
    cost: Cost | None = None
    is_tracked: bool = True
    detail: Mapping[str, JsonValue] = field(default_factory=dict)
    """Shown in the event only: `url`, `is_machine`."""

    @property
    def word(self) -> Word:
        return Word(self.status, self.as_of, self.reason, self.message, self.code, self.bounce_type, self.smtp_status)

    @property
    def shown(self) -> dict[str, JsonValue]:
        """What the event says beside the message as it then was."""
        said: dict[str, JsonValue] = {
            "recipient": self.recipient,
            "reason": self.reason,
            "bounce_type": self.bounce_type,
            "smtp_status": self.smtp_status,
            **self.detail,
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Happened:
    """One event, with the message at the version it speaks of."""

    type: str
    message: Message
    detail: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of the message, and the events that say so, in order."""

    message: Message
    happened: tuple[Happened, ...] = ()


def observe(message: Message, told: Told, at: datetime) -> Change:
    """The message that knows what it knew and what it is told now; nothing when that is nothing new."""
    return versioned(message, merge(message, told), at, told)


def versioned(before: Message, after: Message, at: datetime, told: Told | None = None) -> Change:
    """The next version when a tenant can see a difference, the next revision when there is any."""
    if after == before and before.version:
        return Change(before)
    if after.visible == before.visible and before.version:
        return Change(replace(after, revision=before.revision + 1))
    types = _types(before, after, told)
    version = before.version + len(types)
    after = replace(
        after,
        version=version,
        revision=before.revision + 1,
        updated_at=max(before.updated_at, at),
        suppressions=before.suppressions + _listed(before, after, told, at),
    )
    after = replace(after, poll_at=next_poll(after, at), polls=0)
    happened = tuple(
        Happened(f"{after.channel}.{word}", replace(after, version=number), {} if told is None else told.shown)
        for number, word in enumerate(types, start=version - len(types) + 1)
    )
    return Change(after, happened)


def merge(message: Message, told: Told) -> Message:
    """What is known with what is told. Versions are not counted here."""
    whom = () if _is_unclear(message, told) else matched(message, told.recipient)
    recipients = tuple(
        told_of(one, told.word) if told.status in RANK and one in whom else one for one in message.recipients
    )
    left, arrived = told.status in LEFT_US, told.status == "delivered"
    engagement = dict(message.engagement)
    if told.event in ENGAGEMENTS:
        one = Engagement(told.as_of, frozenset({_digest(told.event_id)}))
        held = engagement.get(told.event)
        engagement[told.event] = one if held is None else held.joined(one)
    return replace(
        message,
        recipients=recipients,
        provider_message_id=message.provider_message_id or told.provider_message_id or None,
        is_tracked=message.is_tracked and told.is_tracked,
        segments=told.segments or message.segments,
        cost=_surer(message.cost, told.cost),
        sent_at=_earlier(message.sent_at, told.as_of) if left else message.sent_at,
        delivered_at=_earlier(message.delivered_at, told.as_of) if arrived else message.delivered_at,
        engagement=engagement,
    )


def _is_unclear(message: Message, told: Told) -> bool:
    return told.status in _OF_ONE and told.recipient is None and len(message.written_to) > 1


def matched(message: Message, address: str | None) -> Sequence[Recipient]:
    """Of whom a word is. A provider may write an only recipient's address in another way than we."""
    if address is None or len(message.recipients) == 1:
        return message.recipients
    wanted = address.strip().lower()
    return [one for one in message.recipients if one.address.lower() == wanted]


def _types(before: Message, after: Message, told: Told | None) -> list[str]:
    """What the new versions are called: one for what became of it, one for what was done with it."""
    pairs = zip(before.recipients, after.recipients, strict=True)
    moved = [now for was, now in pairs if now.status != was.status]
    types: list[str] = []
    # Only emails have a word of their own for who was not written to.
    is_suppressed = told is not None and told.event == "suppressed" and after.channel == "email"
    if moved and is_suppressed:
        types.append("suppressed")
    elif not before.version:
        types.append("inbound" if after.direction == "inbound" else after.status)
    elif moved:
        is_of_one = told is not None and told.recipient is not None
        types.append(moved[0].status if is_of_one else after.status)
    types += [name for name, one in after.engagement.items() if one.count > _count(before, name)]
    return types or ["updated"]


def _listed(before: Message, after: Message, told: Told | None, at: datetime) -> tuple[Suppression, ...]:
    """What goes on the suppression list, or comes off it, for what is new."""
    pairs = zip(before.recipients, after.recipients, strict=True)
    found: list[Suppression] = []
    # What is said of all together must not keep those from being written to whom it does not concern.
    is_of_one = len(after.written_to) == 1 or (told is not None and told.recipient is not None)
    for was, now in pairs:
        reason = _reason(after, now.word, told)
        if now.status != was.status and reason is not None and is_of_one:
            found.append(_suppression(after, now.address, reason, at))
    named = () if told is None else matched(after, told.recipient)
    if told is not None and told.event is not None and len(named) == 1:
        is_new = told.event in after.engagement and _count(after, told.event) > _count(before, told.event)
        if is_new and told.event in _LISTED:
            found.append(_suppression(after, named[0].address, _LISTED[told.event], at))
        if is_new and told.event == "resubscribed":
            found.append(_suppression(after, named[0].address, "unsubscribe", at, is_on=False))
    return tuple(found)


def _reason(message: Message, word: Word, told: Told | None) -> Reason | None:
    """For what word of a recipient nothing more may be sent there."""
    if word.status == "bounced" and word.bounce_type == "hard":
        return "bounce"
    if word.status in ("failed", "undelivered") and word.reason == "unsubscribed":
        return "stop" if message.channel == "sms" else "unsubscribe"
    if word.status == "failed" and word.reason == "suppressed" and message.is_at_provider:
        # Its own list keeps it from this provider only: the next one would send.
        return (told and told.suppressed_for) or _OF_PROVIDERS
    return None


def _suppression(message: Message, address: str, reason: Reason, at: datetime, *, is_on: bool = True) -> Suppression:
    return Suppression(
        channel=message.channel,
        address=address,
        reason=reason,
        source=message.provider or "",
        at=at,
        is_on=is_on,
        tenant_id=message.tenant_id,
        environment=message.environment,
        message_id=message.id,
    )


def _surer(held: Cost | None, told: Cost | None) -> Cost | None:
    """The provider's figure rather than ours; of two the larger."""
    known = [cost for cost in (held, told) if cost is not None]
    return max(known, key=lambda cost: (not cost.is_estimated, cost.amount, cost.currency), default=None)


def _earlier(held: datetime | None, told: datetime) -> datetime:
    return told if held is None else min(held, told)


def _count(message: Message, name: str) -> int:
    found = message.engagement.get(name)
    return 0 if found is None else found.count


def _digest(event_id: str) -> str:
    return hashlib.sha256(event_id.encode()).hexdigest()[:_DIGEST_CHARS]
