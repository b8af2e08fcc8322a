"""Invoices of subscriptions: drawn up, finalized, charged, paid or given up."""

from collections.abc import Callable
from typing import Any

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe.billing import shapes
from onerouter_sandbox.stripe.billing.records import Invoice, Line, Subscription
from onerouter_sandbox.stripe.customers import Customers
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.intents import Intents
from onerouter_sandbox.stripe.methods import Methods, PaymentMethod
from onerouter_sandbox.stripe.paying import Paying
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME, Intent

Told = Callable[[Invoice], None]


class Invoices:
    def __init__(self, desk: Desk, intents: Intents, paying: Paying, methods: Methods, customers: Customers) -> None:
        self._desk = desk
        self._intents = intents
        self._paying = paying
        self._methods = methods
        self._customers = customers
        self.shelf = Shelf(desk.state.journal, NAME, "invoice", Invoice)
        self.on_paid: Told = lambda _: None
        self.on_failed: Told = lambda _: None
        paying.on_tried = self._tried

    def draw_up(self, of: Subscription, lines: list[Line], reason: str, *, cycle: int | None) -> Invoice:
        """A draft with these lines and what was pending."""
        invoice_id = random_id("in_1", 23)
        pending, of.pending = of.pending, []
        invoice = Invoice(
            id=invoice_id,
            account=of.account,
            created=self._desk.now(of.account),
            customer=of.customer,
            subscription=of.id,
            metadata=dict(of.metadata),
            currency=of.currency,
            reason=reason,
            lines=[*pending, *lines],
            period_start=of.period_start,
            period_end=of.period_end,
            url=f"{of.pages}/{invoice_id}",
            cycle=cycle,
        )
        of.latest_invoice = invoice.id
        self.shelf.add(invoice)
        self._tell("invoice.created", invoice)
        return invoice

    def finalize(self, invoice: Invoice) -> None:
        """From here on its amount is fixed, less what the customer is owed; nothing due is paid at once."""
        self._settle_balance(invoice)
        invoice.status = "open"
        invoice.number = f"{invoice.customer[-8:].upper()}-{len(self.shelf.of(invoice.account)):04d}"
        invoice.finalized_at = self._desk.now(invoice.account)
        if invoice.amount_due > 0:
            invoice.intent = self._intents.of_invoice(
                invoice.account, invoice.id, invoice.customer, invoice.amount_due, invoice.currency
            ).id
        self.shelf.changed(invoice)
        self._tell("invoice.finalized", invoice)
        if invoice.amount_due == 0:
            self._paid(invoice)

    def charge(self, invoice: Invoice, method: PaymentMethod | None, *, declines: str | None = None) -> None:
        """Try to take what is due. `declines`: it fails so, whatever the method."""
        if invoice.status != "open":
            return
        intent = self._desk.state.intents[invoice.intent or ""]
        if method is None and declines is None:
            self._failed(invoice)
        elif declines is not None:
            self._paying.pay(intent, outcome="failure", word=declines, saved=method)
        elif method is not None:
            self._paying.pay_with(intent, method, off_session=True)

    def void(self, invoice: Invoice) -> None:
        self._end(invoice, "void")
        invoice.voided_at = self._desk.now(invoice.account)
        self._tell("invoice.voided", invoice)

    def give_up(self, invoice: Invoice) -> None:
        self._end(invoice, "uncollectible")
        invoice.uncollectible_at = self._desk.now(invoice.account)
        self._tell("invoice.marked_uncollectible", invoice)

    def leave(self, invoice: Invoice) -> None:
        """It stays as it is: nothing happens to it by itself any more."""
        invoice.auto_advance, invoice.next_attempt = False, None
        self.shelf.changed(invoice)

    def shown(self, invoice: Invoice) -> dict[str, Any]:
        return shapes.invoice(invoice, livemode=self._desk.livemode(invoice.account))

    def confirmation_secret(self, invoice: Invoice) -> dict[str, Any] | None:
        """What a front end pays it with, while it can be paid."""
        intent = self._desk.state.intents.get(invoice.intent or "")
        if intent is None or invoice.status != "open":
            return None
        return {"client_secret": f"{intent.id}_secret_{intent.secret}", "type": "payment_intent"}

    def payments(self, invoice: Invoice) -> dict[str, Any]:
        """The list of intents it was or is to be paid by."""
        return shapes.payments(invoice, livemode=self._desk.livemode(invoice.account))

    def tell_failed(self, invoice: Invoice) -> None:
        """After the next try was settled, as the event says when it is."""
        self.shelf.changed(invoice)
        self._tell("invoice.payment_failed", invoice)

    def _settle_balance(self, invoice: Invoice) -> None:
        customer = self._customers.shelf[invoice.customer]
        invoice.starting_balance = customer.balance
        due = invoice.total + customer.balance
        customer.balance, invoice.amount_due = (due, 0) if due < 0 else (0, due)
        invoice.ending_balance = customer.balance
        customer.currency = invoice.currency
        self._customers.changed(customer)

    def _tried(self, intent: Intent) -> None:
        invoice = self.shelf.find(intent.invoice)
        if invoice is None or invoice.status not in ("open", "uncollectible"):
            return
        if intent.status == "succeeded":
            self._paid(invoice)
        elif intent.status == "requires_payment_method":
            self._failed(invoice)

    def _paid(self, invoice: Invoice) -> None:
        invoice.status, invoice.amount_paid = "paid", invoice.amount_due
        invoice.attempted, invoice.next_attempt = True, None
        invoice.attempts += 1 if invoice.intent else 0
        invoice.paid_at = self._desk.now(invoice.account)
        self.shelf.changed(invoice)
        if invoice.amount_due > 0:
            reference = self._desk.reference(invoice.account, invoice.metadata)
            part = invoice.id if invoice.cycle is None else str(invoice.cycle)
            self._desk.record(
                invoice.account,
                "subscription.charged",
                None if reference is None else f"{reference}:{part}",
                invoice.intent or invoice.id,
                invoice.amount_paid,
                invoice.currency,
            )
            self._desk.tell(
                "invoice_payment.paid", invoice.account, invoice.subscription, self.payments(invoice)["data"][0]
            )
        self._tell("invoice.paid", invoice)
        self._tell("invoice.payment_succeeded", invoice)
        self.on_paid(invoice)

    def _failed(self, invoice: Invoice) -> None:
        invoice.attempts += 1
        invoice.attempted = True
        self.shelf.changed(invoice)
        self.on_failed(invoice)

    def _end(self, invoice: Invoice, status: str) -> None:
        invoice.status, invoice.auto_advance, invoice.next_attempt = status, False, None
        intent = self._desk.state.intents.get(invoice.intent or "")
        if status == "void" and intent is not None and intent.status not in ("succeeded", "canceled"):
            self._intents.cancel(intent, "void_invoice")
        self.shelf.changed(invoice)

    def _tell(self, event: str, invoice: Invoice) -> None:
        self._desk.tell(event, invoice.account, invoice.subscription, self.shown(invoice))
