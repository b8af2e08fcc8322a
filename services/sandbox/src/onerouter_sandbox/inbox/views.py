"""What the API of the inbox answers."""

import hashlib
from collections.abc import Iterable
from typing import Any

from onerouter_sandbox.callbacks import Callback
from onerouter_sandbox.inbox.documents import Tickets, rendered
from onerouter_sandbox.inbox.model import Action, Attachment, Email, Message, Text

_SNIPPET = 140
_MOST_TRIES = 20


def summary(message: Message) -> dict[str, Any]:
    """A message in the list. `revision` changes with anything that its page shows."""
    of_kind = _email_line(message) if isinstance(message, Email) else _text_line(message)
    return {
        "id": message.id,
        "provider": message.provider,
        "account": message.account,
        "channel": message.channel,
        "at": message.at,
        "status": message.status,
        "from": message.sender,
        "to": list(message.to),
        **of_kind,
        "revision": _revision(message),
    }


def _email_line(message: Email) -> dict[str, Any]:
    return {"title": message.subject, "snippet": _snippet(message.text or ""), "attachments": len(message.attachments)}


def _text_line(message: Text) -> dict[str, Any]:
    snippet = _snippet(message.body)
    return {"title": message.number, "snippet": snippet, "number": message.number, "inbound": message.inbound}


def _snippet(text: str) -> str:
    return " ".join(text[: 4 * _SNIPPET].split())[:_SNIPPET]


def email(message: Email, path: str, tickets: Tickets, callbacks: Iterable[Callback]) -> dict[str, Any]:
    """`path`: of this email in the API."""
    shown = rendered(message)
    return {
        **summary(message),
        **_common(message, callbacks),
        "subject": message.subject,
        "cc": list(message.cc),
        "bcc": list(message.bcc),
        "reply_to": list(message.reply_to),
        "headers": [{"name": name, "value": value} for name, value in message.headers],
        "tags": dict(message.tags),
        "template": message.template,
        "recipients": list(message.recipients),
        "text": message.text,
        "html": message.html,
        "html_url": None if shown is None else tickets.admit(f"{path}/html"),
        "blocked": 0 if shown is None else shown.blocked,
        "links": [] if shown is None else [{"text": each.text, "url": each.url} for each in shown.links],
        "files": [
            _file(each, f"{path}/attachments/{place}", tickets) for place, each in enumerate(message.attachments)
        ],
    }


def text(message: Text, callbacks: Iterable[Callback]) -> dict[str, Any]:
    return {
        **summary(message),
        **_common(message, callbacks),
        "body": message.body,
        "segments": message.segments,
        "problem": message.problem,
        "price": message.price,
        "reply": None if message.reply is None else _action(message.reply),
    }


def _common(message: Message, callbacks: Iterable[Callback]) -> dict[str, Any]:
    return {
        "reference": message.reference,
        "send_at": message.send_at,
        "events": [
            {"event": each.event, "at": each.at, "recipient": each.recipient, "about": each.about}
            for each in message.happened
        ],
        "actions": [_action(each) for each in message.actions],
        "callbacks": [_callback(each) for each in callbacks],
    }


def _action(action: Action) -> dict[str, Any]:
    return {
        "name": action.name,
        "label": action.label,
        "tone": action.tone,
        "path": action.path,
        "body": dict(action.body),
        "recipient_as": action.recipient_as,
        "link_as": list(action.link_as),
    }


def _callback(callback: Callback) -> dict[str, Any]:
    last = callback.tries[-1] if callback.tries else None
    return {
        "id": callback.id,
        "event": callback.event,
        "state": callback.state,
        "tries": min(callback.tried, _MOST_TRIES),
        "last": None if last is None else last.error or last.status,
        "resend_path": f"/control/callbacks/{callback.id}/resend",
    }


def _file(attachment: Attachment, path: str, tickets: Tickets) -> dict[str, Any]:
    encoded = attachment.encoded
    return {
        "name": attachment.name,
        "content_type": attachment.content_type,
        "size": attachment.size if attachment.size is not None or encoded is None else len(encoded) * 3 // 4,
        "inline": attachment.content_id is not None,
        "url": None if encoded is None else tickets.admit(path),
    }


def _revision(message: Message) -> str:
    seen = (message.status, len(message.happened), len(message.actions), getattr(message, "price", None))
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:12]
