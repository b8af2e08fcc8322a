"""Payments: made by Checkout under an order, captured at once or later by the merchant's server."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay.callbacks import Webhooks
from onerouter_sandbox.razorpay.errors import order_already_paid, refused
from onerouter_sandbox.razorpay.failures import error_of
from onerouter_sandbox.razorpay.shelf import NAME
from onerouter_sandbox.razorpay.state import Order, Payment, State
from onerouter_sandbox.razorpay.validation import CaptureRequest
from onerouter_sandbox.world import World

Outcome = Literal["success", "authorize", "failure"]
Method = Literal["card", "upi", "netbanking", "wallet"]


EMAIL: Final = "buyer@example.com"
CONTACT: Final = "+919000000001"

Watcher = Callable[[Order, Payment], None]


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays, with what was kept of them."""

    email: str = EMAIL
    contact: str = CONTACT
    customer_id: str | None = None
    token_id: str | None = None
    description: str | None = None


class Payments:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Have `watcher` called with the order of each captured payment, once the order's own callbacks are owed."""
        self._watchers.append(watcher)

    def pay(
        self,
        order: Order,
        *,
        method: Method,
        outcome: Outcome,
        reason: str = "payment_failed",
        amount: int | None = None,
        payer: Payer | None = None,
    ) -> Payment:
        """One try of the customer. `success` is captured when the order says so; `authorize` never is.

        `amount` is a part of the order's where that allows it; None is all that is due.
        """
        if order.status == "paid":
            raise order_already_paid(order.id)
        payer = payer or Payer()
        payment = Payment(
            id=random_id("pay_"),
            account=order.account,
            order_id=order.id,
            amount=self._part(order, amount),
            currency=order.currency,
            method=method,
            instrument=_instrument(method),
            email=payer.email,
            contact=payer.contact,
            notes=dict(order.notes),
            created_at=int(self._world.clocks.of(order.account).now()),
            invoice_id=order.product if (order.product or "").startswith("inv_") else None,
            customer_id=payer.customer_id,
            token_id=payer.token_id,
            description=payer.description,
        )
        order.attempts += 1
        order.status = "attempted"
        order.payments.append(payment.id)
        self._state.orders.changed(order)
        self._state.payments.add(payment)
        if outcome == "failure":
            self._fail(payment, reason)
        else:
            self.authorize(payment, capture=outcome == "success" and order.auto_capture)
        return payment

    def authorize(self, payment: Payment, *, capture: bool) -> None:
        """The bank said yes, perhaps late: a payment that failed for want of its answer can still get here."""
        order = self._state.orders[payment.order_id]
        if payment.status not in ("created", "failed"):
            raise refused("Only a created or failed payment can be authorized.", metadata={"payment_id": payment.id})
        payment.status = "authorized"
        payment.error = None
        payment.acquirer_data = _acquirer_data(payment.method)
        self._state.payments.changed(payment)
        self._webhooks.payment("payment.authorized", payment)
        if capture and order.status != "paid":
            self._settle(order, payment)

    def capture(self, payment: Payment, request: CaptureRequest) -> Payment:
        """Take the money that is authorized: all of it, once."""
        about = {"payment_id": payment.id, "order_id": payment.order_id}
        if payment.captured:
            raise refused("This payment has already been captured", reason="payment_already_captured", metadata=about)
        if payment.status != "authorized":
            raise refused(
                "Only payments which have been authorized and not yet captured can be captured", metadata=about
            )
        if request.amount != payment.amount:
            raise refused(
                "Capture amount must be equal to the amount authorized",
                field="amount",
                reason="invalid_amount",
                metadata=about,
            )
        if request.currency not in (None, payment.currency):
            raise refused("The currency must be the same as that of the payment.", field="currency", metadata=about)
        order = self._state.orders[payment.order_id]
        if order.status == "paid":
            raise order_already_paid(order.id)
        self._settle(order, payment)
        return payment

    def _fail(self, payment: Payment, reason: str) -> None:
        payment.status = "failed"
        payment.error = error_of(reason)
        self._state.payments.changed(payment)
        self._webhooks.payment("payment.failed", payment)

    def _settle(self, order: Order, payment: Payment) -> None:
        now = self._world.clocks.of(payment.account).now()
        payment.status = "captured"
        payment.captured = True
        # 2 % and 18 % GST on it; `fee` includes `tax`: 129900 gives 2598 + 468 = 3066.
        base = round(payment.amount * 2 / 100)
        payment.tax = round(base * 18 / 100)
        payment.fee = base + payment.tax
        order.amount_paid += payment.amount
        if order.amount_paid >= order.amount:
            order.status = "paid"
        self._state.payments.changed(payment)
        self._state.orders.changed(order)
        self._world.ledger.record(
            provider=NAME,
            account=payment.account,
            kind="payment.captured",
            reference=payment.id,
            object_id=payment.id,
            amount=payment.amount,
            currency=payment.currency,
            at=now,
        )
        self._webhooks.payment("payment.captured", payment)
        if order.status == "paid":
            self._webhooks.order_paid(order, payment)
        for watcher in self._watchers:
            watcher(order, payment)

    def _part(self, order: Order, amount: int | None) -> int:
        due = order.amount - order.amount_paid
        if amount is None or amount == due:
            return due
        if not order.partial:
            raise refused("The amount must be equal to the order amount.", field="amount", reason="invalid_amount")
        if not 0 < amount < due:
            raise refused("The amount must not be more than the amount due.", field="amount", reason="invalid_amount")
        return amount


def _instrument(method: Method) -> dict[str, Any]:
    match method:
        case "card":
            return {"card_id": random_id("card_")}
        case "upi":
            return {"vpa": "buyer@upi"}
        case "netbanking":
            return {"bank": "HDFC"}
        case "wallet":
            return {"wallet": "mobikwik"}


def _acquirer_data(method: str) -> dict[str, Any]:
    number = f"{int.from_bytes(os.urandom(8), 'big') % 10**12:012d}"
    match method:
        case "card":
            return {"auth_code": number[:6]}
        case "netbanking":
            return {"bank_transaction_id": number}
        case "wallet":
            return {"transaction_id": number}
        case _:
            return {"rrn": number}
