"""Disputes: a customer's bank takes a payment back, and the merchant may prove it wrong."""

from dataclasses import dataclass, field
from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import reading, shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.bookings import Bookings
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import impossible
from onerouter_sandbox.stripe.routing import ID, Asked, Route, Routes
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME, Charge, Slotted

FEE: Final = 1_500
_ANSWER_IN_S: Final = 7 * 86_400
_EVIDENCE: Final = """
    access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal
    customer_communication customer_email_address customer_name customer_purchase_ip customer_signature
    duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt
    refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation
    shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number uncategorized_file
    uncategorized_text
"""
_OPEN: Final = ("needs_response", "under_review")


@dataclass(slots=True)
class Dispute(Slotted):
    id: str
    account: str
    created: int
    charge: str
    intent: str
    amount: int
    currency: str
    reason: str
    due_by: int
    status: str = "needs_response"
    metadata: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, str] = field(default_factory=dict)
    submissions: int = 0
    bookings: list[str] = field(default_factory=list)


class Disputes:
    def __init__(self, desk: Desk, bookings: Bookings) -> None:
        self._desk = desk
        self._bookings = bookings
        self.shelf = Shelf(desk.state.journal, NAME, "dispute", Dispute)

    def open(self, charge: Charge, reason: str, amount: int | None = None) -> Dispute:
        """The bank takes the money, and Stripe its fee. Raises Refused for what cannot be disputed."""
        if not charge.captured or charge.disputed:
            raise impossible(f"Charge {charge.id} is not captured, or disputed already.")
        now = self._desk.now(charge.account)
        dispute = Dispute(
            id=random_id("du_1", 23),
            account=charge.account,
            created=now,
            charge=charge.id,
            intent=charge.intent,
            amount=charge.amount_captured if amount is None else min(amount, charge.amount_captured),
            currency=charge.currency,
            reason=reason,
            due_by=now + _ANSWER_IN_S,
        )
        taken = self._bookings.book(charge.account, "adjustment", dispute.id, -dispute.amount, charge.currency, fee=FEE)
        dispute.bookings.append(taken.id)
        charge.disputed = True
        self._desk.state.changed(charge)
        self.shelf.add(dispute)
        self._tell("charge.dispute.created", dispute)
        self._tell("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def close(self, dispute: Dispute, status: str) -> None:
        """`won`: the money comes back; `lost`: it does not. Raises Refused when it is closed already."""
        if dispute.status not in _OPEN:
            raise impossible(f"This dispute is already closed: its status is {dispute.status}.")
        before = {"status": dispute.status}
        dispute.status = status
        if status == "won":
            back = self._bookings.book(
                dispute.account, "adjustment", dispute.id, dispute.amount, dispute.currency, fee=-FEE
            )
            dispute.bookings.append(back.id)
        self.shelf.changed(dispute)
        self._tell("charge.dispute.closed", dispute, before)
        if status == "won":
            self._tell("charge.dispute.funds_reinstated", dispute)

    def review(self, dispute: Dispute) -> None:
        """The bank has the merchant's evidence."""
        if dispute.status != "needs_response":
            raise impossible(f"This dispute does not wait for evidence: its status is {dispute.status}.")
        dispute.status = "under_review"
        dispute.submissions += 1
        self.shelf.changed(dispute)
        self._tell("charge.dispute.updated", dispute, {"status": "needs_response"})

    def shown(self, dispute: Dispute) -> dict[str, Any]:
        card = {"brand": "visa", "case_type": "chargeback", "network_reason_code": "10.4"}
        return {
            "id": dispute.id,
            "object": "dispute",
            "amount": dispute.amount,
            "balance_transactions": [self._bookings.shown(self._bookings.shelf[each]) for each in dispute.bookings],
            "charge": dispute.charge,
            "created": dispute.created,
            "currency": dispute.currency,
            "enhanced_eligibility_types": [],
            "evidence": dict.fromkeys(_EVIDENCE.split()) | {"enhanced_evidence": {}} | dispute.evidence,
            "evidence_details": {
                "due_by": dispute.due_by,
                "enhanced_eligibility": {},
                "has_evidence": bool(dispute.evidence),
                "past_due": self._desk.now(dispute.account) > dispute.due_by,
                "submission_count": dispute.submissions,
            },
            "is_charge_refundable": False,
            "livemode": self._desk.livemode(dispute.account),
            "metadata": dispute.metadata,
            "payment_intent": dispute.intent,
            "payment_method_details": {"card": card, "type": "card"},
            "reason": dispute.reason,
            "status": dispute.status,
        }

    def routes(self) -> Routes:
        return {
            ("GET", "disputes"): Route("disputes.list", self._list),
            ("GET", "disputes", ID): Route("disputes.retrieve", self._get),
            ("POST", "disputes", ID): Route("disputes.update", self._update),
            ("POST", "disputes", ID, "close"): Route("disputes.close", self._close),
        }

    def _list(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "charge payment_intent")
        charge, intent = asked.params.get("charge"), asked.params.get("payment_intent")
        found, more = self.shelf.page(
            account, window, lambda each: charge in (None, each.charge) and intent in (None, each.intent)
        )
        return shapes.collection([self.shown(each) for each in found], url="/v1/disputes", more=more)

    def _get(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self.shown(self.shelf.owned(account, asked.id, param="dispute"))

    def _update(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "evidence submit metadata")
        dispute = self.shelf.owned(account, asked.id, param="dispute")
        evidence = reading.inner(asked.params, "evidence", _EVIDENCE)
        submit = reading.truth(asked.params, "submit")
        dispute.metadata = reading.changed_metadata(asked.params, dispute.metadata)
        if evidence and dispute.status not in _OPEN:
            raise impossible(f"This dispute is already closed: its status is {dispute.status}.")
        dispute.evidence = dispute.evidence | {name: str(value) for name, value in evidence.items()}
        self.shelf.changed(dispute)
        if evidence and submit is not False and dispute.status == "needs_response":
            self.review(dispute)
        return self.shown(dispute)

    def _close(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        dispute = self.shelf.owned(account, asked.id, param="dispute")
        self.close(dispute, "lost")
        return self.shown(dispute)

    def _tell(self, event: str, dispute: Dispute, before: dict[str, Any] | None = None) -> None:
        self._desk.tell(event, dispute.account, dispute.intent, self.shown(dispute), before)
