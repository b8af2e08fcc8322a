"""Mailgun's events → our statuses and facts, as tables. The same event comes from the Events API and in callbacks.

An event speaks of one recipient; each has a life of its own. Source: the EventResponse of Mailgun's OpenAPI 3.0.0 and
https://documentation.mailgun.com/docs/mailgun/user-manual/events, read 2026-11-21.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from pydantic import JsonValue

from onerouter_providers.message_errors import MESSAGE_CHARS
from onerouter_providers.messages import EmailStatus, MessageSnapshot

Event = Mapping[str, Any]
Unchanged = Literal["unchanged"]

STATUS: Final[Mapping[str, EmailStatus]] = {
    "accepted": "queued",
    "delivered": "delivered",
    "rejected": "failed",
}
ENGAGEMENT: Final = frozenset({"opened", "clicked", "unsubscribed", "complained"})
"""What a recipient did: told beside the status."""
_SUPPRESSED: Final[Mapping[str, str]] = {
    "suppress-bounce": "suppressed",
    "suppress-complaint": "suppressed",
    "suppress-unsubscribe": "unsubscribed",
}
"""Why Mailgun did not even try → our reason."""
_SUPPRESSED_FOR: Final[Mapping[str, str]] = {"suppress-bounce": "bounce", "suppress-complaint": "complaint"}
_BY_ENHANCED_CODE: Final = (
    (re.compile(r"5\.1\.[1236]|5\.1\.10|5\.2\.1"), "invalid_recipient"),
    (re.compile(r"5\.7\.\d+"), "content_rejected"),
)
RANK: Final[Mapping[EmailStatus, int]] = {
    "scheduled": 0,
    "queued": 10,
    "sent": 20,
    "deferred": 25,
    "failed": 40,
    "canceled": 40,
    "delivered": 50,
    "bounced": 60,
}
"""Events come in any order: the strongest one tells what became of a mail."""
LATEST: Final = 32_503_680_000
"""The year 3000, in seconds: a later moment is none."""
_CODE: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class Told:
    """What one event says of its recipient."""

    status: EmailStatus | Unchanged
    error_reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    facts: dict[str, JsonValue] = field(default_factory=dict)


def told_by(event: Event) -> Told | None:
    """None for a kind that we do not follow."""
    kind = _text(event, "event") or ""
    facts: dict[str, JsonValue] = {}
    if (recipient := _text(event, "recipient")) is not None:
        facts["recipient"] = recipient
    if kind == "failed":
        return _failed(event, facts)
    if kind in ENGAGEMENT:
        return Told("unchanged", facts={**facts, "event": kind, **_engagement(event)})
    if kind == "rejected":
        reject = event.get("reject")
        why = _text(reject, "reason") if isinstance(reject, Mapping) else None
        return Told("failed", "content_rejected", "rejected", _short(why), facts)
    status = STATUS.get(kind)
    if status == "queued" and _scheduled_for(event):
        status = "scheduled"
    return None if status is None else Told(status, facts=facts)


def _failed(event: Event, facts: dict[str, JsonValue]) -> Told:
    delivery = event.get("delivery-status")
    details: Event = delivery if isinstance(delivery, Mapping) else {}
    message = _short(_text(details, "message") or _text(details, "description"))
    smtp_status = _smtp_status(details, message)
    if smtp_status is not None:
        facts = {**facts, "smtp_status": smtp_status}
    code = smtp_status or _number(details, "code")
    if event.get("severity") == "temporary":
        return Told("deferred", error_code=code, error_message=message, facts=facts)
    reason = _text(event, "reason") or ""
    suppressed = _SUPPRESSED.get(reason)
    if suppressed is not None:
        facts = {**facts, "event": "suppressed"}
        if (why := _SUPPRESSED_FOR.get(reason)) is not None:
            facts["suppressed_for"] = why
        return Told("failed", suppressed, reason, message, facts)
    bounced = next((ours for codes, ours in _BY_ENHANCED_CODE if codes.fullmatch(smtp_status or "")), "unknown")
    return Told("bounced", bounced, code or reason or None, message, {**facts, "bounce_type": "hard"})


def _engagement(event: Event) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {}
    if (url := _text(event, "url")) is not None:
        facts["url"] = url
    client = event.get("client-info")
    if event.get("event") == "opened" and isinstance(client, Mapping):
        facts["is_machine"] = client.get("bot") not in (None, "")  # `apple`, `gmail`: who fetched the picture
    return facts


def snapshot_of(events: Iterable[Event], message_id: str, recipient: str | None = None) -> MessageSnapshot | None:
    """What became of the mail with this Message-Id, or of its copy for one recipient where the events know that one.

    None when they do not tell.
    """
    told = [
        (each, made) for each in events if message_id_of(each) == message_id and (made := told_by(each)) is not None
    ]
    statuses = [(each, made) for each, made in told if made.status != "unchanged"]
    if not statuses:
        return None
    own = [pair for pair in statuses if recipient is not None and _is_for(pair[0], recipient)]
    event, best = max(own or statuses, key=_strength)
    return MessageSnapshot(
        status=cast(EmailStatus, best.status),
        provider_message_id=message_id,
        as_of=moment_of(event),
        error_reason=best.error_reason,
        error_code=best.error_code,
        error_message=best.error_message,
        facts=best.facts,
    )


def _strength(pair: tuple[Event, Told]) -> tuple[int, float]:
    event, told = pair
    at = moment_of(event)
    return RANK[cast(EmailStatus, told.status)], 0.0 if at is None else at.timestamp()


def message_id_of(event: Event) -> str | None:
    """Without angle brackets, which events do not have; answers to a send do."""
    message = event.get("message")
    headers = message.get("headers") if isinstance(message, Mapping) else None
    found = _text(headers, "message-id") if isinstance(headers, Mapping) else None
    return None if found is None else bare(found)


def bare(message_id: str) -> str:
    return message_id.strip().removeprefix("<").removesuffix(">")


def moment_of(event: Event) -> datetime | None:
    at = event.get("timestamp")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 < at < LATEST:
        return None
    return datetime.fromtimestamp(at, UTC)


def _is_for(event: Event, recipient: str) -> bool:
    return (_text(event, "recipient") or "").lower() == recipient.lower()


def _scheduled_for(event: Event) -> bool:
    message = event.get("message")
    return isinstance(message, Mapping) and bool(message.get("scheduled-for"))


def _smtp_status(delivery: Event, message: str | None) -> str | None:
    """`5.1.1`, in its own field or at the start of what the other server said."""
    found = _CODE.search(_text(delivery, "enhanced-code") or message or "")
    return None if found is None else found.group(1)


def _number(thing: Event, name: str) -> str | None:
    value = thing.get(name)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _text(thing: Event, name: str) -> str | None:
    value = thing.get(name)
    return value if isinstance(value, str) and value else None


def _short(text: str | None) -> str | None:
    return None if text is None else text[:MESSAGE_CHARS]
