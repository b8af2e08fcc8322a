"""Twilio's messages → ours: tables and pure functions, never surprised.

Source: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final

from onerouter_providers.message_errors import MESSAGE_CHARS
from onerouter_providers.messages import MessageSnapshot, SmsStatus
from onerouter_providers.sms.twilio.errors import failure_reason, number_of

STATUS: Final[Mapping[str, SmsStatus]] = {
    "scheduled": "scheduled",
    "accepted": "queued",
    "queued": "queued",
    "sending": "queued",
    "sent": "sent",
    "delivered": "delivered",
    "partially_delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "canceled",
}
READ: Final = "read"
FAILED: Final = frozenset({"undelivered", "failed"})
_PRICE: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")


def to_status(word: object) -> SmsStatus:
    """A word we have not met is the least that can be said of a message that exists: it waits."""
    return STATUS.get(word, "queued") if isinstance(word, str) else "queued"


def snapshot(message: Mapping[str, Any], sid: str) -> MessageSnapshot:
    """`segments` and `cost` come minutes later: until then Twilio says 0 or nothing."""
    word = message.get("status")
    status = to_status(word)
    cost = _cost(message.get("price"))
    code = number_of(message.get("error_code"))
    text, body = message.get("error_message"), message.get("body")
    return MessageSnapshot(
        status=status,
        provider_message_id=sid,
        as_of=moment(message.get("date_updated")),
        body=body if isinstance(body, str) and body else None,
        segments=_segments(message.get("num_segments")),
        cost=cost,
        cost_currency=None if cost is None else _currency(message.get("price_unit")),
        error_reason=failure_reason(code) if status in FAILED else None,
        error_code=None if code is None else str(code),
        error_message=text[:MESSAGE_CHARS] if isinstance(text, str) else None,
        facts={"event": READ} if word == READ else {},
    )


def moment(value: object) -> datetime | None:
    """An RFC 2822 date; None when there is none that can be read."""
    if not isinstance(value, str):
        return None
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _segments(value: object) -> int | None:
    count = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 5 else 0
    return count or None


def _cost(value: object) -> Decimal | None:
    """Twilio writes what it takes as a negative text."""
    return abs(Decimal(value)) if isinstance(value, str) and _PRICE.fullmatch(value) else None


def _currency(value: object) -> str:
    return value.upper() if isinstance(value, str) and len(value) == 3 else "USD"
