"""Linked accounts, stakeholders, products, transfers and reversals as they are kept, and as Razorpay shows them."""

from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.razorpay.shelf import Slotted

SETTLEMENTS: Final = ("beneficiary_name", "account_number", "ifsc_code")


@dataclass(slots=True)
class LinkedAccount(Slotted):
    """`given` is what the merchant told of it, shown as it is."""

    id: str
    account: str
    email: str
    given: dict[str, Any]
    notes: dict[str, Any]
    created_at: int
    status: str = "created"
    stakeholder_id: str | None = None
    product_id: str | None = None

    def shown(self) -> dict[str, Any]:
        names = ("profile", "phone", "contact_name", "reference_id", "business_type", "legal_business_name")
        return {
            "id": self.id,
            "type": "route",
            "status": self.status,
            "email": self.email,
            **{name: self.given[name] for name in names if name in self.given},
            "customer_facing_business_name": self.given.get(
                "customer_facing_business_name", self.given.get("legal_business_name")
            ),
            "legal_info": self.given.get("legal_info", {}),
            "notes": self.notes or [],
            "created_at": self.created_at,
        }


@dataclass(slots=True)
class Stakeholder(Slotted):
    id: str
    account: str
    linked_account_id: str
    given: dict[str, Any]
    notes: dict[str, Any]
    created_at: int

    def shown(self) -> dict[str, Any]:
        return {
            "entity": "stakeholder",
            "relationship": self.given.get("relationship", {"executive": True}),
            "phone": self.given.get("phone", {}),
            "notes": self.notes or [],
            "kyc": self.given.get("kyc", {}),
            "id": self.id,
            "name": self.given["name"],
            "email": self.given["email"],
            "percentage_ownership": self.given.get("percentage_ownership"),
            "addresses": self.given.get("addresses", {}),
        }


@dataclass(slots=True)
class Product(Slotted):
    """`settlements` is the bank account; `clarify` is why it has to be given again."""

    id: str
    account: str
    linked_account_id: str
    tnc_id: str
    created_at: int
    tnc_accepted_at: int | None = None
    settlements: dict[str, str] | None = None
    activation_status: str = "needs_clarification"
    clarify: str | None = None

    def requirements(self) -> list[dict[str, Any]]:
        if self.settlements is not None and self.clarify is None:
            return []
        missing: dict[str, Any] = {"reason_code": "field_missing", "status": "required"}
        unclear: dict[str, Any] = {
            "reason_code": "needs_clarification",
            "description": self.clarify,
            "status": "required",
        }
        return [
            {
                "field_reference": f"settlements.{name}",
                "resolution_url": f"/accounts/{self.linked_account_id}/products/{self.id}",
                **(missing if self.clarify is None else unclear),
            }
            for name in SETTLEMENTS
        ]

    def shown(self) -> dict[str, Any]:
        accepted = self.tnc_accepted_at is not None
        return {
            "requested_configuration": [],
            "active_configuration": {"settlements": self.settlements or dict.fromkeys(SETTLEMENTS)},
            "requirements": self.requirements(),
            "tnc": {"id": self.tnc_id, "accepted": accepted, "accepted_at": self.tnc_accepted_at},
            "id": self.id,
            "product_name": "route",
            "activation_status": self.activation_status,
            "account_id": self.linked_account_id,
            "requested_at": self.created_at,
        }


@dataclass(slots=True)
class Transfer(Slotted):
    """`source` is the payment, the order, or for a direct transfer the merchant's own account; `payment_id` is what it takes
    from. `settles` is what it becomes; one of an order is `created` until the order is paid.
    """

    id: str
    account: str
    source: str
    recipient: str
    amount: int
    currency: str
    fees: int
    tax: int
    notes: dict[str, Any]
    linked_account_notes: list[str]
    on_hold: bool
    on_hold_until: int | None
    created_at: int
    settle_at: float
    settles: str
    payment_id: str | None = None
    idempotency_key: str | None = None
    fingerprint: str = ""
    status: str = "pending"
    amount_reversed: int = 0
    processed_at: int | None = None
    error: dict[str, str] | None = None

    @property
    def reversible(self) -> int:
        return self.amount - self.amount_reversed

    def shown(self) -> dict[str, Any]:
        error = self.error or {}
        names = ("code", "description", "reason", "field", "step")
        return {
            "id": self.id,
            "entity": "transfer",
            "status": self.status,
            "source": self.source,
            "recipient": self.recipient,
            "amount": self.amount,
            "currency": self.currency,
            "amount_reversed": self.amount_reversed,
            "fees": self.fees,
            "tax": self.tax,
            "notes": self.notes or [],
            "linked_account_notes": self.linked_account_notes,
            "on_hold": self.on_hold,
            "on_hold_until": self.on_hold_until,
            "settlement_status": "on_hold" if self.on_hold else "pending",
            "recipient_settlement_id": None,
            "created_at": self.created_at,
            "processed_at": self.processed_at,
            "error": {name: error.get(name) for name in names}
            | {"id": self.id, "source": error.get("source"), "metadata": None},
        }


@dataclass(slots=True)
class Reversal(Slotted):
    id: str
    account: str
    transfer_id: str
    amount: int
    currency: str
    notes: dict[str, Any]
    created_at: int

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "entity": "reversal",
            "transfer_id": self.transfer_id,
            "amount": self.amount,
            "fee": 0,
            "tax": 0,
            "currency": self.currency,
            "notes": self.notes or [],
            "initiator_id": self.account,
            "customer_refund_id": None,
            "utr": None,
            "created_at": self.created_at,
        }
