"""SES's events → our statuses and facts, as tables. One event may speak of several recipients: each gets its own.

Source: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html, read 2026-11-21.
Feedback that an identity sends by itself has `notificationType` in place of `eventType`, and no tags.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import JsonValue

from onerouter_providers.message_errors import MESSAGE_CHARS
from onerouter_providers.messages import EmailStatus

Event = Mapping[str, Any]
_SUPPRESSED: Final = frozenset({"Suppressed", "OnAccountSuppressionList"})
"""On SES's own list for bounces, or on the account's for what the event is: a bounce or a complaint."""
_BOUNCE_TYPE: Final[Mapping[str, str]] = {"Permanent": "hard", "Transient": "soft"}
_BY_SUBTYPE: Final[Mapping[str, str]] = {
    "NoEmail": "invalid_recipient",
    "MessageTooLarge": "payload_too_large",
    "ContentRejected": "content_rejected",
    "AttachmentRejected": "content_rejected",
}
_BY_STATUS: Final[Mapping[str, str]] = {"5.1": "invalid_recipient", "5.7": "content_rejected"}


@dataclass(frozen=True, slots=True)
class Told:
    """What an event says of one recipient."""

    status: EmailStatus | Literal["unchanged"]
    error_reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    facts: dict[str, JsonValue] = field(default_factory=dict)


def kind_of(event: Event) -> str | None:
    return _text(event, "eventType") or _text(event, "notificationType")


def told_by(event: Event) -> list[Told]:
    """Empty for a kind that we do not follow."""
    read = _READ.get(kind_of(event) or "")
    return [] if read is None else read(event)


def moment_of(event: Event) -> datetime | None:
    """When it happened; of a message that was just sent, when that was."""
    section = _section(event, _SECTION.get(kind_of(event) or "", ""))
    for holder in (section, _section(event, "mail")):
        at = _text(holder, "timestamp")
        try:
            moment = datetime.fromisoformat(at) if at is not None else None
        except ValueError:
            moment = None
        if moment is not None:
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return None


def _sent(event: Event) -> list[Told]:
    return [Told("sent", facts=_of(recipient)) for recipient in _destination(event)]


def _delivered(event: Event) -> list[Told]:
    recipients = _texts(_section(event, "delivery").get("recipients"))
    return [Told("delivered", facts=_of(recipient)) for recipient in recipients]


def _delayed(event: Event) -> list[Told]:
    delay = _section(event, "deliveryDelay")
    return [
        Told("deferred", None, _text(each, "status"), _said(each), _of(_text(each, "emailAddress"), each))
        for each in _sections(delay.get("delayedRecipients"))
    ]


def _bounced(event: Event) -> list[Told]:
    bounce = _section(event, "bounce")
    subtype = _text(bounce, "bounceSubType") or ""
    kind = _text(bounce, "bounceType") or ""
    return [_bounce_of(each, kind, subtype) for each in _sections(bounce.get("bouncedRecipients"))]


def _bounce_of(each: Event, kind: str, subtype: str) -> Told:
    facts = _of(_text(each, "emailAddress"), each)
    if subtype in _SUPPRESSED:
        return Told(
            "failed", "suppressed", subtype, _said(each), {**facts, "event": "suppressed", "suppressed_for": "bounce"}
        )
    reason = _BY_SUBTYPE.get(subtype) or _BY_STATUS.get((_text(each, "status") or "")[:3], "unknown")
    code = _text(each, "status") or f"{kind}/{subtype}"
    return Told("bounced", reason, code, _said(each), {**facts, "bounce_type": _BOUNCE_TYPE.get(kind, "undetermined")})


def _complained(event: Event) -> list[Told]:
    """Of everybody at the complainer's domain whom the message went to: who it was SES does not always know."""
    complaint = _section(event, "complaint")
    recipients = [_text(each, "emailAddress") for each in _sections(complaint.get("complainedRecipients"))]
    subtype = _text(complaint, "complaintSubType") or ""
    if subtype in _SUPPRESSED:
        facts: dict[str, JsonValue] = {"event": "suppressed", "suppressed_for": "complaint"}
        return [Told("failed", "suppressed", subtype, facts={**_of(each), **facts}) for each in recipients]
    return [Told("unchanged", facts={**_of(each), "event": "complained"}) for each in recipients]


def _rejected(event: Event) -> list[Told]:
    why = _text(_section(event, "reject"), "reason")
    return [Told("failed", "content_rejected", "Reject", why, _of(each)) for each in _destination(event)]


def _not_rendered(event: Event) -> list[Told]:
    why = _short(_text(_section(event, "failure"), "errorMessage"))
    return [Told("failed", "invalid_request", "Rendering Failure", why, _of(each)) for each in _destination(event)]


def _opened(event: Event) -> list[Told]:
    return [Told("unchanged", facts={**_of(each), "event": "opened"}) for each in _destination(event)]


def _clicked(event: Event) -> list[Told]:
    facts: dict[str, JsonValue] = {"event": "clicked"}
    link = _text(_section(event, "click"), "link")
    if link is not None:
        facts["url"] = link
    return [Told("unchanged", facts={**_of(each), **facts}) for each in _destination(event)]


def _subscribed(event: Event) -> list[Told]:
    """Preferences changed: told only where nothing is wanted any more."""
    wanted = _section(_section(event, "subscription"), "newTopicPreferences")
    topics = [_text(each, "subscriptionStatus") for each in _sections(wanted.get("topicSubscriptionStatus"))]
    is_all = wanted.get("unsubscribeAll") is True or (bool(topics) and all(topic == "OptOut" for topic in topics))
    if not is_all:
        return []
    return [Told("unchanged", facts={**_of(each), "event": "unsubscribed"}) for each in _destination(event)]


_READ: Final[Mapping[str, Callable[[Event], list[Told]]]] = {
    "Send": _sent,
    "Delivery": _delivered,
    "DeliveryDelay": _delayed,
    "Bounce": _bounced,
    "Complaint": _complained,
    "Reject": _rejected,
    "Rendering Failure": _not_rendered,
    "Open": _opened,
    "Click": _clicked,
    "Subscription": _subscribed,
}
_SECTION: Final[Mapping[str, str]] = {
    "Delivery": "delivery",
    "DeliveryDelay": "deliveryDelay",
    "Bounce": "bounce",
    "Complaint": "complaint",
    "Open": "open",
    "Click": "click",
    "Subscription": "subscription",
}
"""Where an event says when it happened."""


def _of(recipient: str | None, details: Event | None = None) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {} if recipient is None else {"recipient": recipient}
    status = None if details is None else _text(details, "status")
    return facts if status is None else {**facts, "smtp_status": status}


def _destination(event: Event) -> list[str]:
    return _texts(_section(event, "mail").get("destination"))


def _said(details: Event) -> str | None:
    return _short(_text(details, "diagnosticCode"))


def _section(thing: Event, name: str) -> Event:
    section = thing.get(name)
    return section if isinstance(section, dict) else {}


def _sections(value: object) -> Sequence[Event]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _text(thing: Event, name: str) -> str | None:
    value = thing.get(name)
    return value if isinstance(value, str) and value else None


def _short(text: str | None) -> str | None:
    return None if text is None else text[:MESSAGE_CHARS]
