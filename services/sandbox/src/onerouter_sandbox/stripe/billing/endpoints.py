"""Subscriptions and their invoices: path → handler."""

from typing import Any, Final

from onerouter_sandbox.stripe import reading, shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.billing.book import Book
from onerouter_sandbox.stripe.billing.changing import Changing
from onerouter_sandbox.stripe.billing.creating import Creating
from onerouter_sandbox.stripe.billing.records import Subscription
from onerouter_sandbox.stripe.errors import impossible, invalid
from onerouter_sandbox.stripe.routing import ID, Asked, Route, Routes

PAGES: Final = "/stripe/checkout"


class BillingEndpoints:
    def __init__(self, book: Book, creating: Creating, changing: Changing) -> None:
        self._book = book
        self._creating = creating
        self._changing = changing

    def routes(self) -> Routes:
        return {
            ("POST", "subscriptions"): Route("subscriptions.create", self._create),
            ("GET", "subscriptions"): Route("subscriptions.list", self._list),
            ("GET", "subscriptions", ID): Route("subscriptions.retrieve", self._get),
            ("POST", "subscriptions", ID): Route("subscriptions.update", self._update),
            ("DELETE", "subscriptions", ID): Route("subscriptions.cancel", self._cancel),
            ("POST", "subscriptions", ID, "resume"): Route("subscriptions.resume", self._resume),
            ("GET", "invoice_payments"): Route("invoice_payments.list", self._list_payments),
            ("GET", "invoices"): Route("invoices.list", self._list_invoices),
            ("GET", "invoices", ID): Route("invoices.retrieve", self._get_invoice),
            ("POST", "invoices", ID, "pay"): Route("invoices.pay", self._pay_invoice),
            ("POST", "invoices", ID, "void"): Route("invoices.void", self._void_invoice),
        }

    def _create(self, account: Account, asked: Asked) -> dict[str, Any]:
        return self._book.shown(self._creating.create(account, asked.params, f"{asked.host}{PAGES}"))

    def _get(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self._book.shown(self._book.shelf.owned(account, asked.id, param="id"))

    def _list(self, account: Account, asked: Asked) -> dict[str, Any]:
        """Without a status those that have not ended; `all` for all."""
        window = validation.window(asked.params, "customer price status")
        found, more = self._book.shelf.page(account, window, lambda each: _fits(each, asked))
        return shapes.collection([self._book.shown(each) for each in found], url="/v1/subscriptions", more=more)

    def _update(self, account: Account, asked: Asked) -> dict[str, Any]:
        subscription = self._book.live(account, asked.id)
        return self._book.shown(self._changing.update(account, subscription, asked.params))

    def _cancel(self, account: Account, asked: Asked) -> dict[str, Any]:
        return self._book.shown(self._changing.cancel(self._book.live(account, asked.id), asked.params))

    def _resume(self, account: Account, asked: Asked) -> dict[str, Any]:
        return self._book.shown(self._changing.resume(self._book.live(account, asked.id), asked.params))

    def _list_invoices(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "customer subscription status")
        of = asked.params
        invoices = self._book.invoices
        found, more = invoices.shelf.page(
            account,
            window,
            lambda each: (
                of.get("customer") in (None, each.customer)
                and of.get("subscription") in (None, each.subscription)
                and of.get("status") in (None, each.status)
            ),
        )
        return shapes.collection([invoices.shown(each) for each in found], url="/v1/invoices", more=more)

    def _list_payments(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "invoice limit starting_after status")
        invoices = self._book.invoices
        invoice_id = reading.text(asked.params, "invoice", 200)
        if invoice_id is None:
            raise invalid("The sandbox lists the payments of one invoice only.", param="invoice")
        return invoices.payments(invoices.shelf.owned(account, invoice_id, param="invoice"))

    def _get_invoice(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        invoices = self._book.invoices
        return invoices.shown(invoices.shelf.owned(account, asked.id, param="invoice"))

    def _pay_invoice(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "payment_method off_session")
        invoices = self._book.invoices
        invoice = invoices.shelf.owned(account, asked.id, param="invoice")
        if invoice.status != "open":
            raise impossible("Invoice is not open, so it cannot be paid.", code="invoice_not_open")
        subscription = self._book.shelf[invoice.subscription]
        wanted = reading.text(asked.params, "payment_method", 200)
        method = (
            self._book.method_of(subscription)
            if wanted is None
            else self._book.methods.owned(account, wanted, param="payment_method")
        )
        invoices.charge(invoice, method)
        return invoices.shown(invoice)

    def _void_invoice(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        invoices = self._book.invoices
        invoice = invoices.shelf.owned(account, asked.id, param="invoice")
        if invoice.status not in ("open", "uncollectible"):
            raise impossible(f"You can only void open invoices. This one is {invoice.status}.")
        invoices.void(invoice)
        return invoices.shown(invoice)


def _fits(subscription: Subscription, asked: Asked) -> bool:
    status, of = asked.params.get("status"), asked.params
    return (
        (status in ("all", subscription.status) or (status is None and subscription.status != "canceled"))
        and of.get("customer") in (None, subscription.customer)
        and (of.get("price") is None or any(item["price"] == of["price"] for item in subscription.items))
    )
