"""Transfers: parts of captured payments, or of the balance, passed on to linked accounts, and taken back.

Source: https://razorpay.com/docs/api/payments/route/
"""

import re
from collections import defaultdict
from typing import Any, Final, Literal

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay import fields
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.books import Books
from onerouter_sandbox.razorpay.callbacks import Webhooks
from onerouter_sandbox.razorpay.errors import key_reused, refused
from onerouter_sandbox.razorpay.payments import Payments
from onerouter_sandbox.razorpay.route.accounts import LinkedAccounts
from onerouter_sandbox.razorpay.route.model import Reversal, Transfer
from onerouter_sandbox.razorpay.routing import Idempotency
from onerouter_sandbox.razorpay.shelf import Shelf
from onerouter_sandbox.razorpay.state import Order, Payment, State
from onerouter_sandbox.world import World

_FIELDS: Final = frozenset(
    {"account", "amount", "currency", "notes", "linked_account_notes", "on_hold", "on_hold_until"}
)
_KEY: Final = re.compile(r"^[A-Za-z0-9_ -]{4,36}$")
_MOST: Final = 100
"""Transfers in one request."""

Settled = Literal["processed", "failed"]


class Transfers:
    def __init__(
        self, state: State, world: World, accounts: LinkedAccounts, payments: Payments, webhooks: Webhooks
    ) -> None:
        self._state = state
        self._world = world
        self._books = Books(world)
        self._accounts = accounts
        self._webhooks = webhooks
        self.transfers = Shelf(world.journal, "transfer", Transfer)
        self.reversals = Shelf(world.journal, "reversal", Reversal)
        self._by_key = {
            (each.account, each.idempotency_key): each for each in self.transfers if each.idempotency_key is not None
        }
        self._by_source: defaultdict[str, list[str]] = defaultdict(list)
        for transfer in self.transfers:
            self._by_source[transfer.source].append(transfer.id)
        payments.watch(self._captured)

    def create_of_payment(self, account: Account, payment: Payment, body: dict[str, Any]) -> list[Transfer]:
        """All of them or none; there is no idempotency here, as at Razorpay. They are pending."""
        fields.only(body, frozenset({"transfers"}))
        wanted = fields.listing(body, "transfers")
        if not wanted:
            raise refused("The transfers field is required.", field="transfers")
        if len(wanted) > _MOST:
            raise refused(f"The transfers may not have more than {_MOST} items.", field="transfers")
        if not payment.captured:
            raise refused("The payment status should be captured for action to be taken")
        made = [self._made(account, payment.id, each) for each in wanted]
        _check_sum(made, payment.amount - payment.amount_transferred)
        for transfer in made:
            self._add(transfer)
            self._take(transfer, payment)
        return made

    def prepare(self, account: Account, amount: int, currency: str, wanted: list[dict[str, Any]]) -> list[Transfer]:
        """The transfers of an order that is about to be made; raises `Refused`."""
        if not wanted:
            return []
        if currency != "INR":
            raise refused("The currency should be INR for transfers", field="currency")
        made = [self._made(account, "", each) for each in wanted]
        _check_sum(made, amount)
        return made

    def attach(self, order: Order, prepared: list[Transfer]) -> None:
        """They wait for the order's payment. An order that is there already, by its receipt, keeps what it has."""
        if self.of_order(order):
            return
        for transfer in prepared:
            transfer.source, transfer.status = order.id, "created"
            self._add(transfer)

    def reverse_all(self, payment: Payment) -> None:
        """With a refund that asks for it."""
        for transfer_id in self.of_payment(payment):
            transfer = self.transfers[transfer_id]
            if transfer.status in ("processed", "partially_reversed"):
                self.reverse(transfer, {})

    def create_direct(self, account: Account, body: dict[str, Any], idempotency: Idempotency) -> Transfer:
        """From the balance; a repeat under its key is answered with the first."""
        if idempotency.key is not None:
            if not _KEY.match(idempotency.key):
                raise refused(
                    "The idempotency key must have 4 to 36 letters, digits, hyphens, underscores or spaces.",
                    field="X-Transfer-Idempotency",
                )
            known = self._by_key.get((account.key_id, idempotency.key))
            if known is not None and known.fingerprint != idempotency.fingerprint:
                raise key_reused()
            if known is not None:
                return known
        transfer = self._made(account, account.account_id, body)
        transfer.idempotency_key, transfer.fingerprint = idempotency.key, idempotency.fingerprint
        if idempotency.key is not None:
            self._by_key[account.key_id, idempotency.key] = transfer
        self._add(transfer)
        self._record(transfer)
        return transfer

    def start(self, transfer: Transfer) -> None:
        """Have it settle when its account's transfers do: at once, or later by the clock."""
        if transfer.settle_at <= self._now(transfer.account):
            self.settle(transfer, "failed" if transfer.settles == "failed" else "processed")
        else:
            self.settle_later(transfer)

    def settle_later(self, transfer: Transfer) -> None:
        settled: Settled = "failed" if transfer.settles == "failed" else "processed"
        self._world.timers.at(transfer.settle_at, lambda: self.settle(transfer, settled), account=transfer.account)

    def settle(self, transfer: Transfer, status: Settled) -> None:
        """A pending transfer is processed or fails; what failed can be passed on again."""
        if transfer.status != "pending":
            return
        transfer.status = status
        if status == "processed":
            transfer.processed_at = int(self._now(transfer.account))
        else:
            transfer.error = {
                "code": "BAD_REQUEST_ERROR",
                "description": "Transfer could not be processed to the linked account.",
                "reason": "transfer_failed",
                "step": "transfer_processing",
                "source": "business",
            }
            self._give_back(transfer, transfer.amount)
        self.transfers.changed(transfer)
        self._webhooks.emit(f"transfer.{status}", transfer.account, transfer.id, {"transfer": transfer.shown()})

    def reverse(self, transfer: Transfer, body: dict[str, Any]) -> Reversal:
        fields.only(body, frozenset({"amount", "notes", "linked_account_notes"}))
        if transfer.status not in ("processed", "partially_reversed"):
            raise refused(f"The transfer is {transfer.status} and cannot be reversed.")
        amount = transfer.reversible if body.get("amount") is None else fields.amount(body, "INR", subject="Reversal")
        if amount > transfer.reversible:
            raise refused("The reversal amount is greater than the amount that can be reversed.", field="amount")
        reversal = Reversal(
            id=random_id("rvrsl_"),
            account=transfer.account,
            transfer_id=transfer.id,
            amount=amount,
            currency=transfer.currency,
            notes=fields.notes(body),
            created_at=int(self._now(transfer.account)),
        )
        self.reversals.add(reversal)
        transfer.amount_reversed += amount
        transfer.status = "partially_reversed" if transfer.reversible else "reversed"
        self.transfers.changed(transfer)
        self._give_back(transfer, amount)
        self._books.record(
            transfer.account, "transfer.reversed", fields.reference(reversal.notes), reversal.id, amount=amount
        )
        return reversal

    def hold(self, transfer: Transfer, body: dict[str, Any]) -> Transfer:
        fields.only(body, frozenset({"on_hold", "on_hold_until"}))
        transfer.on_hold = fields.flag(body, "on_hold") or False
        transfer.on_hold_until = fields.number(body, "on_hold_until", least=946_684_800, most=4_765_046_400)
        self.transfers.changed(transfer)
        return transfer

    def of_payment(self, payment: Payment) -> list[str]:
        """Those of its order too; oldest first."""
        ids = [*self._by_source[payment.order_id], *self._by_source[payment.id]]
        return [each for each in ids if self.transfers[each].payment_id == payment.id]

    def of_order(self, order: Order) -> list[Transfer]:
        return [self.transfers[each] for each in self._by_source[order.id]]

    def reversals_of(self, transfer: Transfer) -> list[str]:
        ids = self.reversals.ids_of(transfer.account)
        return [each for each in ids if self.reversals[each].transfer_id == transfer.id]

    def _made(self, account: Account, source: str, body: dict[str, Any]) -> Transfer:
        fields.only(body, _FIELDS)
        recipient = fields.needed(body, "account")
        amount = fields.amount(body, "INR", subject="Transfer")
        if (fields.currency(body, required=True) or "") != "INR":
            raise refused("The currency should be INR for transfers", field="currency")
        notes = fields.notes(body)
        shared = body.get("linked_account_notes") or []
        if not isinstance(shared, list) or any(name not in notes for name in shared):
            raise refused("Keys sent in linked_account_notes must exist in notes", field="linked_account_notes")
        if not self._accounts.takes_money(account, recipient):
            raise refused("The linked account is not activated.", field="account")
        fees = round(amount * 25 / 10_000)  # a quarter of a percent, and GST on it
        tax = round(fees * 18 / 100)
        settle_at, settles = self._behaviour(account)
        return Transfer(
            id=random_id("trf_"),
            account=account.key_id,
            source=source,
            recipient=recipient,
            amount=amount,
            currency="INR",
            fees=fees + tax,
            tax=tax,
            notes=notes,
            linked_account_notes=shared,
            on_hold=fields.flag(body, "on_hold") or False,
            on_hold_until=fields.number(body, "on_hold_until", least=946_684_800, most=4_765_046_400),
            created_at=int(self._now(account.key_id)),
            settle_at=settle_at,
            settles=settles,
        )

    def _add(self, transfer: Transfer) -> None:
        self.transfers.add(transfer)
        self._by_source[transfer.source].append(transfer.id)

    def _take(self, transfer: Transfer, payment: Payment) -> None:
        transfer.payment_id = payment.id
        payment.amount_transferred += transfer.amount
        self._state.payments.changed(payment)
        self._record(transfer)

    def _captured(self, order: Order, payment: Payment) -> None:
        """What was to be passed on once the order is paid."""
        account = self._state.accounts.get(order.account)
        if account is None or order.status != "paid":
            return
        for transfer in self.of_order(order):
            if transfer.status == "created":
                transfer.status = "pending"
                transfer.settle_at, transfer.settles = self._behaviour(account)
                self._take(transfer, payment)
                self.transfers.changed(transfer)
                self.start(transfer)

    def _behaviour(self, account: Account) -> tuple[float, str]:
        """When transfers of this account settle, and as what."""
        now = self._now(account.key_id)
        later = now if account.transfer_mode == "processed" else now + account.transfer_delay_s
        return later, "failed" if account.transfer_mode == "failed" else "processed"

    def _record(self, transfer: Transfer) -> None:
        reference = fields.reference(transfer.notes) or transfer.idempotency_key
        self._books.record(transfer.account, "transfer.created", reference, transfer.id, amount=transfer.amount)

    def _give_back(self, transfer: Transfer, amount: int) -> None:
        payment = self._state.payments.get(transfer.payment_id or "")
        if payment is not None:
            payment.amount_transferred -= amount
            self._state.payments.changed(payment)

    def _now(self, key_id: str) -> float:
        return self._world.clocks.of(key_id).now()


def _check_sum(transfers: list[Transfer], most: int) -> None:
    if sum(each.amount for each in transfers) > most:
        raise refused("The sum of amount requested for transfer is greater than the captured amount", field="amount")
