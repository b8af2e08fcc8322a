"""Sales, what subscribers were charged: read and refunded by the older payments API. Refunds go through at once."""

from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.billing import shapes
from onerouter_sandbox.paypal.billing.state import Books, Sale, SaleRefund, Subscription
from onerouter_sandbox.paypal.callbacks import Event, Webhooks
from onerouter_sandbox.paypal.errors import no_such_resource, unprocessable
from onerouter_sandbox.paypal.fields import Fields
from onerouter_sandbox.paypal.ids import object_id
from onerouter_sandbox.paypal.money import Money, NotMoney, read_money
from onerouter_sandbox.paypal.routing import DAY, Asked, Repeats, Route, Table
from onerouter_sandbox.paypal.shapes import answer
from onerouter_sandbox.paypal.state import NAME
from onerouter_sandbox.paypal.validation import parse_json
from onerouter_sandbox.wire import Reply
from onerouter_sandbox.world import World

REFUND: Final = "sales.refund"
_WORDS: Final = "captures.refund"
"""Whose sentences it uses: those of the older API are not in PayPal's OpenAPI files."""
KEPT_S: Final = 45 * DAY
_INVOICE_CHARS: Final = 127


@dataclass(frozen=True, slots=True)
class Wanted:
    """`amount` is None for all that is left."""

    amount: Money | None
    invoice: str | None


class Sales:
    def __init__(self, books: Books, world: World, webhooks: Webhooks, repeats: Repeats) -> None:
        self._books = books
        self._world = world
        self._webhooks = webhooks
        self._repeats = repeats

    @property
    def routes(self) -> Table:
        return {
            "GET v1/payments/sale/:id": Route("sales.get", self.get),
            "POST v1/payments/sale/:id/refund": Route(REFUND, self.refund),
            "GET v1/payments/refund/:id": Route("sales.get_refund", self.get_refund),
        }

    def get(self, asked: Asked) -> Reply:
        sale = self._sale(asked.account, asked.id, "sales.get")
        return answer(200, shapes.sale(sale, self._subscription(sale)))

    def get_refund(self, asked: Asked) -> Reply:
        return answer(200, self._shown(self._refund(asked.account, asked.id)))

    def refund(self, asked: Asked) -> Reply:
        sale = self._sale(asked.account, asked.id, REFUND)
        wanted = _wanted(parse_json(asked.request.body, REFUND))
        key = asked.request_id(REFUND)

        def make() -> str:
            return self._make(sale, wanted, key).id

        def show(refund_id: str) -> dict[str, Any]:
            return self._shown(self._refund(asked.account, refund_id))

        return self._repeats.once(REFUND, asked, KEPT_S, make, show, minimal=None)

    def _make(self, sale: Sale, wanted: Wanted, key: str | None) -> SaleRefund:
        left = sale.amount - sale.refunded
        amount = left if wanted.amount is None else wanted.amount.minor
        if left == 0:
            raise unprocessable("CAPTURE_FULLY_REFUNDED", None, _WORDS)
        if wanted.amount is not None and wanted.amount.currency != sale.currency:
            raise unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH", "/amount/currency", _WORDS)
        if amount > left:
            raise unprocessable("REFUND_AMOUNT_EXCEEDED", "/amount/total", _WORDS)
        now = self._world.clocks.of(sale.account).now()
        refund = SaleRefund(object_id(), sale.account, sale.id, amount, sale.currency, wanted.invoice, now)
        sale.refunded += amount
        sale.status = "REFUNDED" if sale.refunded == sale.amount else "PARTIALLY_REFUNDED"
        self._books.sales.changed(sale)
        self._books.sale_refunds.put(refund)
        self._world.ledger.record(
            provider=NAME,
            account=sale.account,
            kind="refund.created",
            reference=key or wanted.invoice,
            object_id=refund.id,
            amount=amount,
            currency=sale.currency,
            at=now,
        )
        self._tell(refund, sale)
        return refund

    def _tell(self, refund: SaleRefund, sale: Sale) -> None:
        of = self._subscription(sale)
        shown = shapes.sale_refund(refund, sale, of)
        resource = {**shown, "amount": {**shown["amount"], "total": f"-{shown['amount']['total']}"}}
        self._webhooks.emit(Event("PAYMENT.SALE.REFUNDED", sale.account, of.base, sale.id, "refund", resource, "1.0"))

    def _shown(self, refund: SaleRefund) -> dict[str, Any]:
        sale = self._books.sales.get(refund.sale_id)
        if sale is None:
            raise no_such_resource("sale_id", REFUND)
        return shapes.sale_refund(refund, sale, self._subscription(sale))

    def _sale(self, account: Account, sale_id: str, operation: str) -> Sale:
        sale = self._books.sales.owned(account, sale_id)
        if sale is None:
            raise no_such_resource("sale_id", operation)
        return sale

    def _refund(self, account: Account, refund_id: str) -> SaleRefund:
        refund = self._books.sale_refunds.owned(account, refund_id)
        if refund is None:
            raise no_such_resource("refund_id", "sales.get_refund")
        return refund

    def _subscription(self, sale: Sale) -> Subscription:
        of = self._books.subscriptions.get(sale.subscription_id)
        if of is None:
            raise no_such_resource("billing_agreement_id", "sales.get")
        return of


def _wanted(body: Any) -> Wanted:
    """Raises Refused."""
    fields = Fields(body, REFUND)
    amount = None
    if fields.has("amount"):
        given = fields.raw["amount"]
        try:
            as_others = {**given, "value": given.get("total")} if isinstance(given, dict) else given
            amount = read_money(as_others, currency_name="currency")
        except NotMoney as problem:
            raise fields.wrong("amount", "INVALID_PARAMETER_SYNTAX") from problem
    return Wanted(amount, fields.text("invoice_number", _INVOICE_CHARS))
