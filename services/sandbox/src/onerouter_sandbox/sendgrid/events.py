"""What happens to a recipient's copy of a message: which events follow one another, and what each says."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.sendgrid.account import Fate
from onerouter_sandbox.sendgrid.state import Line

AFTER_SENDING: Final[Mapping[Fate, tuple[str, ...]]] = {
    "none": ("processed",),
    "processed": ("processed",),
    "delivered": ("processed", "delivered"),
    "deferred": ("processed", "deferred"),
    "bounced": ("processed", "bounce"),
    "blocked": ("processed", "blocked"),
    "dropped": ("dropped",),
    "opened": ("processed", "delivered", "open"),
    "spamreport": ("processed", "delivered", "spamreport"),
    "unsubscribed": ("processed", "delivered", "unsubscribe"),
}
STATUS: Final[Mapping[str, str]] = {
    "processed": "processed",
    "deferred": "deferred",
    "delivered": "delivered",
    "bounce": "bounced",
    "blocked": "blocked",
    "dropped": "dropped",
}
"""Event → what the logs say from then on."""
SUPPRESSES: Final[Mapping[str, str]] = {
    "bounce": "Bounced Address",
    "spamreport": "Spam Reporting Address",
    "unsubscribe": "Unsubscribed Address",
}
"""Event → the reason for which the next email to the same address is dropped."""
HAPPENINGS: Final = frozenset({*STATUS, *SUPPRESSES, "open", "click", "group_unsubscribe", "group_resubscribe"})

_AGENT: Final = {"useragent": "Mozilla/5.0 (sandbox)", "ip": "203.0.113.7"}
_SAYS: Final[Mapping[str, Mapping[str, Any]]] = {
    "deferred": {"response": "451 4.7.1 Try again later", "attempt": "1"},
    "delivered": {"response": "250 2.0.0 OK", "ip": "198.51.100.9", "tls": 1},
    "bounce": {
        "type": "bounce",
        "reason": "550 5.1.1 user unknown",
        "status": "5.1.1",
        "bounce_classification": "Invalid Address",
        "ip": "198.51.100.9",
        "tls": 1,
    },
    "blocked": {
        "type": "blocked",
        "reason": "550 5.7.1 blocked by policy",
        "status": "5.7.1",
        "bounce_classification": "Reputation",
        "ip": "198.51.100.9",
    },
    "dropped": {"reason": "Bounced Address"},
    "open": {**_AGENT, "sg_machine_open": False, "sg_content_type": "html"},
    "click": {**_AGENT, "url": "https://example.com/offer", "url_offset": {"index": 0, "type": "html"}},
    "group_unsubscribe": {**_AGENT, "asm_group_id": 1},
    "group_resubscribe": {**_AGENT, "asm_group_id": 1},
    "unsubscribe": {},
    "spamreport": {},
    "processed": {},
}
_SMTP: Final = frozenset({"processed", "deferred", "delivered", "bounce", "blocked", "dropped"})
"""Those that are about the delivery itself."""


def event_of(line: Line, what: str, at: float, details: Mapping[str, Any]) -> dict[str, Any]:
    """The event as the logs have it, custom arguments apart; `details` replace what is said otherwise."""
    made: dict[str, Any] = {
        "email": line.email,
        "timestamp": int(at),
        "event": "bounce" if what == "blocked" else what,
        "sg_event_id": random_id("", 22),
        "sg_message_id": line.id,
    }
    if what in _SMTP:
        made["smtp-id"] = f"<{line.message}@geopod-ismtpd-1>"
    if line.categories:
        made["category"] = line.categories
    return {**made, **_SAYS[what], **details}


def told(line: Line, event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as the webhook has it: custom arguments stand beside its own fields."""
    return {**line.custom_args, **event}
