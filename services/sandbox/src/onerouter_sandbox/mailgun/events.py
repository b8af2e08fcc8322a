"""Events: how they look, in the Events API and in callbacks alike, and how they are searched.

Shapes after the EventResponse of Mailgun's OpenAPI 3.0.0.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from onerouter_sandbox.mailgun.account import Account
from onerouter_sandbox.mailgun.errors import Refused
from onerouter_sandbox.mailgun.model import Mail, MailEvent
from onerouter_sandbox.mailgun.state import State

_LEVEL: Final[Mapping[str, str]] = {"failed": "error", "rejected": "warn", "complained": "warn", "unsubscribed": "warn"}
_MOST: Final = 300


def shown(event: MailEvent, mail: Mail) -> dict[str, Any]:
    headers = {
        "to": ", ".join(mail.to),
        "message-id": mail.message_id,
        "from": mail.sender,
        "subject": mail.subject,
    }
    message: dict[str, Any] = {"headers": headers, "attachments": mail.attachments, "size": mail.size}
    if event.kind == "accepted" and mail.is_scheduled:
        message["scheduled-for"] = str(mail.due_at)
    return {
        "id": event.id,
        "event": event.kind,
        "timestamp": round(event.at, 6),
        "log-level": _LEVEL.get(event.kind, "info"),
        "recipient": event.recipient,
        "recipient-domain": event.recipient.rpartition("@")[2],
        "flags": {"is-test-mode": mail.is_test, "is-authenticated": True},
        "message": message,
        "tags": mail.tags,
        "user-variables": mail.variables,
        **event.details,
    }


class Search:
    """`GET /v3/{domain}/events`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def page(self, account: Account, query: bytes, token: str | None, now: float, base: str) -> dict[str, Any]:
        """One page. A token holds the query of the first page and how far we are. Raises `Refused`."""
        asked, skipped = _token(token) if token else (dict(parse_qsl(query.decode())), 0)
        limit = min(_number(asked, "limit", 100), _MOST)
        found = [event for event in self._ordered(account, asked) if self._fits(event, asked, account, now)]
        part = found[skipped : skipped + max(1, limit)]
        here = f"{base}/mailgun/v3/{account.domain}/events/"
        return {
            "items": [shown(event, self._state.mails[event.mail_id]) for event in part],
            "paging": {
                "next": here + _made(asked, skipped + len(part)),
                "previous": here + _made(asked, max(0, skipped - limit)),
            },
        }

    def _ordered(self, account: Account, asked: Mapping[str, str]) -> Iterable[MailEvent]:
        """Newest first, unless the other way was asked for."""
        events = sorted(self._state.events[account.domain], key=lambda event: event.at)
        return events if asked.get("ascending") == "yes" else reversed(events)

    def _fits(self, event: MailEvent, asked: Mapping[str, str], account: Account, now: float) -> bool:
        mail = self._state.mails[event.mail_id]
        kinds = [kind.strip() for kind in asked.get("event", "").split(" OR ") if kind.strip()]
        return (
            event.at + account.index_delay_s <= now
            and (not kinds or event.kind in kinds)
            and asked.get("message-id", mail.message_id)
            == mail.message_id  # <in brackets> finds nothing, as at Mailgun
            and asked.get("recipient", event.recipient) == event.recipient
            and asked.get("severity", event.details.get("severity")) == event.details.get("severity")
            and _number(asked, "begin", 0) <= event.at
            and event.at <= _number(asked, "end", 32_503_680_000)
        )


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(float(asked.get(name, default)))
    except ValueError:
        raise Refused(400, f"{name} parameter is not a number") from None


def _made(asked: Mapping[str, str], skipped: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([dict(asked), skipped]).encode()).decode()


def _token(token: str) -> tuple[dict[str, str], int]:
    try:
        asked, skipped = json.loads(base64.urlsafe_b64decode(token))
        return {str(name): str(value) for name, value in asked.items()}, int(skipped)
    except (binascii.Error, ValueError, AttributeError, TypeError):
        raise Refused(400, "page is not valid") from None
