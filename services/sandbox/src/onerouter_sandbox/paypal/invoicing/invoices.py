"""Invoices: drafted, sent and cancelled by the merchant's server, paid by whoever opens the page."""

from onerouter_sandbox.paypal import ids
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.callbacks import Event, Webhooks
from onerouter_sandbox.paypal.errors import NotPossible, no_such_resource, unprocessable
from onerouter_sandbox.paypal.invoicing import shapes
from onerouter_sandbox.paypal.invoicing.state import Invoice
from onerouter_sandbox.paypal.invoicing.validation import CREATE, InvoiceRequest
from onerouter_sandbox.paypal.state import NAME
from onerouter_sandbox.paypal.store import Store
from onerouter_sandbox.world import World

OPEN = ("SENT", "UNPAID")


class Invoices:
    def __init__(self, world: World, webhooks: Webhooks) -> None:
        self._world = world
        self._webhooks = webhooks
        self.store = Store(world.journal, "invoice", Invoice)

    def create(self, account: Account, request: InvoiceRequest, base: str) -> Invoice:
        number = request.number or self.next_number(account)
        if any(one.number == number for one in self.store.of(account)):
            raise unprocessable("DUPLICATE_INVOICE_NUMBER", "/detail/invoice_number", CREATE)
        now = self._world.clocks.of(account.client_id).now()
        invoice = Invoice(
            id=ids.invoice_id(),
            account=account.client_id,
            base=base,
            number=number,
            currency=request.currency,
            amount=request.amount,
            given=request.given,
            created_at=now,
            updated_at=now,
        )
        self.store.put(invoice)
        self._record("payment_link.created", invoice)
        self._tell("INVOICING.INVOICE.CREATED", invoice)
        return invoice

    def next_number(self, account: Account) -> str:
        """The first free one; asking does not take it."""
        taken = {one.number for one in self.store.of(account)}
        count = len(taken) + 1
        while f"{count:04}" in taken:
            count += 1
        return f"{count:04}"

    def get(self, account: Account, invoice_id: str) -> Invoice:
        invoice = self.store.owned(account, invoice_id)
        if invoice is None:
            raise no_such_resource("invoice_id", "invoices.get")
        return invoice

    def send(self, invoice: Invoice) -> None:
        """A draft can be paid from now on; of one that was sent before nothing changes."""
        if invoice.status in OPEN:
            return
        if invoice.status != "DRAFT":
            raise unprocessable("CANNOT_SEND_INVOICE", None, "invoices.send")
        invoice.sent_at = self._now(invoice)
        self._change(invoice, "SENT")

    def cancel(self, invoice: Invoice) -> None:
        issue = {
            "DRAFT": "CANNOT_CANCEL_DRAFT_INVOICE",
            "PAID": "CANNOT_CANCEL_PAID_INVOICE",
            "CANCELLED": "INVOICE_CANCELED_ALREADY",
        }.get(invoice.status)
        if issue is not None:
            raise unprocessable(issue, None, "invoices.cancel")
        invoice.cancelled_at = self._now(invoice)
        self._change(invoice, "CANCELLED")
        self._record("payment_link.canceled", invoice)
        self._tell("INVOICING.INVOICE.CANCELLED", invoice)

    def pay(self, invoice: Invoice) -> None:
        if invoice.status not in OPEN:
            raise NotPossible(f"The invoice is {invoice.status}.")
        invoice.payment, invoice.paid_at = ids.object_id(), self._now(invoice)
        self._change(invoice, "PAID")
        self._record("payment_link.paid", invoice)
        self._tell("INVOICING.INVOICE.PAID", invoice)

    def _change(self, invoice: Invoice, status: str) -> None:
        invoice.status = status
        invoice.updated_at = self._now(invoice)
        self.store.changed(invoice)

    def _now(self, invoice: Invoice) -> float:
        return self._world.clocks.of(invoice.account).now()

    def _tell(self, event: str, invoice: Invoice) -> None:
        """The resource of these events is the invoice within an object."""
        resource = {"invoice": shapes.invoice(invoice)}
        self._webhooks.emit(Event(event, invoice.account, invoice.base, invoice.id, "invoices", resource))

    def _record(self, kind: str, invoice: Invoice) -> None:
        self._world.ledger.record(
            provider=NAME,
            account=invoice.account,
            kind=kind,
            reference=invoice.reference,
            object_id=invoice.id,
            amount=invoice.amount,
            currency=invoice.currency,
            at=self._now(invoice),
        )
