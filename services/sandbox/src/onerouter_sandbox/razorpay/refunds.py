"""Refunds: of captured payments, in parts, never more than was paid; idempotent by header."""

import os

from onerouter_sandbox.faults import REFUND_KINDS, FaultKind
from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.callbacks import Webhooks
from onerouter_sandbox.razorpay.errors import key_reused, no_such_id, refused
from onerouter_sandbox.razorpay.routing import Idempotency
from onerouter_sandbox.razorpay.shelf import NAME
from onerouter_sandbox.razorpay.state import Payment, Refund, State
from onerouter_sandbox.razorpay.validation import RefundRequest
from onerouter_sandbox.world import World


class Refunds:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks

    def find_replay(self, account: Account, idempotency: Idempotency) -> Refund | None:
        """What this key made before; raises when it was used for another request."""
        if idempotency.key is None:
            return None
        refund = self._state.by_refund_key.get((account.key_id, idempotency.key))
        if refund is not None and refund.fingerprint != idempotency.fingerprint:
            raise key_reused()
        return refund

    def create(self, account: Account, payment: Payment, request: RefundRequest, idempotency: Idempotency) -> Refund:
        amount = _refundable(payment, request)
        now = self._world.clocks.of(account.key_id).now()
        mode, delay_s = self._behaviour(account)
        refund = Refund(
            id=random_id("rfnd_"),
            account=account.key_id,
            payment_id=payment.id,
            amount=amount,
            currency=payment.currency,
            receipt=request.receipt,
            notes=request.notes,
            speed_requested=request.speed,
            created_at=int(now),
            idempotency_key=idempotency.key,
            fingerprint=idempotency.fingerprint,
            settle_at=now + delay_s,
            settles="failed" if mode == "failed" else "processed",
        )
        payment.amount_refunding += amount
        payment.refunds.append(refund.id)
        self._state.payments.changed(payment)
        self._state.add_refund(refund)
        self._world.ledger.record(
            provider=NAME,
            account=account.key_id,
            kind="refund.created",
            reference=idempotency.key or request.receipt,
            object_id=refund.id,
            amount=amount,
            currency=payment.currency,
            at=now,
        )
        self._webhooks.refund("refund.created", refund, payment)
        if mode == "processed":
            self.settle(refund, refund.settles)
        else:
            self._settle_later(refund)
        return refund

    def settle(self, refund: Refund, status: str) -> None:
        """A pending refund is processed or fails; a settled one stays what it is."""
        if refund.status != "pending":
            return
        payment = self._state.payments[refund.payment_id]
        payment.amount_refunding -= refund.amount
        refund.status = status
        if status == "processed":
            payment.amount_refunded += refund.amount
            refund.arn = f"{int.from_bytes(os.urandom(8), 'big') % 10**14:014d}"
            refund.speed_processed = "instant" if refund.speed_requested == "optimum" else "normal"
        if payment.amount_refunded == payment.amount:
            payment.status = "refunded"
        self._state.refunds.changed(refund)
        self._state.payments.changed(payment)
        self._webhooks.refund(f"refund.{status}", refund, payment)

    def resume(self) -> None:
        """After a restart: what was pending settles when it was going to."""
        for refund in self._state.refunds:
            if refund.status == "pending":
                self._settle_later(refund)

    def get(self, account: Account, refund_id: str, payment: Payment | None = None) -> Refund:
        refund = self._state.refunds.owned(account, refund_id)
        if payment is not None and refund.payment_id != payment.id:
            raise no_such_id()
        return refund

    def _settle_later(self, refund: Refund) -> None:
        self._world.timers.at(refund.settle_at, lambda: self.settle(refund, refund.settles), account=refund.account)

    def _behaviour(self, account: Account) -> tuple[str, float]:
        fault = self._world.faults.draw(REFUND_KINDS, NAME, "refunds.create", account.key_id)
        if fault is not None:
            return ("failed" if fault.kind is FaultKind.REFUND_FAILED else "pending"), fault.delay_s
        return account.refund_mode, account.refund_delay_s


def _refundable(payment: Payment, request: RefundRequest) -> int:
    about = {"payment_id": payment.id, "order_id": payment.order_id}
    if not payment.captured:
        raise refused("The payment status should be captured for action to be taken", metadata=about)
    if payment.refundable == 0:
        raise refused("The payment has been fully refunded already", reason="refund_limit_crossed", metadata=about)
    amount = payment.refundable if request.amount is None else request.amount
    if amount > payment.refundable:
        raise refused(
            "The total refund amount is greater than the refund payment amount",
            field="amount",
            reason="refund_limit_crossed",
            metadata=about,
        )
    return amount
