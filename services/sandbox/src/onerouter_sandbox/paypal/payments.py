"""Authorizations and captures."""

from dataclasses import dataclass

from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.callbacks import Webhooks
from onerouter_sandbox.paypal.errors import no_such_resource, unprocessable
from onerouter_sandbox.paypal.ids import object_id
from onerouter_sandbox.paypal.money import Money, fee_of
from onerouter_sandbox.paypal.state import NAME, Order, Payment, State, find_owned
from onerouter_sandbox.world import World


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """`amount` is None for all that is authorized."""

    amount: Money | None
    invoice_id: str | None
    final: bool


class Payments:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks

    def capture_order(self, order: Order) -> Payment:
        """As the payer's decision has it: completed, pending or declined."""
        capture = self._new("capture", order, Money(order.amount, order.currency), order.unit.get("invoice_id"))
        capture.status, capture.processor_code, capture.reason = self._verdict(order, "COMPLETED")
        order.captures.append(capture.id)
        self._captured(order, capture)
        return capture

    def authorize_order(self, order: Order) -> Payment:
        authorization = self._new(
            "authorization", order, Money(order.amount, order.currency), order.unit.get("invoice_id")
        )
        status, code, reason = self._verdict(order, "CREATED")
        authorization.status = "DENIED" if status == "DECLINED" else status
        authorization.processor_code, authorization.reason = code, reason
        order.authorizations.append(authorization.id)
        self._state.add_payment(authorization)
        if authorization.status != "DENIED":
            self._record("authorization.created", order, authorization)
            self._webhooks.payment("PAYMENT.AUTHORIZATION.CREATED", authorization)
        return authorization

    def capture(self, authorization: Payment, request: CaptureRequest) -> Payment:
        if authorization.status == "VOIDED":
            raise unprocessable("AUTHORIZATION_VOIDED", None, "payments")
        if authorization.status == "CAPTURED":
            raise unprocessable("AUTHORIZATION_ALREADY_CAPTURED", None, "payments")
        order = self._state.orders[authorization.order_id]
        taken = sum(self._state.payments[one].amount for one in order.captures)
        amount = request.amount or Money(authorization.amount - taken, authorization.currency)
        if amount.currency != authorization.currency:
            raise unprocessable("AUTH_CAPTURE_CURRENCY_MISMATCH", "/amount/currency_code", "payments")
        if taken + amount.minor > authorization.amount * 115 // 100:
            raise unprocessable("MAX_CAPTURE_AMOUNT_EXCEEDED", "/amount/value", "payments")
        invoice_id = request.invoice_id or authorization.invoice_id
        self.require_fresh_invoice(order.account, invoice_id, "payments")
        capture = self._new("capture", order, amount, invoice_id)
        capture.status, capture.authorization_id, capture.final = "COMPLETED", authorization.id, request.final
        order.captures.append(capture.id)
        done = request.final or taken + amount.minor >= authorization.amount
        self._change(authorization, "CAPTURED" if done else "PARTIALLY_CAPTURED")
        self._captured(order, capture)
        return capture

    def void(self, authorization: Payment) -> None:
        if authorization.status in ("CAPTURED", "PARTIALLY_CAPTURED"):
            raise unprocessable("PREVIOUSLY_CAPTURED", None, "payments")
        if authorization.status == "VOIDED":
            raise unprocessable("PREVIOUSLY_VOIDED", None, "payments")
        self._change(authorization, "VOIDED")
        self._record("authorization.voided", self._state.orders[authorization.order_id], authorization)
        self._webhooks.payment("PAYMENT.AUTHORIZATION.VOIDED", authorization)

    def settle(self, capture: Payment, status: str) -> None:
        """A pending capture is completed or declined; a settled one stays what it is."""
        if capture.kind != "capture" or capture.status != "PENDING":
            return
        capture.reason = None
        self._change(capture, status)
        self._captured(self._state.orders[capture.order_id], capture)

    def get(self, account: Account, payment_id: str, kind: str) -> Payment:
        payment = find_owned(self._state.payments, payment_id, account)
        if payment is None or payment.kind != kind:
            raise no_such_resource(f"{kind}_id")
        return payment

    def require_fresh_invoice(self, client_id: str, invoice_id: str | None, operation: str) -> None:
        account = self._state.accounts.get(client_id)
        used = invoice_id is not None and (client_id, invoice_id) in self._state.invoices
        if used and account is not None and account.unique_invoices:
            raise unprocessable("DUPLICATE_INVOICE_ID", "/invoice_id", operation)

    def _verdict(self, order: Order, good: str) -> tuple[str, str | None, str | None]:
        """Status, processor's code and reason."""
        if order.decline is not None:
            return "DECLINED", order.decline, None
        return ("PENDING", None, order.pending) if order.pending else (good, None, None)

    def _new(self, kind: str, order: Order, amount: Money, invoice_id: str | None) -> Payment:
        now = self._world.clocks.of(order.account).now()
        return Payment(
            id=object_id(),
            account=order.account,
            kind=kind,
            order_id=order.id,
            amount=amount.minor,
            currency=amount.currency,
            custom_id=order.unit.get("custom_id"),
            invoice_id=invoice_id,
            created_at=now,
            updated_at=now,
        )

    def _captured(self, order: Order, capture: Payment) -> None:
        if capture.status == "COMPLETED":
            capture.fee = fee_of(capture.amount)
            # Once, with the first capture, as far as there is money.
            taken = sum(self._state.payments[one].platform_fee for one in order.captures if one != capture.id)
            capture.platform_fee = min(order.platform_fee - taken, capture.amount - capture.fee)
            # By the order, so that money taken twice for one order shows.
            self._record("payment.captured", order, capture)
        self._state.add_payment(capture)
        self._state.changed(order)
        self._webhooks.payment(f"PAYMENT.CAPTURE.{capture.status}", capture)

    def _change(self, payment: Payment, status: str) -> None:
        payment.status = status
        payment.updated_at = self._world.clocks.of(payment.account).now()
        self._state.changed(payment)

    def _record(self, kind: str, order: Order, payment: Payment) -> None:
        self._world.ledger.record(
            provider=NAME,
            account=payment.account,
            kind=kind,
            reference=order.unit.get("custom_id") or order.id,
            object_id=payment.id,
            amount=payment.amount,
            currency=payment.currency,
            at=self._world.clocks.of(payment.account).now(),
        )
