"""Transfers: a vendor's part of a payment, given at once and taken back by reversals."""

from dataclasses import dataclass, field
from typing import Any, TypedDict

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import reading, shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.bookings import Bookings
from onerouter_sandbox.stripe.connect.vendors import Vendors
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import impossible, missing, no_such
from onerouter_sandbox.stripe.routing import ID, Asked, Route, Routes
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME, Charge, Slotted, find_owned


class Reversal(TypedDict):
    id: str
    amount: int
    created: int
    metadata: dict[str, str]
    booking: str


@dataclass(slots=True)
class Transfer(Slotted):
    id: str
    account: str
    created: int
    amount: int
    currency: str
    destination: str
    metadata: dict[str, str]
    source: str | None = None
    group: str | None = None
    description: str | None = None
    booking: str | None = None
    destination_payment: str = ""
    reversals: list[Reversal] = field(default_factory=list)

    @property
    def reversed(self) -> int:
        return sum(each["amount"] for each in self.reversals)


class Transfers:
    def __init__(self, desk: Desk, vendors: Vendors, bookings: Bookings) -> None:
        self._desk = desk
        self._vendors = vendors
        self._bookings = bookings
        self.shelf = Shelf(desk.state.journal, NAME, "transfer", Transfer)

    def reverse(self, transfer: Transfer, amount: int | None, metadata: dict[str, str]) -> Reversal:
        """Take back `amount`, or all that is left. Raises Refused."""
        left = transfer.amount - transfer.reversed
        taken = left if amount is None else amount
        if left == 0:
            raise impossible(f"Transfer {transfer.id} is already fully reversed.")
        if taken > left:
            raise impossible(f"Reversal amount ({taken}) is greater than unreversed amount ({left})", param="amount")
        booking = self._bookings.book(transfer.account, "transfer_refund", transfer.id, taken, transfer.currency)
        reversal = Reversal(
            id=random_id("trr_1", 23),
            amount=taken,
            created=self._desk.now(transfer.account),
            metadata=metadata,
            booking=booking.id,
        )
        before = {"amount_reversed": transfer.reversed, "reversed": False}
        transfer.reversals.append(reversal)
        self.shelf.changed(transfer)
        reference = self._desk.reference(transfer.account, transfer.metadata)
        self._desk.record(transfer.account, "transfer.reversed", reference, reversal["id"], taken, transfer.currency)
        self._tell("transfer.reversed", transfer, before)
        return reversal

    def shown(self, transfer: Transfer) -> dict[str, Any]:
        reversals = [_reversal(each, transfer) for each in reversed(transfer.reversals)]
        return {
            "id": transfer.id,
            "object": "transfer",
            "amount": transfer.amount,
            "amount_reversed": transfer.reversed,
            "balance_transaction": transfer.booking,
            "created": transfer.created,
            "currency": transfer.currency,
            "description": transfer.description,
            "destination": transfer.destination,
            "destination_payment": transfer.destination_payment,
            "livemode": self._desk.livemode(transfer.account),
            "metadata": transfer.metadata,
            "reversals": shapes.collection(reversals, url=f"/v1/transfers/{transfer.id}/reversals", more=False),
            "reversed": transfer.reversed == transfer.amount,
            "source_transaction": transfer.source,
            "source_type": "card",
            "transfer_group": transfer.group,
        }

    def routes(self) -> Routes:
        return {
            ("POST", "transfers"): Route("transfers.create", self._create),
            ("GET", "transfers"): Route("transfers.list", self._list),
            ("GET", "transfers", ID): Route("transfers.retrieve", self._get),
            ("POST", "transfers", ID): Route("transfers.update", self._update),
            ("POST", "transfers", ID, "reversals"): Route("transfers.reversals.create", self._reverse),
            ("GET", "transfers", ID, "reversals"): Route("transfers.reversals.list", self._list_reversals),
        }

    def _create(self, account: Account, asked: Asked) -> dict[str, Any]:
        params = asked.params
        reading.only(params, "amount currency destination source_transaction transfer_group metadata description")
        currency = reading.currency(params, "currency")
        amount = reading.whole(params, "amount")
        if amount is None:
            raise missing("amount")
        if amount < 1:
            raise impossible("This value must be greater than or equal to 1.", param="amount")
        if params.get("destination") is None:
            raise missing("destination")
        destination = str(params["destination"])
        vendor = self._vendors.owned(account, destination, param="destination")
        metadata, group = reading.metadata(params), reading.text(params, "transfer_group", 200)
        description = reading.text(params, "description", 1_000)
        if "transfers" not in vendor.capabilities or not vendor.active:
            raise impossible(
                "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
                "crypto_transfers, legacy_payments",
                code="insufficient_capabilities_for_transfer",
            )
        charge = self._source(account, params.get("source_transaction"), amount, currency)
        transfer = Transfer(
            id=random_id("tr_1", 23),
            account=account.account_id,
            created=self._desk.now(account.account_id),
            amount=amount,
            currency=currency,
            destination=vendor.id,
            metadata=metadata,
            source=None if charge is None else charge.id,
            group=group or (None if charge is None else charge.transfer_group or f"group_{charge.intent}"),
            description=description,
            destination_payment=random_id("py_1", 23),
        )
        booked = self._bookings.book(account.account_id, "transfer", transfer.id, -amount, currency)
        transfer.booking = booked.id
        self.shelf.add(transfer)
        reference = self._desk.reference(account.account_id, metadata)
        self._desk.record(account.account_id, "transfer.created", reference, transfer.id, amount, currency)
        self._tell("transfer.created", transfer)
        return self.shown(transfer)

    def _source(self, account: Account, charge_id: object, amount: int, currency: str) -> Charge | None:
        """The payment it comes from, of which no more can be given away than there was."""
        if charge_id is None:
            return None
        charge = find_owned(self._desk.state.charges, str(charge_id), account)
        if charge is None:
            raise no_such("charge", str(charge_id), param="source_transaction")
        if not charge.captured:
            raise impossible("The source_transaction has not been captured.", param="source_transaction")
        if charge.currency != currency:
            raise impossible(
                f"The currency of source_transaction's balance transaction ({charge.currency}) must be the same as the "
                f"transfer currency ({currency})",
                param="currency",
            )
        given = sum(
            each.amount - each.reversed for each in self.shelf.of(account.account_id) if each.source == charge.id
        )
        if given + amount > charge.amount_captured:
            raise impossible(
                "Transfers using this transaction as a source must not exceed the source amount of "
                f"{charge.amount_captured}. (There are already transfers using this source, amounting to a total of "
                f"{given}.)",
                param="source_transaction",
                code="transfers_not_allowed" if given == 0 else None,
            )
        return charge

    def _get(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self.shown(self.shelf.owned(account, asked.id, param="transfer"))

    def _update(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "metadata description")
        transfer = self.shelf.owned(account, asked.id, param="transfer")
        transfer.metadata = reading.changed_metadata(asked.params, transfer.metadata)
        transfer.description = reading.text(asked.params, "description", 1_000) or transfer.description
        self.shelf.changed(transfer)
        self._tell("transfer.updated", transfer)
        return self.shown(transfer)

    def _list(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "destination transfer_group")
        destination, group = asked.params.get("destination"), asked.params.get("transfer_group")
        found, more = self.shelf.page(
            account, window, lambda each: destination in (None, each.destination) and group in (None, each.group)
        )
        return shapes.collection([self.shown(each) for each in found], url="/v1/transfers", more=more)

    def _reverse(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "amount metadata description refund_application_fee")
        transfer = self.shelf.owned(account, asked.id, param="transfer")
        amount = reading.whole(asked.params, "amount")
        if amount is not None and amount < 1:
            raise impossible("This value must be greater than or equal to 1.", param="amount")
        return _reversal(self.reverse(transfer, amount, reading.metadata(asked.params)), transfer)

    def _list_reversals(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.window(asked.params)
        return dict(self.shown(self.shelf.owned(account, asked.id, param="id"))["reversals"])

    def _tell(self, event: str, transfer: Transfer, before: dict[str, Any] | None = None) -> None:
        self._desk.tell(event, transfer.account, transfer.id, self.shown(transfer), before)


def _reversal(reversal: Reversal, of: Transfer) -> dict[str, Any]:
    return {
        "id": reversal["id"],
        "object": "transfer_reversal",
        "amount": reversal["amount"],
        "balance_transaction": reversal["booking"],
        "created": reversal["created"],
        "currency": of.currency,
        "destination_payment_refund": None,
        "metadata": reversal["metadata"],
        "source_refund": None,
        "transfer": of.id,
    }
