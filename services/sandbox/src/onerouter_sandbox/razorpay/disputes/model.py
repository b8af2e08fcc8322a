"""Disputes as they are kept, and as Razorpay shows them."""

from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.razorpay.shelf import Slotted

PROOFS: Final = (
    "shipping_proof",
    "billing_proof",
    "cancellation_proof",
    "customer_communication",
    "proof_of_service",
    "explanation_letter",
    "refund_confirmation",
    "access_activity_log",
    "refund_cancellation_policy",
    "term_and_conditions",
    "others",
)


@dataclass(slots=True)
class Dispute(Slotted):
    id: str
    account: str
    payment_id: str
    amount: int
    currency: str
    reason_code: str
    phase: str
    respond_by: int
    created_at: int
    status: str = "open"
    amount_deducted: int = 0
    summary: str | None = None
    contested_amount: int | None = None
    proofs: dict[str, Any] | None = None
    submitted_at: int | None = None

    def shown(self) -> dict[str, Any]:
        proofs = self.proofs or {}
        return {
            "id": self.id,
            "entity": "dispute",
            "payment_id": self.payment_id,
            "amount": self.amount,
            "currency": self.currency,
            "amount_deducted": self.amount_deducted,
            "reason_code": self.reason_code,
            "respond_by": self.respond_by,
            "status": self.status,
            "phase": self.phase,
            "created_at": self.created_at,
            "evidence": {
                "amount": self.amount if self.contested_amount is None else self.contested_amount,
                "summary": self.summary,
                **{name: proofs.get(name) for name in PROOFS},
                "submitted_at": self.submitted_at,
            },
        }
