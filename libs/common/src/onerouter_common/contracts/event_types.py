"""Every type of event, declared once: what it says, and an example of its data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from onerouter_common.contracts.event_examples import AT, EXAMPLES

_FAILURE: Final = {"code": "card_declined", "message": "The bank declined the card."}
_NOT_MADE: Final = {"status": "failed", "failure": {"code": "provider_refused", "message": "The provider refused it."}}


@dataclass(frozen=True, slots=True)
class EventType:
    """`name` is the type: the kind of the resource, a dot, and what happened."""

    name: str
    category: str
    """Whose events they are: a category of services, `connections` or `webhooks`; `operations` are of every category."""
    description: str
    kind: str
    """Of the resource. All types of one kind have one form of data."""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """What is otherwise in this type's example than in its kind's."""

    @property
    def example(self) -> dict[str, Any]:
        """Its data."""
        return {**EXAMPLES[self.kind], **self.shown}

    @property
    def example_event(self) -> dict[str, Any]:
        """As it would be delivered."""
        data = self.example
        return {
            "type": self.name,
            "timestamp": AT,
            "id": "evt_01k9zq3v7m8e5t2r4w6y8a0c1d",
            "environment": "test",
            "resource": {"kind": self.kind, "id": data["id"]},
            "sequence": data.get("version", 1),
            "operation_id": None,
            "data": data,
        }


_Declared = Mapping[str, tuple[str, Mapping[str, Any]]]


def _of(category: str, kind: str, declared: _Declared, *, prefix: str | None = None) -> tuple[EventType, ...]:
    return tuple(
        EventType(f"{prefix or kind}.{word}", category, description, kind, shown)
        for word, (description, shown) in declared.items()
    )


def _made(thing: str) -> _Declared:
    """What every resource can be told of."""
    return {
        "created": (f"{thing} was made.", {}),
        "updated": (f"Something of {thing[0].lower()}{thing[1:]} changed that has no event of its own.", {}),
        "failed": (f"{thing} could not be made; `failure` says why.", _NOT_MADE),
    }


_TAKEN: Final = {"amount_received": 499.0, "amount_received_minor": 49_900}

_PAYMENTS: Final = (
    *_of(
        "payments",
        "payment",
        {
            "created": ("The provider knows of the payment; nothing was paid yet.", {}),
            "updated": ("Something of the payment changed that has no event of its own.", {}),
            "requires_action": (
                "The payer has to do something, such as a bank's check.",
                {"status": "requires_action"},
            ),
            "processing": ("The payer has paid; the money is on its way.", {"status": "processing"}),
            "authorized": ("The money is reserved, and waits to be captured.", {"status": "authorized"}),
            "succeeded": ("The money was taken.", {"status": "succeeded", **_TAKEN}),
            "amount_mismatch": (
                "Another amount or currency was received than was asked for.",
                {
                    "status": "succeeded",
                    "amount_received": 400.0,
                    "amount_received_minor": 40_000,
                    "amount_mismatch": {
                        "expected": {"amount": 499.0, "amount_minor": 49_900, "currency": "INR"},
                        "received": {"amount": 400.0, "amount_minor": 40_000, "currency": "INR"},
                    },
                },
            ),
            "partially_refunded": (
                "A part of it was returned; told again with each further part.",
                {"status": "partially_refunded", **_TAKEN, "amount_refunded": 100.0, "amount_refunded_minor": 10_000},
            ),
            "refunded": (
                "All of it was returned.",
                {"status": "refunded", **_TAKEN, "amount_refunded": 499.0, "amount_refunded_minor": 49_900},
            ),
            "failed": ("It came to nothing; `failure` says why.", {"status": "failed", "failure": _FAILURE}),
            "canceled": ("It was canceled before the money was taken.", {"status": "canceled"}),
            "expired": ("Nobody paid in time.", {"status": "expired"}),
        },
    ),
    *_of(
        "payments",
        "refund",
        {
            "created": ("The provider took the refund on; the money is on its way.", {}),
            "succeeded": ("The money was returned.", {"status": "succeeded"}),
            "failed": ("Nothing was returned; `failure` says why.", {"status": "failed", "failure": _FAILURE}),
        },
    ),
    *_of(
        "payments",
        "dispute",
        {
            "created": ("A payer or a bank contests a payment.", {}),
            "updated": ("The dispute goes on: it is reviewed, or waits for an answer.", {"status": "under_review"}),
            "won": ("It was decided for you.", {"status": "won"}),
            "lost": ("It was decided against you; the money is gone.", {"status": "lost"}),
            "closed": ("It ended without a decision.", {"status": "closed"}),
        },
    ),
    *_of("payments", "plan", _made("The plan")),
    *_of(
        "payments",
        "customer",
        {**_made("The customer"), "deleted": ("The customer was deleted.", {"status": "deleted"})},
    ),
    *_of(
        "payments",
        "subscription",
        {
            **_made("The subscription"),
            "authenticated": ("The payer agreed; the trial has begun.", {"status": "trialing"}),
            "activated": ("It charges from now on.", {"status": "active"}),
            "renewed": (
                "A charge was paid.",
                {
                    "status": "active",
                    "paid_count": 1,
                    "remaining_count": 11,
                    "charges": [
                        {
                            "payment_id": "pay_01k9zq3v7m8e5t2r4w6y8a0c1d",
                            "provider_payment_id": "pay_Kx3hZ0q8Wm1Rt5",
                            "status": "succeeded",
                            "amount": 499.0,
                            "amount_minor": 49_900,
                            "currency": "INR",
                            "at": AT,
                        }
                    ],
                },
            ),
            "payment_failed": (
                "A charge failed.",
                {
                    "status": "active",
                    "charges": [
                        {
                            "payment_id": None,
                            "provider_payment_id": "pay_Kx3hZ0q8Wm1Rt5",
                            "status": "failed",
                            "amount": 499.0,
                            "amount_minor": 49_900,
                            "currency": "INR",
                            "at": AT,
                        }
                    ],
                },
            ),
            "past_due": ("A charge failed, and is tried again by the provider.", {"status": "past_due"}),
            "unpaid": ("The provider has stopped trying to charge.", {"status": "unpaid"}),
            "recovered": ("What was due is paid; it goes on.", {"status": "active"}),
            "paused": ("It charges nothing until it is resumed.", {"status": "paused"}),
            "resumed": ("It charges again.", {"status": "active"}),
            "completed": (
                "All its charges were made.",
                {"status": "completed", "paid_count": 12, "remaining_count": 0},
            ),
            "expired": ("The payer did not agree in time, or its end has come.", {"status": "expired"}),
            "canceled": ("It was canceled.", {"status": "canceled"}),
        },
    ),
    *_of(
        "payments",
        "payment_link",
        {
            **_made("The link"),
            "partially_paid": ("A part was paid.", {"status": "partially_paid", "amount_paid": 100.0}),
            "paid": ("All was paid.", {"status": "paid", "amount_paid": 499.0}),
            "expired": ("Nobody paid in time.", {"status": "expired"}),
            "canceled": ("It was canceled.", {"status": "canceled"}),
        },
    ),
    *_of(
        "payments",
        "payment_method",
        {**_made("The payment method"), "removed": ("It cannot be charged any more.", {"status": "removed"})},
    ),
    *_of(
        "payments",
        "vendor",
        {
            **_made("The vendor"),
            "activated": ("The vendor can be paid.", {"status": "active"}),
            "restricted": ("The provider wants more of the vendor before it pays.", {"status": "restricted"}),
            "rejected": ("The provider does not take the vendor.", {"status": "rejected"}),
        },
    ),
    *_of(
        "payments",
        "transfer",
        {
            "created": ("A vendor's part is on its way.", {"status": "pending"}),
            "updated": ("Something of the transfer changed that has no event of its own.", {}),
            "unclaimed": ("The vendor has to claim it at the provider.", {"status": "unclaimed"}),
            "succeeded": ("The vendor has it.", {}),
            "failed": ("It could not be made.", _NOT_MADE),
            "canceled": ("It was canceled.", {"status": "canceled"}),
            "partially_reversed": (
                "A part was taken back.",
                {"status": "partially_reversed", "amount_reversed_minor": 10_000},
            ),
            "reversed": ("All of it was taken back.", {"status": "reversed", "amount_reversed_minor": 39_900}),
        },
    ),
)

_ERROR: Final = {"code": "unknown_number", "message": "The number is not in service."}
_CLICK: Final = {"recipient": "ada@example.com", "url": "https://example.com/offer"}
_SMS: Final = _of(
    "sms",
    "sms",
    {
        "scheduled": ("It waits for its time.", {"status": "scheduled", "send_at": "2026-02-01T09:00:00.000Z"}),
        "queued": ("The provider has it.", {"status": "queued"}),
        "sent": ("The provider has handed it to the network.", {"status": "sent", "sent_at": AT}),
        "delivered": ("It arrived.", {"status": "delivered", "sent_at": AT, "delivered_at": AT}),
        "undelivered": ("The network did not deliver it.", {"status": "undelivered", "error": _ERROR}),
        "failed": ("It was not sent; `error` says why.", {"status": "failed", "error": _ERROR}),
        "canceled": ("It was canceled before it was sent.", {"status": "canceled"}),
        "inbound": ("Somebody wrote to one of your numbers.", {"direction": "inbound", "status": "received"}),
        "read": ("It was read.", {"read": {"count": 1, "first_at": AT}, "status": "delivered", "delivered_at": AT}),
        "updated": ("Something changed that has no event of its own, such as its cost.", {"status": "delivered"}),
    },
)
_BOUNCED: Final = {
    "email": "ada@example.com",
    "status": "bounced",
    "bounce_type": "hard",
    "smtp_status": "5.1.1",
    "at": AT,
}
_EMAIL: Final = _of(
    "email",
    "email",
    {
        "scheduled": ("It waits for its time.", {"status": "scheduled", "send_at": "2026-02-01T09:00:00.000Z"}),
        "queued": ("The provider has it.", {"status": "queued"}),
        "sent": ("The provider has handed it to the recipient's server.", {"status": "sent", "sent_at": AT}),
        "deferred": ("The recipient's server asks to wait.", {"status": "deferred"}),
        "delivered": ("The recipient's server took it.", {"status": "delivered", "sent_at": AT, "delivered_at": AT}),
        "bounced": (
            "The recipient's server sent it back.",
            {
                "status": "bounced",
                "recipients": [_BOUNCED],
                "error": {"code": "mailbox_not_found", "message": "There is no such mailbox."},
                "event": {"recipient": "ada@example.com", "bounce_type": "hard", "smtp_status": "5.1.1"},
            },
        ),
        "failed": (
            "It was not sent; `error` says why.",
            {"status": "failed", "error": {"code": "refused", "message": "The provider refused it."}},
        ),
        "suppressed": (
            "A recipient is on the suppression list, and was not written to.",
            {
                "status": "failed",
                "recipients": [{"email": "ada@example.com", "status": "suppressed", "at": AT}],
                "error": {"code": "suppressed", "message": "Nobody was left to write to."},
                "event": {"recipient": "ada@example.com", "reason": "unsubscribed"},
            },
        ),
        "canceled": ("It was canceled before it was sent.", {"status": "canceled"}),
        "inbound": ("Somebody wrote to one of your addresses.", {"direction": "inbound", "status": "delivered"}),
        "opened": (
            "It was opened, by the recipient or a machine.",
            {"status": "delivered", "opened": {"count": 1, "first_at": AT}, "event": {"recipient": "ada@example.com"}},
        ),
        "clicked": (
            "A link in it was followed.",
            {"status": "delivered", "clicked": {"count": 1, "first_at": AT}, "event": _CLICK},
        ),
        "complained": (
            "It was called spam. The address goes on the suppression list.",
            {"status": "delivered", "complained": {"count": 1, "first_at": AT}},
        ),
        "unsubscribed": (
            "The recipient wants no more. The address goes on the suppression list.",
            {"status": "delivered", "unsubscribed": {"count": 1, "first_at": AT}},
        ),
        "resubscribed": ("The recipient wants email again.", {"status": "delivered"}),
        "updated": ("Something changed that has no event of its own, such as its cost.", {"status": "delivered"}),
    },
)
_STORAGE: Final = (
    *_of(
        "storage",
        "object",
        {
            "created": ("An object was put through us, or by an upload that was completed.", {}),
            "deleted": (
                "An object was deleted through us; whether there was one nobody says.",
                {"status": "deleted", "size": None, "content_type": None, "etag": None, "sha256": None, "metadata": {}}
                | {"last_modified": None},
            ),
        },
        prefix="storage.object",
    ),
    *_of(
        "storage",
        "upload",
        {
            "completed": ("An upload is in its bucket.", {}),
            "aborted": (
                "An upload was ended without an object, by you or a day after the last of its addresses.",
                {"status": "aborted", "etag": None, "completed_at": None, "aborted_at": AT},
            ),
        },
        prefix="storage.upload",
    ),
)
_OTHERS: Final = (
    *_of(
        "operations",
        "operation",
        {
            "stuck": (
                "An operation takes longer than it may, or a provider is silent about what it made. We look into it.",
                {},
            )
        },
    ),
    *_of(
        "connections",
        "connection",
        {
            "credentials_refused": (
                "The provider does not take a connection's credentials any more.",
                {"verification": "refused", "verified_error": "The provider refused the key."},
            ),
            "credentials_accepted": ("The provider takes them again.", {}),
        },
    ),
    *_of(
        "webhooks",
        "webhook_endpoint",
        {
            "failing": ("Nothing could be delivered to an endpoint for a day, or for three.", {}),
            "disabled": (
                "An endpoint was disabled: it answered 410, or took nothing for five days.",
                {"status": "disabled", "disabled_reason": "No delivery succeeded for five days."},
            ),
            "recovered": ("An endpoint that was failing takes deliveries again.", {}),
        },
        prefix="endpoint",
    ),
    *_of(
        "webhooks",
        "callback_subscription",
        {
            "refused": (
                "A provider that asked before it calls back could not be told yes with the connection's key. It is tried for "
                "as long as the provider waits.",
                {},
            )
        },
    ),
    *_of("webhooks", "delivery", {"exhausted": ("An event was not taken at any attempt, and is not tried again.", {})}),
)

EVENT_TYPES: Final[Mapping[str, EventType]] = {
    one.name: one for one in (*_PAYMENTS, *_SMS, *_EMAIL, *_STORAGE, *_OTHERS)
}
"""By name, in the order of the documentation."""
