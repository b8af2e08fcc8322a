"""Disputes: a buyer opens one, it moves on, PayPal decides."""

from typing import Final

from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.billing.state import Books
from onerouter_sandbox.paypal.callbacks import Event, Webhooks
from onerouter_sandbox.paypal.disputes import shapes
from onerouter_sandbox.paypal.disputes.state import Dispute
from onerouter_sandbox.paypal.errors import NotPossible, no_such_resource
from onerouter_sandbox.paypal.ids import dispute_id
from onerouter_sandbox.paypal.routing import DAY
from onerouter_sandbox.paypal.state import State
from onerouter_sandbox.paypal.store import Store
from onerouter_sandbox.world import World

OUTCOMES: Final = {"won": "RESOLVED_SELLER_FAVOUR", "lost": "RESOLVED_BUYER_FAVOUR", "canceled": "CANCELED_BY_BUYER"}


class Disputes:
    def __init__(self, state: State, world: World, webhooks: Webhooks, books: Books) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks
        self._books = books
        self.store = Store(world.journal, "dispute", Dispute)

    def open(self, transaction: str, amount: int | None, reason: str, stage: str) -> Dispute | None:
        """Of a capture or a sale, by its id, for all of it unless `amount` (minor units) says less; None: nobody's id.

        Raises NotPossible for what was not paid, and for more than was.
        """
        found = self._capture(transaction) or self._sale(transaction)
        if found is None:
            return None
        dispute = found
        if amount is not None and amount > dispute.gross:
            raise NotPossible("That is more than was paid.")
        dispute.amount, dispute.reason, dispute.stage = amount or dispute.gross, reason, stage
        self.store.put(dispute)
        self._tell("CUSTOMER.DISPUTE.CREATED", dispute)
        return dispute

    def move(self, dispute: Dispute, status: str) -> None:
        self._require_open(dispute)
        self._change(dispute, status)
        self._tell("CUSTOMER.DISPUTE.UPDATED", dispute)

    def resolve(self, dispute: Dispute, outcome: str) -> None:
        self._require_open(dispute)
        dispute.outcome = OUTCOMES[outcome]
        self._change(dispute, "RESOLVED")
        self._tell("CUSTOMER.DISPUTE.RESOLVED", dispute)

    def get(self, account: Account, dispute_id: str) -> Dispute:
        dispute = self.store.owned(account, dispute_id)
        if dispute is None:
            raise no_such_resource("id", "disputes.get")
        return dispute

    def _capture(self, capture_id: str) -> Dispute | None:
        capture = self._state.payments.get(capture_id)
        if capture is None or capture.kind != "capture":
            return None
        if capture.status not in ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"):
            raise NotPossible(f"The capture is {capture.status}.")
        base = self._state.orders[capture.order_id].base
        return self._new(
            capture.account, base, capture_id, capture.custom_id, capture.invoice_id, capture.amount, capture.currency
        )

    def _sale(self, sale_id: str) -> Dispute | None:
        sale = self._books.sales.get(sale_id)
        of = None if sale is None else self._books.subscriptions.get(sale.subscription_id)
        if sale is None or of is None:
            return None
        return self._new(sale.account, of.base, sale_id, of.custom_id, None, sale.amount, sale.currency)

    def _new(
        self,
        account: str,
        base: str,
        transaction: str,
        reference: str | None,
        invoice: str | None,
        gross: int,
        currency: str,
    ) -> Dispute:
        now = self._world.clocks.of(account).now()
        return Dispute(
            id=dispute_id(),
            account=account,
            base=base,
            transaction=transaction,
            reference=reference,
            invoice=invoice,
            gross=gross,
            amount=gross,
            currency=currency,
            reason="OTHER",
            stage="INQUIRY",
            created_at=now,
            updated_at=now,
            due_at=now + 10 * DAY,
        )

    def _change(self, dispute: Dispute, status: str) -> None:
        dispute.status = status
        dispute.updated_at = self._world.clocks.of(dispute.account).now()
        self.store.changed(dispute)

    def _tell(self, event: str, dispute: Dispute) -> None:
        resource = shapes.dispute(dispute)
        self._webhooks.emit(
            Event(event, dispute.account, dispute.base, dispute.transaction, "dispute", resource, "1.0")
        )

    @staticmethod
    def _require_open(dispute: Dispute) -> None:
        if dispute.status == "RESOLVED":
            raise NotPossible("The dispute is resolved.")
