"""Rows of `messages` as values and back. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from pydantic import JsonValue

from onerouter_messaging.message.recipients import Recipient, Word
from onerouter_messaging.message.state import NO_CONTENT, Content, Cost, Engagement, File, Message, Party

_PLAIN: Final = {
    "id": "text",
    "channel": "text",
    "direction": "text",
    "tenant_id": "text",
    "environment": "text",
    "connection_id": "text",
    "provider": "text",
    "provider_message_id": "text",
    "effect_guarantee": "text",
    "is_tracked": "boolean",
    "is_put_off": "boolean",
    "metadata": "jsonb",
    "template_id": "text",
    "template_version": "int",
    "batch_id": "text",
    "priority": "text",
    "send_at": "timestamptz",
    "country": "text",
    "segments": "int",
    "encoding": "text",
    "sent_at": "timestamptz",
    "delivered_at": "timestamptz",
    "facts": "jsonb",
    "version": "int",
    "revision": "int",
    "poll_at": "timestamptz",
    "polls": "int",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
}
_MADE: Final = {
    "status": "text",
    "sender": "jsonb",
    "recipients": "text",
    "addresses": "text",
    "reply_to": "text",
    "content": "jsonb",
    "files": "text",
    "tags": "text",
    "cost": "numeric",
    "cost_currency": "text",
    "cost_estimated": "boolean",
    "engagement": "jsonb",
}
TYPES: Final[Mapping[str, str]] = {**_PLAIN, **_MADE}
"""Column → its PostgreSQL type, as its values travel; the order of `message_row`."""
LISTS: Final[Mapping[str, str]] = {
    "addresses": "string_to_array(addresses, ' ')",
    **{name: f"{name}::jsonb" for name in ("recipients", "reply_to", "files", "tags")},
}
"""Column → what makes a list of its text: in an array of rows a list would be taken for another dimension of the array."""


def message_of(row: Mapping[str, Any]) -> Message:
    cost = row["cost"]
    return Message(
        **{name: row[name] for name in _PLAIN},
        recipients=tuple(_recipient(one) for one in row["recipients"]),
        sender=None if row["sender"] is None else Party(**row["sender"]),
        reply_to=tuple(Party(**one) for one in row["reply_to"]),
        content=NO_CONTENT if row["content"] is None else Content(**row["content"]),
        files=tuple(File(**one) for one in row["files"]),
        tags=tuple(row["tags"]),
        cost=None if cost is None else Cost(cost, row["cost_currency"], row["cost_estimated"]),
        engagement={
            name: Engagement(datetime.fromisoformat(first_at), frozenset(seen))
            for name, (first_at, seen) in row["engagement"].items()
        },
        stored_revision=row["revision"],
    )


def message_row(message: Message) -> tuple[Any, ...]:
    """Values in the order of `TYPES`."""
    cost = message.cost
    made = {
        "status": message.status,
        "sender": None if message.sender is None else _present(message.sender),
        "recipients": _listed([_recipient_row(one) for one in message.recipients]),
        "addresses": " ".join(message.addresses),
        "reply_to": _listed([_present(one) for one in message.reply_to]),
        "content": _present(message.content),  # NULL: it was removed
        "files": _listed([_present(one) for one in message.files]),
        "tags": _listed(list(message.tags)),
        "cost": None if cost is None else cost.amount,
        "cost_currency": None if cost is None else cost.currency,
        "cost_estimated": None if cost is None else cost.is_estimated,
        "engagement": {name: [one.first_at.isoformat(), sorted(one.seen)] for name, one in message.engagement.items()},
    }
    return (*(getattr(message, name) for name in _PLAIN), *(made[name] for name in _MADE))


def _recipient(stored: Mapping[str, Any]) -> Recipient:
    word = {**stored["word"], "as_of": datetime.fromisoformat(stored["word"]["as_of"])}
    return Recipient(stored["address"], Word(**word), stored["role"], stored.get("name"))


def _recipient_row(recipient: Recipient) -> dict[str, JsonValue]:
    word = {**_present(recipient.word), "as_of": recipient.word.as_of.isoformat()}
    row: dict[str, JsonValue] = {"address": recipient.address, "role": recipient.role, "word": word}
    return row if recipient.name is None else {**row, "name": recipient.name}


def _listed(values: Sequence[Any]) -> str:
    return orjson.dumps(values).decode()


def _present(value: Any) -> dict[str, Any]:
    """The fields of a value that are set."""
    found = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {name: one for name, one in found.items() if one is not None}
