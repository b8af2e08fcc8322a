"""What becomes of an email: which events follow one another, and what each says."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_sandbox.resend.account import Fate
from onerouter_sandbox.resend.validation import email_address

AFTER_SENDING: Final[Mapping[Fate, tuple[str, ...]]] = {
    "none": (),
    "sent": ("sent",),
    "delivered": ("sent", "delivered"),
    "delayed": ("sent", "delivery_delayed"),
    "bounced": ("sent", "bounced"),
    "complained": ("sent", "delivered", "complained"),
    "opened": ("sent", "delivered", "opened"),
    "suppressed": ("suppressed",),
    "failed": ("failed",),
}
EVENTS: Final = frozenset(
    {
        "sent",
        "delivered",
        "delivery_delayed",
        "bounced",
        "complained",
        "opened",
        "clicked",
        "failed",
        "suppressed",
    }
)
"""What can happen to an email that is not waiting for its time."""

_TEST_DOMAIN: Final = "resend.dev"
_TEST_ADDRESSES: Final[Mapping[str, Fate]] = {
    "delivered": "delivered",
    "bounced": "bounced",
    "complained": "complained",
    "suppressed": "suppressed",
}
_DETAILS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "bounced": (
        "bounce",
        {
            "type": "Permanent",
            "subType": "General",
            "message": "The recipient's email server rejected the email.",
            "diagnosticCode": ["smtp; 550 5.1.1 user unknown"],
        },
    ),
    "suppressed": (
        "suppressed",
        {
            "type": "OnAccountSuppressionList",
            "reason": "previous_bounce",
            "message": "The address is on the suppression list of the account.",
            "diagnosticCode": [],
        },
    ),
    "failed": ("failed", {"reason": "reached_daily_quota"}),
    "clicked": (
        "click",
        {"link": "https://example.com/offer", "ipAddress": "203.0.113.7", "userAgent": "Mozilla/5.0 (sandbox)"},
    ),
}


def fate_of(recipients: list[str], otherwise: Fate) -> Fate:
    """Resend's test addresses (`bounced+anything@resend.dev`) choose for themselves."""
    for recipient in recipients:
        local, _, domain = (email_address(recipient) or "").lower().rpartition("@")
        if domain == _TEST_DOMAIN and (fate := _TEST_ADDRESSES.get(local.partition("+")[0])) is not None:
            return fate
    return otherwise


def told(event: str, at: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """What the callback of an event says beside the email; `details` replace what is said otherwise."""
    if event not in _DETAILS:
        return {}
    name, said = _DETAILS[event]
    more = {"timestamp": at} if event == "clicked" else {}
    return {name: {**said, **more, **details}}
