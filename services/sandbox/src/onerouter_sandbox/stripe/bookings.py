"""Balance transactions: each movement of the account's money, with what Stripe keeps of it."""

from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.routing import ID, Asked, Route, Routes
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME, Slotted

_SETTLES_AFTER_S: Final = 2 * 86_400
_CATEGORIES: Final = {"payment_refund": "refund", "adjustment": "dispute"}


@dataclass(slots=True)
class Booking(Slotted):
    """`amount` is negative for what leaves the balance; `type` in Stripe's words, `source` the object it is about."""

    id: str
    account: str
    type: str
    source: str
    amount: int
    fee: int
    currency: str
    created: int


def fee_of(amount: int) -> int:
    """Stripe's price of a card payment in the United States: 2.9 % + 30 cents."""
    return round(amount * 29 / 1_000) + 30


class Bookings:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.shelf = Shelf(desk.state.journal, NAME, "balance_transaction", Booking)

    def book(self, account_id: str, type_: str, source: str, amount: int, currency: str, *, fee: int = 0) -> Booking:
        now = self._desk.now(account_id)
        booking = Booking(random_id("txn_3", 23), account_id, type_, source, amount, fee, currency, now)
        self.shelf.add(booking)
        return booking

    def shown(self, booking: Booking) -> dict[str, Any]:
        detail = {
            "amount": booking.fee,
            "application": None,
            "currency": booking.currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
        return {
            "id": booking.id,
            "object": "balance_transaction",
            "amount": booking.amount,
            "available_on": booking.created + _SETTLES_AFTER_S,
            "balance_type": "payments",
            "created": booking.created,
            "currency": booking.currency,
            "description": None,
            "exchange_rate": None,
            "fee": booking.fee,
            "fee_details": [detail] if booking.fee else [],
            "net": booking.amount - booking.fee,
            "reporting_category": _CATEGORIES.get(booking.type, booking.type),
            "source": booking.source,
            "status": "pending"
            if self._desk.now(booking.account) < booking.created + _SETTLES_AFTER_S
            else "available",
            "type": booking.type,
        }

    def routes(self) -> Routes:
        return {
            ("GET", "balance_transactions"): Route("balance_transactions.list", self._list),
            ("GET", "balance_transactions", ID): Route("balance_transactions.retrieve", self._get),
        }

    def _list(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "source type")
        source, type_ = asked.params.get("source"), asked.params.get("type")
        found, more = self.shelf.page(
            account, window, lambda each: source in (None, each.source) and type_ in (None, each.type)
        )
        return shapes.collection([self.shown(each) for each in found], url="/v1/balance_transactions", more=more)

    def _get(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self.shown(self.shelf.owned(account, asked.id, param="id"))
