"""Invoicing put together: its routes, the payer's page, control routes."""

from typing import Any

from fastapi import APIRouter, HTTPException

from onerouter_sandbox.paypal import hosted
from onerouter_sandbox.paypal.callbacks import Webhooks
from onerouter_sandbox.paypal.errors import NotPossible
from onerouter_sandbox.paypal.fields import Fields
from onerouter_sandbox.paypal.hosted import Decided, Question
from onerouter_sandbox.paypal.invoicing import shapes
from onerouter_sandbox.paypal.invoicing.invoices import OPEN, Invoices
from onerouter_sandbox.paypal.invoicing.state import Invoice
from onerouter_sandbox.paypal.invoicing.validation import invoice_request
from onerouter_sandbox.paypal.listing import parse_listing
from onerouter_sandbox.paypal.money import Money
from onerouter_sandbox.paypal.routing import Asked, Route, Table
from onerouter_sandbox.paypal.shapes import NO_CONTENT, answer
from onerouter_sandbox.paypal.state import State
from onerouter_sandbox.paypal.validation import parse_json
from onerouter_sandbox.wire import Reply
from onerouter_sandbox.world import World

_SEARCH = "invoices.search-invoices"


class Invoicing:
    """A `Feature`, and the payer's page."""

    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._invoices = Invoices(world, webhooks)

    @property
    def routes(self) -> Table:
        return {
            "POST v2/invoicing/generate-next-invoice-number": Route(
                "invoicing.generate-next-invoice-number", self.next_number
            ),
            "POST v2/invoicing/invoices": Route("invoices.create", self.create),
            "GET v2/invoicing/invoices/:id": Route("invoices.get", self.get),
            "POST v2/invoicing/invoices/:id/send": Route("invoices.send", self.send),
            "POST v2/invoicing/invoices/:id/cancel": Route("invoices.cancel", self.cancel),
            "POST v2/invoicing/search-invoices": Route(_SEARCH, self.search),
        }

    def resume(self) -> None:
        """Nothing waits."""

    def next_number(self, asked: Asked) -> Reply:
        return answer(200, {"invoice_number": self._invoices.next_number(asked.account)})

    def create(self, asked: Asked) -> Reply:
        request = invoice_request(parse_json(asked.request.body, "invoices.create"))
        invoice = self._invoices.create(asked.account, request, asked.base)
        return answer(201, shapes.invoice(invoice) if asked.wants_all else shapes.self_link(invoice))

    def get(self, asked: Asked) -> Reply:
        return answer(200, shapes.invoice(self._invoices.get(asked.account, asked.id)))

    def send(self, asked: Asked) -> Reply:
        fields = Fields(parse_json(asked.request.body, "invoices.send"), "invoices.send")
        fields.flag("send_to_recipient", True)
        invoice = self._invoices.get(asked.account, asked.id)
        self._invoices.send(invoice)
        return answer(200, shapes.payer_link(invoice))

    def cancel(self, asked: Asked) -> Reply:
        parse_json(asked.request.body, "invoices.cancel")
        self._invoices.cancel(self._invoices.get(asked.account, asked.id))
        return NO_CONTENT

    def search(self, asked: Asked) -> Reply:
        """By number, reference, memo, status and time of creation, newest first."""
        wanted = Fields(parse_json(asked.request.body, _SEARCH), _SEARCH)
        for name, most in (("invoice_number", 25), ("reference", 120), ("memo", 500)):
            wanted.text(name, most)
        span = wanted.inner("creation_date_range")
        first, last = (None, None) if span is None else (span.moment("start"), span.moment("end"))
        statuses = wanted.raw.get("status") or []
        found = [
            shapes.invoice(one)
            for one in self._invoices.store.of(asked.account)
            if wanted.raw.get("invoice_number") in (None, one.number)
            and all(wanted.raw.get(name) in (None, one.given["detail"].get(name)) for name in ("reference", "memo"))
            and (not statuses or one.status in statuses)
            and (first is None or int(one.created_at) >= first)
            and (last is None or int(one.created_at) <= last)
        ]
        listing = parse_listing(asked, _SEARCH, most=100, default=20)
        return answer(200, listing.page("items", found[::-1], f"{asked.base}/v2/invoicing/invoices"))

    def pages(self) -> APIRouter:
        return hosted.router("/invoice/p", "id", self)

    def ask(self, token: str) -> Question:
        invoice = self._find(token)
        account = self._state.accounts.get(invoice.account)
        if account is None or invoice.status == "DRAFT":
            raise HTTPException(404, "There is no such invoice.")
        amount = Money(invoice.amount, invoice.currency)
        shown = f"{amount.currency} {amount.value}"
        return Question(
            merchant=account.merchant_name,
            headline=shown,
            line=f"Invoice {invoice.number}",
            state=f"This invoice is {invoice.status.lower()}",
            actions=(("pay", f"Pay {shown}"), ("leave", "Not now")) if invoice.status in OPEN else (),
        )

    def decide(self, token: str, action: str) -> Decided:
        if action == "leave":
            return Decided(False, "Not paid", "You can pay later with the same link.", None)
        self._invoices.pay(self._find(token))
        return Decided(True, "Paid", "Thank you.", None)

    def control(self) -> APIRouter:
        routes = APIRouter(tags=["paypal"])

        @routes.post("/invoices/{invoice_id}/pay")
        async def pay(invoice_id: str) -> dict[str, Any]:
            """Pay an invoice as its recipient would on the page."""
            invoice = self._find(invoice_id)
            try:
                self._invoices.pay(invoice)
            except NotPossible as problem:
                raise HTTPException(409, str(problem)) from problem
            return shapes.invoice(invoice)

        return routes

    def _find(self, invoice_id: str) -> Invoice:
        invoice = self._invoices.store.get(invoice_id)
        if invoice is None:
            raise HTTPException(404, "There is no such invoice.")
        return invoice
