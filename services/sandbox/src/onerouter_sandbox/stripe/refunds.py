"""Refunds: of captured charges, in parts, never more than was taken."""

from typing import Final

from onerouter_sandbox.faults import REFUND_KINDS, FaultKind
from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.bookings import Bookings
from onerouter_sandbox.stripe.callbacks import Webhooks
from onerouter_sandbox.stripe.errors import impossible, no_such
from onerouter_sandbox.stripe.state import NAME, Charge, Refund, State, find_owned
from onerouter_sandbox.stripe.validation import RefundRequest
from onerouter_sandbox.world import World

_FAILURE: Final = "expired_or_canceled_card"


class Refunds:
    def __init__(self, state: State, world: World, webhooks: Webhooks, bookings: Bookings) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks
        self._bookings = bookings

    def create(self, account: Account, request: RefundRequest, key: str | None) -> Refund:
        """`key`: the request's idempotency key, its reference in the ledger."""
        charge = self._charge(account, request)
        amount = _refundable(charge, request.amount)
        now = self._world.clocks.of(account.account_id).now()
        mode, delay_s = self._behaviour(account)
        refund = Refund(
            id=random_id("re_3", 23),
            account=account.account_id,
            charge=charge.id,
            intent=charge.intent,
            amount=amount,
            currency=charge.currency,
            reason=request.reason,
            metadata=request.metadata,
            created=int(now),
            settle_at=now + delay_s,
            settles="failed" if mode == "failed" else "succeeded",
            status="succeeded" if mode == "succeeded" else "pending",
        )
        booked = self._bookings.book(account.account_id, "refund", refund.id, -amount, charge.currency)
        refund.booking = booked.id
        before = {"amount_refunded": charge.amount_refunded}
        charge.amount_refunded += amount
        self._state.changed(charge)
        self._state.add_refund(refund)
        self._world.ledger.record(
            provider=NAME,
            account=account.account_id,
            kind="refund.created",
            reference=key,
            object_id=refund.id,
            amount=amount,
            currency=charge.currency.upper(),
            at=now,
        )
        self._webhooks.refund("refund.created", refund)
        self._webhooks.charge("charge.refunded", charge, before)
        if refund.status == "pending":
            self._settle_later(refund)
        return refund

    def settle(self, refund: Refund, status: str) -> None:
        """A pending refund goes through or fails; one that went through can fail, even weeks later."""
        if refund.status in (status, "failed"):
            return
        before = {"status": refund.status}
        refund.status = status
        if status == "failed":
            refund.failure_reason = _FAILURE
            charge = self._state.charges[refund.charge]
            charge.amount_refunded -= refund.amount
            self._bookings.book(refund.account, "refund_failure", refund.id, refund.amount, refund.currency)
            self._state.changed(charge)
        self._state.changed(refund)
        self._webhooks.refund("refund.updated", refund, before)
        if status == "failed":
            self._webhooks.refund("refund.failed", refund)

    def resume(self) -> None:
        """After a restart: what was pending settles when it was going to."""
        for refund in self._state.refunds.values():
            if refund.status == "pending":
                self._settle_later(refund)

    def get(self, account: Account, refund_id: str) -> Refund:
        refund = find_owned(self._state.refunds, refund_id, account)
        if refund is None:
            raise no_such("refund", refund_id, param="id")
        return refund

    def _charge(self, account: Account, request: RefundRequest) -> Charge:
        if request.intent is None:
            charge = find_owned(self._state.charges, request.charge or "", account)
            if charge is None:
                raise no_such("charge", request.charge or "", param="charge")
            return charge
        intent = find_owned(self._state.intents, request.intent, account)
        if intent is None:
            raise no_such("payment_intent", request.intent, param="payment_intent")
        charge = self._state.charges.get(intent.latest_charge or "")
        if charge is None or charge.status != "succeeded":
            raise impossible(f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.")
        return charge

    def _settle_later(self, refund: Refund) -> None:
        self._world.timers.at(refund.settle_at, lambda: self.settle(refund, refund.settles), account=refund.account)

    def _behaviour(self, account: Account) -> tuple[str, float]:
        fault = self._world.faults.draw(REFUND_KINDS, NAME, "refunds.create", account.account_id)
        if fault is not None:
            return ("failed" if fault.kind is FaultKind.REFUND_FAILED else "pending"), fault.delay_s
        return account.refund_mode, account.refund_delay_s


def _refundable(charge: Charge, asked: int | None) -> int:
    if not charge.captured:
        raise impossible(f"Charge {charge.id} is not captured: the sandbox refunds captured charges only.")
    if charge.refundable == 0:
        raise impossible(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    amount = charge.refundable if asked is None else asked
    if amount > charge.refundable:
        raise impossible(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({charge.refundable})",
            param="amount",
        )
    return amount
