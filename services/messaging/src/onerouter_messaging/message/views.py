"""A message as the public API shows it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.worker.handler import EventDraft
from onerouter_messaging.message.change import Happened
from onerouter_messaging.message.cost import number
from onerouter_messaging.message.recipients import Recipient
from onerouter_messaging.message.state import Engagement, Message, Party

View = dict[str, JsonValue]

_SHOWN: Final = {"sms": ("read",), "email": ("opened", "clicked", "complained", "unsubscribed")}


def message_view(message: Message, *, content: bool = False) -> View:
    """`content`: an email's html and text, too. Its subject, or the text of an SMS, is there until it is removed."""
    own = _sms(message) if message.channel == "sms" else _email(message, content=content)
    cost = message.cost
    return {
        "id": message.id,
        f"{'message' if message.channel == 'sms' else 'email'}_id": message.id,
        "object": message.channel,
        "direction": message.direction,
        "status": message.status,
        "provider": message.provider,
        "service": message.provider,
        **own,
        **{name: _engagement(message.engagement.get(name)) for name in _SHOWN[message.channel]},
        "cost": None if cost is None else number(cost.amount),
        "currency": None if cost is None else cost.currency,
        "cost_estimated": cost is not None and cost.is_estimated,
        "provider_message_id": message.provider_message_id,
        "provider_data": dict(message.facts),
        "error": message.error,
        "metadata": dict(message.metadata),
        "tags": list(message.tags),
        "template": (
            None if message.template_id is None else {"id": message.template_id, "version": message.template_version}
        ),
        "batch_id": message.batch_id,
        "priority": message.priority,
        "send_at": _moment(message.send_at),
        "sent_at": _moment(message.sent_at),
        "delivered_at": _moment(message.delivered_at),
        "created_at": isoformat(message.created_at),
        "created": int(message.created_at.timestamp()),
        "updated_at": isoformat(message.updated_at),
        "environment": message.environment,
        "effect_guarantee": message.effect_guarantee,
        "delivery_tracking": message.delivery_tracking,
        "version": message.version,
    }


def drafts(happened: Sequence[Happened]) -> tuple[EventDraft, ...]:
    """The events; each carries the message as it was at its version, which is also its place in the sequence, and in `event`
    what it says beside that: of which recipient, which address was clicked, why.
    """
    return tuple(
        EventDraft(
            item.type,
            item.message.channel,
            item.message.id,
            item.message.version,
            {**message_view(item.message), "event": dict(item.detail)},
        )
        for item in happened
    )


def _sms(message: Message) -> View:
    return {
        "to": message.recipients[0].address,
        "from": None if message.sender is None else message.sender.address,
        "body": message.content.body,
        "segments": message.segments,
        "encoding": message.encoding,
        "country": message.country,
    }


def _email(message: Message, *, content: bool) -> View:
    by_role: dict[str, list[JsonValue]] = {"to": [], "cc": [], "bcc": []}
    for one in message.recipients:
        by_role[one.role].append(_party(Party(one.address, one.name)))
    files: list[JsonValue] = [
        {"filename": one.filename, "content_type": one.content_type, "size_bytes": one.size_bytes}
        for one in message.files
    ]
    recipients: list[JsonValue] = [_recipient(one) for one in message.recipients]
    view: View = {
        "from": None if message.sender is None else _party(message.sender),
        **by_role,
        "reply_to": [_party(one) for one in message.reply_to],
        "subject": message.content.subject,
        "recipients": recipients,
        "attachments": files,
    }
    return {**view, "html": message.content.html, "text": message.content.text} if content else view


def _recipient(recipient: Recipient) -> View:
    word = recipient.word
    shown: Mapping[str, str | None] = {
        "bounce_type": word.bounce_type,
        "smtp_status": word.smtp_status,
        "reason": word.reason,
        "message": word.message,
    }
    return {
        "email": recipient.address,
        "status": word.status,
        **{name: value for name, value in shown.items() if value is not None},
        "at": isoformat(word.as_of),
    }


def _party(party: Party) -> View:
    return {"email": party.address, "name": party.name}


def _engagement(engagement: Engagement | None) -> View | None:
    return None if engagement is None else {"count": engagement.count, "first_at": isoformat(engagement.first_at)}


def _moment(value: datetime | None) -> str | None:
    return None if value is None else isoformat(value)
