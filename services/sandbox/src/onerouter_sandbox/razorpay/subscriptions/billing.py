"""Invoices of subscriptions: made, and charged to the method that the customer authorized."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay import fields, shapes
from onerouter_sandbox.razorpay.books import Books
from onerouter_sandbox.razorpay.callbacks import Webhooks
from onerouter_sandbox.razorpay.customers.operations import Customers
from onerouter_sandbox.razorpay.payments import Method, Outcome, Payer, Payments
from onerouter_sandbox.razorpay.shelf import Shelf
from onerouter_sandbox.razorpay.state import Order, Payment, State
from onerouter_sandbox.razorpay.subscriptions import shapes as own_shapes
from onerouter_sandbox.razorpay.subscriptions.model import Invoice, Plan, Subscription
from onerouter_sandbox.world import World

_DESCRIPTION: Final = "Recurring Payment via Subscription"


class Billing:
    def __init__(
        self, state: State, world: World, payments: Payments, customers: Customers, webhooks: Webhooks
    ) -> None:
        self._state = state
        self._world = world
        self._books = Books(world)
        self._payments = payments
        self._customers = customers
        self._webhooks = webhooks
        self.invoices = Shelf(world.journal, "invoice", Invoice)

    def issue_cycle(
        self, subscription: Subscription, plan: Plan, cycle: int, addons: Sequence[Mapping[str, Any]] = ()
    ) -> Invoice:
        """The invoice of a cycle, counted from 1."""
        lines = [
            _line(plan.name, plan.amount, subscription.quantity, "plan"),
            *(_line(each["name"], each["amount"], each["quantity"], "addon") for each in addons),
        ]
        return self._issue(subscription, plan, lines, cycle=cycle)

    def issue_beside(self, subscription: Subscription, plan: Plan, name: str, amount: int) -> Invoice:
        """What is due once and belongs to no cycle."""
        return self._issue(subscription, plan, [_line(name, amount, 1, "addon")], cycle=None)

    def charge(self, subscription: Subscription, invoice: Invoice) -> Payment:
        """One try, which fails where the next charges were told to; a paid invoice of a cycle is a renewal."""
        return self.pay(subscription, invoice, outcome=self._outcome(subscription), reason=subscription.failure_reason)

    def pay(self, subscription: Subscription, invoice: Invoice, *, outcome: Outcome, reason: str) -> Payment:
        order = self._state.orders[invoice.order_id]
        customer = self._customers.customers.get(subscription.customer_id or "")
        payer = Payer(
            customer_id=subscription.customer_id,
            token_id=subscription.token_id,
            description=_DESCRIPTION,
            **({} if customer is None or customer.email is None else {"email": customer.email}),
        )
        method: Method = "upi" if subscription.method == "upi" else "card"
        payment = self._payments.pay(order, method=method, outcome=outcome, reason=reason, payer=payer)
        if payment.captured:
            self._paid(subscription, invoice, order, payment)
        return payment

    def first_payment_id(self, subscription: Subscription) -> str | None:
        """Of the authorization, where something was due with it."""
        return self.invoices[subscription.invoices[0]].payment_id if subscription.invoices else None

    def last_payment(self, subscription: Subscription) -> Payment | None:
        """Of the cycle that was paid last."""
        paid = (self.invoices[each] for each in reversed(subscription.invoices))
        ids = (each.payment_id for each in paid if each.cycle is not None and each.payment_id is not None)
        payment_id = next(ids, None)
        return None if payment_id is None else self._state.payments[payment_id]

    def shown(self, invoice: Invoice) -> dict[str, Any]:
        return own_shapes.invoice(invoice, self._customers.customers.get(invoice.customer_id or ""))

    def _paid(self, subscription: Subscription, invoice: Invoice, order: Order, payment: Payment) -> None:
        invoice.status, invoice.payment_id = "paid", payment.id
        invoice.customer_id = subscription.customer_id
        invoice.paid_at = self._now(subscription)
        self.invoices.changed(invoice)
        if invoice.cycle is not None:
            ours = fields.reference(subscription.notes)
            reference = None if ours is None else f"{ours}:{invoice.cycle}"
            self._books.record(
                subscription.account,
                "subscription.charged",
                reference,
                subscription.id,
                amount=invoice.amount,
                currency=invoice.currency,
            )
        entities = {
            "payment": shapes.payment(payment),
            "order": shapes.order(order),
            "invoice": self.shown(invoice),
        }
        self._webhooks.emit("invoice.paid", subscription.account, invoice.id, entities)

    def _issue(
        self, subscription: Subscription, plan: Plan, lines: list[dict[str, Any]], *, cycle: int | None
    ) -> Invoice:
        now, invoice_id = self._now(subscription), random_id("inv_")
        amount = sum(line["amount"] * line["quantity"] for line in lines)
        order = Order(
            id=random_id("order_"),
            account=subscription.account,
            amount=amount,
            currency=plan.currency,
            receipt=None,
            notes={},
            auto_capture=True,
            created_at=now,
            product=invoice_id,
        )
        self._state.add_order(order)
        invoice = Invoice(
            id=invoice_id,
            account=subscription.account,
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            order_id=order.id,
            amount=amount,
            currency=plan.currency,
            line_items=lines,
            cycle=cycle,
            billing_start=subscription.current_start,
            billing_end=subscription.current_end,
            created_at=now,
        )
        self.invoices.add(invoice)
        subscription.invoices.append(invoice.id)
        return invoice

    def _outcome(self, subscription: Subscription) -> Outcome:
        if subscription.failures_left == 0:
            return "success"
        if subscription.failures_left > 0:
            subscription.failures_left -= 1
        return "failure"

    def _now(self, subscription: Subscription) -> int:
        return int(self._world.clocks.of(subscription.account).now())


def _line(name: str, amount: int, quantity: int, kind: str) -> dict[str, Any]:
    return {"id": random_id("li_"), "name": name, "amount": amount, "quantity": quantity, "type": kind}
