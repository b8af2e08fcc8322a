"""Customers and tokens as they are kept, and as Razorpay shows them."""

from dataclasses import dataclass
from typing import Any

from onerouter_sandbox.razorpay.shelf import Slotted


@dataclass(slots=True)
class Customer(Slotted):
    id: str
    account: str
    name: str | None
    email: str | None
    contact: str | None
    gstin: str | None
    notes: dict[str, Any]
    created_at: int

    @property
    def who(self) -> tuple[str | None, str | None]:
        """What may exist once per account."""
        return self.email, self.contact

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "entity": "customer",
            "name": self.name,
            "email": self.email,
            "contact": self.contact,
            "gstin": self.gstin,
            "notes": self.notes or [],
            "created_at": self.created_at,
        }


@dataclass(slots=True)
class Token(Slotted):
    """A method kept for later: a card, or a UPI mandate. `status` is that of its recurring use."""

    id: str
    account: str
    customer_id: str
    method: str
    token: str
    international: bool
    created_at: int
    used_at: int
    expired_at: int
    status: str = "confirmed"

    def shown(self) -> dict[str, Any]:
        card = self.method == "card"
        return {
            "id": self.id,
            "entity": "token",
            "token": self.token,
            "bank": None,
            "wallet": None,
            "method": self.method,
            **({"card": _card(international=self.international)} if card else {"vpa": _VPA}),
            "recurring": True,
            "recurring_details": {"status": self.status, "failure_reason": None},
            "auth_type": None,
            "mrn": None,
            "used_at": self.used_at,
            "created_at": self.created_at,
            "expired_at": self.expired_at,
            "dcc_enabled": False,
            "billing_address": None,
        }


_VPA = {"username": "buyer", "handle": "upi", "name": None}


def _card(*, international: bool) -> dict[str, Any]:
    return {
        "entity": "card",
        "name": "Test Buyer",
        "last4": "1111",
        "network": "Visa",
        "type": "credit",
        "issuer": None if international else "HDFC",
        "international": international,
        "emi": False,
        "sub_type": "consumer",
        "expiry_month": 12,
        "expiry_year": 2040,
        "flows": {"otp": True, "recurring": True},
    }
