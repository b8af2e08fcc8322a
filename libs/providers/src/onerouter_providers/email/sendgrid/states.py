"""SendGrid's words for what became of an email → ours: of its logs and of its events. Tables and pure functions."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from onerouter_providers.message_errors import MESSAGE_CHARS
from onerouter_providers.messages import EmailStatus, MessageSnapshot

LOG_STATUS: Final[Mapping[str, EmailStatus]] = {
    "processed": "sent",
    "deferred": "deferred",
    "delivered": "delivered",
    "bounced": "bounced",
    "blocked": "bounced",
    "dropped": "failed",
}
BOUNCE_TYPE: Final[Mapping[str, str]] = {"bounce": "hard", "bounced": "hard", "blocked": "soft"}

_DROPPED: Final = (
    ("unsubscribed address", "unsubscribed"),
    ("bounced address", "suppressed"),
    ("spam reporting address", "suppressed"),
    ("spam content", "content_rejected"),
    ("recipient list over package quota", "insufficient_credit"),
    ("invalid smtpapi header", "invalid_request"),
    ("invalid", "invalid_recipient"),
)
"""How the reason of a drop begins; the special before the general."""
_SUPPRESSED: Final = frozenset({"unsubscribed", "suppressed"})
_SUPPRESSED_FOR: Final = (("bounced address", "bounce"), ("spam reporting address", "complaint"))
_CLASSIFIED: Final[Mapping[str, str]] = {
    "Content": "content_rejected",
    "Invalid Address": "invalid_recipient",
    "Mailbox Unavailable": "unknown",
    "Reputation": "unknown",
    "Frequency or Volume Too High": "unknown",
    "Technical": "unknown",
    "Unclassified": "unknown",
}
"""Why a receiving server bounced it, as SendGrid understands the server."""


def drop_reason(text: str | None) -> str:
    words = (text or "").strip().lower()
    return next((ours for theirs, ours in _DROPPED if words.startswith(theirs)), "unknown")


def drop_facts(text: str | None) -> dict[str, JsonValue]:
    """What goes with a drop that was made because the recipient is on a list: that it is, and why, where it says."""
    if drop_reason(text) not in _SUPPRESSED:
        return {}
    words = (text or "").strip().lower()
    why = next((ours for theirs, ours in _SUPPRESSED_FOR if words.startswith(theirs)), None)
    return {"event": "suppressed"} if why is None else {"event": "suppressed", "suppressed_for": why}


def bounce_reason(bounce_type: str | None, classification: str | None = None) -> str:
    told = _CLASSIFIED.get(classification or "")
    return told or ("invalid_recipient" if bounce_type == "hard" else "unknown")


def snapshot(logged: Mapping[str, Any], message_id: str) -> MessageSnapshot | None:
    """What a line of the logs says of its recipient; None for a word that we have not met."""
    word = logged.get("status")
    status = LOG_STATUS.get(word) if isinstance(word, str) else None
    if status is None:
        return None
    text = logged.get("reason")
    text = text[:MESSAGE_CHARS] if isinstance(text, str) else None
    facts: dict[str, JsonValue] = {}
    reason = None
    if status == "bounced":
        facts["bounce_type"] = BOUNCE_TYPE[str(word)]
        reason = bounce_reason(BOUNCE_TYPE[str(word)])
    elif status == "failed":
        reason = drop_reason(text)
        facts |= drop_facts(text)
    return MessageSnapshot(
        status,
        message_id,
        error_reason=reason,
        error_code=None if reason is None else str(word),
        error_message=None if reason is None else text,
        facts=facts,
    )
