"""What becomes of disputes.

Source: https://razorpay.com/docs/api/disputes/ and https://razorpay.com/docs/webhooks/disputes/
"""

from typing import Any, Final, Literal

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay import fields, shapes
from onerouter_sandbox.razorpay.books import Books
from onerouter_sandbox.razorpay.callbacks import Webhooks
from onerouter_sandbox.razorpay.disputes.model import PROOFS, Dispute
from onerouter_sandbox.razorpay.errors import refused
from onerouter_sandbox.razorpay.shelf import Shelf
from onerouter_sandbox.razorpay.state import Payment, State
from onerouter_sandbox.world import World

Phase = Literal["fraud", "retrieval", "chargeback", "pre_arbitration", "arbitration"]
Verdict = Literal["under_review", "action_required", "won", "lost", "closed"]

_OVER: Final = frozenset({"won", "lost", "closed"})
_RESPOND_WITHIN_S: Final = 7 * 86_400


class Disputes:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._books = Books(world)
        self._webhooks = webhooks
        self.disputes = Shelf(world.journal, "dispute", Dispute)

    def open(self, payment: Payment, *, amount: int | None, phase: Phase, reason_code: str) -> Dispute:
        """The bank disputes a captured payment, or a part of it."""
        if not payment.captured:
            raise refused("Only a captured payment can be disputed.")
        if amount is not None and amount > payment.amount:
            raise refused("The disputed amount is more than the payment's.")
        now = self._now(payment.account)
        dispute = Dispute(
            id=random_id("disp_"),
            account=payment.account,
            payment_id=payment.id,
            amount=amount or payment.amount,
            currency=payment.currency,
            reason_code=reason_code,
            phase=phase,
            respond_by=now + _RESPOND_WITHIN_S,
            created_at=now,
        )
        self.disputes.add(dispute)
        self._tell("created", dispute)
        return dispute

    def decide(self, dispute: Dispute, verdict: Verdict) -> None:
        """What the bank says. `action_required` opens the dispute for more evidence."""
        self._check_running(dispute)
        dispute.status = "open" if verdict == "action_required" else verdict
        dispute.amount_deducted = dispute.amount if verdict == "lost" else 0
        self.disputes.changed(dispute)
        self._tell(verdict, dispute)

    def accept(self, dispute: Dispute) -> Dispute:
        """The merchant gives up: lost, and the amount is taken."""
        self.decide(dispute, "lost")
        self._books.record(
            dispute.account,
            "dispute.accepted",
            dispute.id,
            dispute.id,
            amount=dispute.amount,
            currency=dispute.currency,
        )
        return dispute

    def contest(self, dispute: Dispute, body: dict[str, Any]) -> Dispute:
        """Keep the evidence, and with `action: submit` hand it in."""
        self._check_running(dispute)
        fields.only(body, frozenset({"amount", "summary", "action", *PROOFS}))
        action = body.get("action", "draft")
        if action not in ("draft", "submit"):
            raise refused("The action must be either draft or submit.", field="action")
        amount = fields.number(body, "amount", most=dispute.amount)
        dispute.contested_amount = dispute.contested_amount if amount is None else amount
        dispute.summary = fields.text(body, "summary", most=1_000) or dispute.summary
        dispute.proofs = (dispute.proofs or {}) | {name: body[name] for name in PROOFS if name in body}
        if action == "submit":
            dispute.submitted_at = self._now(dispute.account)
            dispute.status = "under_review"
            self._books.record(dispute.account, "dispute.contested", dispute.id, dispute.id, currency=dispute.currency)
            self._tell("under_review", dispute)
        self.disputes.changed(dispute)
        return dispute

    def _check_running(self, dispute: Dispute) -> None:
        if dispute.status in _OVER:
            raise refused(f"Action not allowed on a dispute with {dispute.status} status.")

    def _tell(self, event: str, dispute: Dispute) -> None:
        entities = {
            "payment": shapes.payment(self._state.payments[dispute.payment_id]),
            "dispute": dispute.shown(),
        }
        self._webhooks.emit(f"payment.dispute.{event}", dispute.account, dispute.id, entities)

    def _now(self, key_id: str) -> int:
        return int(self._world.clocks.of(key_id).now())
