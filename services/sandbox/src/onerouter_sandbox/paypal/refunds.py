"""Refunds: of captures, in parts, never more than was taken."""

from dataclasses import dataclass

from onerouter_sandbox.faults import REFUND_KINDS, FaultKind
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.callbacks import Webhooks
from onerouter_sandbox.paypal.errors import no_such_resource, unprocessable
from onerouter_sandbox.paypal.ids import object_id
from onerouter_sandbox.paypal.money import Money
from onerouter_sandbox.paypal.state import NAME, Payment, Refund, State, find_owned
from onerouter_sandbox.world import World

OPERATION = "captures.refund"


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """`amount` is None for all that is left."""

    amount: Money | None
    custom_id: str | None
    invoice_id: str | None
    note: str | None


class Refunds:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks

    def create(self, account: Account, capture: Payment, request: RefundRequest, request_id: str | None) -> Refund:
        amount = self._refundable(account, capture, request)
        now = self._world.clocks.of(account.client_id).now()
        mode, delay_s = self._behaviour(account)
        refund = Refund(
            id=object_id(),
            account=account.client_id,
            capture_id=capture.id,
            amount=amount,
            currency=capture.currency,
            custom_id=request.custom_id,
            invoice_id=request.invoice_id,
            note=request.note,
            created_at=now,
            updated_at=now,
            settle_at=now + delay_s,
            settles="FAILED" if mode == "failed" else "COMPLETED",
            refunded_before=capture.amount_refunded,
        )
        capture.amount_refunding += amount
        capture.refunds.append(refund.id)
        self._state.changed(capture)
        self._state.add_refund(refund)
        self._world.ledger.record(
            provider=NAME,
            account=account.client_id,
            kind="refund.created",
            reference=request_id or request.invoice_id,
            object_id=refund.id,
            amount=amount,
            currency=capture.currency,
            at=now,
        )
        if mode == "completed":
            self.settle(refund, refund.settles)
        else:
            self._webhooks.refund("PAYMENT.REFUND.PENDING", refund, capture)
            self._settle_later(refund)
        return refund

    def settle(self, refund: Refund, status: str) -> None:
        """A pending refund is completed or fails; a settled one stays what it is."""
        if refund.status != "PENDING":
            return
        capture = self._state.payments[refund.capture_id]
        capture.amount_refunding -= refund.amount
        refund.status = status
        refund.updated_at = capture.updated_at = self._world.clocks.of(refund.account).now()
        if status == "COMPLETED":
            refund.refunded_before = capture.amount_refunded
            capture.amount_refunded += refund.amount
            capture.status = "REFUNDED" if capture.amount_refunded >= capture.amount else "PARTIALLY_REFUNDED"
        self._state.changed(refund)
        self._state.changed(capture)
        event = "PAYMENT.CAPTURE.REFUNDED" if status == "COMPLETED" else "PAYMENT.REFUND.FAILED"
        self._webhooks.refund(event, refund, capture)

    def resume(self) -> None:
        """After a restart: what was pending settles when it was going to."""
        for refund in self._state.refunds.values():
            if refund.status == "PENDING":
                self._settle_later(refund)

    def get(self, account: Account, refund_id: str) -> Refund:
        refund = find_owned(self._state.refunds, refund_id, account)
        if refund is None:
            raise no_such_resource("refund_id")
        return refund

    def _refundable(self, account: Account, capture: Payment, request: RefundRequest) -> int:
        if request.invoice_id and (account.client_id, request.invoice_id) in self._state.refund_invoices:
            raise unprocessable("DUPLICATE_INVOICE_ID", "/invoice_id", OPERATION)
        if capture.status == "PENDING":
            raise unprocessable("PENDING_CAPTURE", None, OPERATION)
        if capture.status in ("DECLINED", "FAILED"):
            raise unprocessable("REFUND_NOT_ALLOWED", None, OPERATION)
        if capture.refundable == 0:
            raise unprocessable("CAPTURE_FULLY_REFUNDED", None, OPERATION)
        if request.amount is None:
            return capture.refundable
        if request.amount.currency != capture.currency:
            raise unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH", "/amount/currency_code", OPERATION)
        if request.amount.minor > capture.refundable:
            raise unprocessable("REFUND_AMOUNT_EXCEEDED", "/amount/value", OPERATION)
        return request.amount.minor

    def _behaviour(self, account: Account) -> tuple[str, float]:
        fault = self._world.faults.draw(REFUND_KINDS, NAME, OPERATION, account.client_id)
        if fault is not None:
            return ("failed" if fault.kind is FaultKind.REFUND_FAILED else "pending"), fault.delay_s
        return account.refund_mode, account.refund_delay_s

    def _settle_later(self, refund: Refund) -> None:
        self._world.timers.at(refund.settle_at, lambda: self.settle(refund, refund.settles), account=refund.account)
