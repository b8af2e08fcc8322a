"""Payment links as they are kept, and as Razorpay shows them."""

from dataclasses import dataclass, field
from typing import Any

from onerouter_sandbox.razorpay.shelf import Slotted


@dataclass(slots=True)
class Link(Slotted):
    """Times are seconds since 1970, 0 where there is none. `ends_at` is when it expires, asked for or not."""

    id: str
    account: str
    amount: int
    currency: str
    reference_id: str
    description: str | None
    customer: dict[str, Any]
    notes: dict[str, Any]
    notify: dict[str, bool]
    reminder_enable: bool
    accept_partial: bool
    first_min_partial_amount: int
    callback_url: str | None
    short_url: str
    expire_by: int
    ends_at: int
    created_at: int
    updated_at: int
    status: str = "created"
    amount_paid: int = 0
    cancelled_at: int = 0
    expired_at: int = 0
    order_id: str | None = None
    transfers: list[dict[str, Any]] = field(default_factory=list)
    """What is passed on of it once it is paid, as the merchant asked."""

    @property
    def open(self) -> bool:
        return self.status in ("created", "partially_paid")

    @property
    def due(self) -> int:
        return self.amount - self.amount_paid

    def entity(self) -> dict[str, Any]:
        """As in callbacks."""
        return {
            "accept_partial": self.accept_partial,
            "amount": self.amount,
            "amount_paid": self.amount_paid,
            "cancelled_at": self.cancelled_at,
            "created_at": self.created_at,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "expire_by": self.expire_by,
            "expired_at": self.expired_at,
            "first_min_partial_amount": self.first_min_partial_amount,
            "id": self.id,
            "notes": self.notes or None,
            "notify": self.notify,
            "order_id": self.order_id,
            "reference_id": self.reference_id,
            "reminder_enable": self.reminder_enable,
            "reminders": {"status": "in_progress"} if self.reminder_enable and self.open else {},
            "short_url": self.short_url,
            "status": self.status,
            "updated_at": self.updated_at,
            "upi_link": False,
            "user_id": "",
            **({"callback_url": self.callback_url, "callback_method": "get"} if self.callback_url else {}),
        }

    def shown(self, payments: list[dict[str, Any]]) -> dict[str, Any]:
        """As the API answers: with the payments made so far, null before the first."""
        return self.entity() | {"payments": payments or None}
