"""Payouts: to the bank of a vendor, or of the platform itself. They arrive some days later, or come back."""

from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import reading, shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.bookings import Bookings
from onerouter_sandbox.stripe.connect.vendors import Vendors
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import impossible, missing, no_such
from onerouter_sandbox.stripe.routing import ID, Asked, Route, Routes
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME, Slotted

_DAY_S: Final = 86_400
_FAILURES: Final = {
    "account_closed": "The bank account has been closed.",
    "no_account": "The bank account details on file are probably incorrect. No bank account could be found with them.",
    "insufficient_funds": "Your Stripe account has insufficient funds to cover the payout.",
}


@dataclass(slots=True)
class Payout(Slotted):
    """`vendor`: whose money it is; None: the platform's own."""

    id: str
    account: str
    created: int
    vendor: str | None
    amount: int
    currency: str
    arrives_at: int
    metadata: dict[str, str]
    destination: str | None
    method: str = "standard"
    description: str | None = None
    status: str = "pending"
    booking: str | None = None
    failure: str | None = None


class Payouts:
    def __init__(self, desk: Desk, vendors: Vendors, bookings: Bookings) -> None:
        self._desk = desk
        self._vendors = vendors
        self._bookings = bookings
        self.shelf = Shelf(desk.state.journal, NAME, "payout", Payout)

    def settle(self, payout: Payout, status: str, failure: str | None = None) -> None:
        """It arrives (`paid`) or comes back (`failed`), even after it seemed to have arrived. Raises Refused."""
        if payout.status in ("failed", "canceled") or payout.status == status:
            raise impossible(f"The payout has a status of {payout.status}.")
        payout.status = status
        payout.failure = (failure or "account_closed") if status == "failed" else None
        if status == "failed":
            self._bookings.book(payout.account, "payout_failure", payout.id, payout.amount, payout.currency)
        self._changed(payout, f"payout.{status}")

    def resume(self) -> None:
        """After a restart: what is under way arrives when it was going to."""
        for payout in self.shelf:
            if payout.status in ("pending", "in_transit"):
                self._move_later(payout)

    def shown(self, payout: Payout) -> dict[str, Any]:
        return {
            "id": payout.id,
            "object": "payout",
            "amount": payout.amount,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": payout.arrives_at,
            "automatic": False,
            "balance_transaction": payout.booking,
            "created": payout.created,
            "currency": payout.currency,
            "description": payout.description,
            "destination": payout.destination,
            "failure_balance_transaction": None,
            "failure_code": payout.failure,
            "failure_message": _FAILURES.get(payout.failure or ""),
            "livemode": self._desk.livemode(payout.account),
            "metadata": payout.metadata,
            "method": payout.method,
            "original_payout": None,
            "payout_method": None,
            "reconciliation_status": "not_applicable",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": payout.status,
            "trace_id": None,
            "type": "bank_account",
        }

    def routes(self) -> Routes:
        return {
            ("POST", "payouts"): Route("payouts.create", self._create, for_vendors=True),
            ("GET", "payouts"): Route("payouts.list", self._list, for_vendors=True),
            ("GET", "payouts", ID): Route("payouts.retrieve", self._get, for_vendors=True),
            ("POST", "payouts", ID, "cancel"): Route("payouts.cancel", self._cancel, for_vendors=True),
        }

    def _create(self, account: Account, asked: Asked) -> dict[str, Any]:
        params = asked.params
        reading.only(params, "amount currency method destination metadata description statement_descriptor source_type")
        currency = reading.currency(params, "currency")
        amount = reading.whole(params, "amount")
        if amount is None:
            raise missing("amount")
        if amount < 1:
            raise impossible("This value must be greater than or equal to 1.", param="amount")
        method = reading.choice(params, "method", ("standard", "instant")) or "standard"
        metadata = reading.metadata(params)
        now = self._desk.now(account.account_id)
        payout = Payout(
            id=random_id("po_1", 23),
            account=account.account_id,
            created=now,
            vendor=asked.vendor,
            amount=amount,
            currency=currency,
            arrives_at=now + (account.payout_days * _DAY_S if method == "standard" else 0),
            metadata=metadata,
            destination=self._destination(account, asked, currency),
            method=method,
            description=reading.text(params, "description", 1_000),
        )
        booked = self._bookings.book(account.account_id, "payout", payout.id, -amount, currency)
        payout.booking = booked.id
        self.shelf.add(payout)
        reference = self._desk.reference(account.account_id, metadata)
        self._desk.record(account.account_id, "payout.created", reference, payout.id, amount, currency)
        self._tell("payout.created", payout)
        self._move_later(payout)
        return self.shown(payout)

    def _destination(self, account: Account, asked: Asked, currency: str) -> str | None:
        """The bank it goes to; the platform's own is not simulated."""
        if asked.vendor is None:
            return None
        vendor = self._vendors.owned(account, asked.vendor, param="account")
        if not vendor.active:
            raise impossible("Payouts are not enabled for this account.", code="payouts_not_allowed")
        wanted = asked.params.get("destination")
        banks = [bank for bank in vendor.banks if bank["currency"] == currency]
        if wanted is not None and wanted not in [bank["id"] for bank in banks]:
            raise no_such("external account", str(wanted), param="destination")
        if not banks:
            raise impossible(
                f"Sorry, you don't have any external accounts in that currency ({currency}).", param="currency"
            )
        return str(wanted or banks[-1]["id"])

    def _get(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self.shown(self._owned(account, asked))

    def _list(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "status destination")
        status, destination = asked.params.get("status"), asked.params.get("destination")
        found, more = self.shelf.page(
            account,
            window,
            lambda each: (
                each.vendor == asked.vendor
                and status in (None, each.status)
                and destination in (None, each.destination)
            ),
        )
        return shapes.collection([self.shown(each) for each in found], url="/v1/payouts", more=more)

    def _cancel(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "")
        payout = self._owned(account, asked)
        if payout.status != "pending":
            raise impossible("Payouts can only be canceled while they are pending.", code="payout_cancel_not_allowed")
        payout.status = "canceled"
        self._bookings.book(payout.account, "payout_cancel", payout.id, payout.amount, payout.currency)
        self._changed(payout, "payout.canceled")
        return self.shown(payout)

    def _owned(self, account: Account, asked: Asked) -> Payout:
        """A vendor's payouts are seen as that vendor only."""
        payout = self.shelf.owned(account, asked.id, param="payout")
        if payout.vendor != asked.vendor:
            raise no_such("payout", asked.id, param="payout")
        return payout

    def _move_later(self, payout: Payout) -> None:
        """In transit halfway, then paid."""
        halfway = payout.created + (payout.arrives_at - payout.created) // 2

        def send() -> None:
            if payout.status == "pending":
                payout.status = "in_transit"
                self._changed(payout, "payout.updated", {"status": "pending"})

        def arrive() -> None:
            if payout.status in ("pending", "in_transit"):
                self.settle(payout, "paid")

        self._desk.later(payout.account, halfway, send)
        self._desk.later(payout.account, payout.arrives_at, arrive)

    def _changed(self, payout: Payout, event: str, before: dict[str, Any] | None = None) -> None:
        self.shelf.changed(payout)
        self._tell(event, payout, before)

    def _tell(self, event: str, payout: Payout, before: dict[str, Any] | None = None) -> None:
        self._desk.tell(event, payout.account, payout.id, self.shown(payout), before, vendor=payout.vendor)
