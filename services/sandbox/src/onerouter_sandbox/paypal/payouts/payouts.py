"""Batches and their items: accepted at once, paid a moment later, claimed, returned or cancelled."""

from collections.abc import Sequence
from typing import Final

from onerouter_sandbox.paypal import ids
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.callbacks import Event, Webhooks
from onerouter_sandbox.paypal.errors import NotPossible, no_such_resource, plain
from onerouter_sandbox.paypal.payouts import shapes
from onerouter_sandbox.paypal.payouts.state import Batch, Item
from onerouter_sandbox.paypal.payouts.validation import BatchRequest
from onerouter_sandbox.paypal.routing import DAY
from onerouter_sandbox.paypal.state import NAME, State
from onerouter_sandbox.paypal.store import Store
from onerouter_sandbox.world import World

KEPT_S: Final = 30 * DAY
_UNCLAIMED_S: Final = 30 * DAY
_FEE: Final = 25
_NEXT: Final = {
    "PENDING": ("SUCCESS", "FAILED", "UNCLAIMED", "ONHOLD", "BLOCKED"),
    "ONHOLD": ("SUCCESS", "FAILED", "BLOCKED"),
    "UNCLAIMED": ("SUCCESS", "RETURNED"),
    "SUCCESS": ("REFUNDED",),
}
_EVENTS: Final = {"SUCCESS": "SUCCEEDED", "ONHOLD": "HELD"}
_ERRORS: Final = {"UNCLAIMED": "RECEIVER_UNREGISTERED", "FAILED": "RECEIVER_ACCOUNT_LOCKED"}


class Payouts:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks
        self.batches = Store(world.journal, "payout_batch", Batch)
        self.items = Store(world.journal, "payout_item", Item)

    def create(self, account: Account, request: BatchRequest, base: str) -> Batch:
        """Accept a batch. A `sender_batch_id` of the last 30 days is refused, with a link to what it made."""
        now = self._world.clocks.of(account.client_id).now()
        self._require_fresh(account, request.header.get("sender_batch_id"), now, base)
        batch = Batch(
            id=ids.payout_id(),
            account=account.client_id,
            base=base,
            header=request.header,
            currency=request.items[0].amount.currency,
            items=[],
            created_at=now,
            due_at=now + account.payout_delay_s,
        )
        for place, wanted in enumerate(request.items):
            sender_id = batch.sender_id
            numbered = sender_id if sender_id is None or len(request.items) == 1 else f"{sender_id}:{place + 1}"
            item = Item(
                id=ids.payout_id(),
                account=account.client_id,
                batch_id=batch.id,
                reference=wanted.given.get("sender_item_id") or numbered,
                given=wanted.given,
                amount=wanted.amount.minor,
                currency=wanted.amount.currency,
                fee=min(_FEE, wanted.amount.minor),
            )
            batch.items.append(item.id)
            self.items.put(item)
            self._record("transfer.created", item, now)
        self.batches.put(batch)
        self._await(batch)
        return batch

    def batch(self, account: Account, batch_id: str) -> Batch:
        batch = self.batches.owned(account, batch_id)
        if batch is None:
            raise no_such_resource("payout_batch_id", "payouts.get")
        return batch

    def item(self, account: Account, item_id: str) -> Item:
        item = self.items.owned(account, item_id)
        if item is None:
            raise no_such_resource("payout_item_id", "payouts.get")
        return item

    def items_of(self, batch: Batch) -> Sequence[Item]:
        return [item for one in batch.items if (item := self.items.get(one)) is not None]

    def batch_of(self, item: Item) -> Batch:
        batch = self.batches.get(item.batch_id)
        assert batch is not None  # noqa: S101 - an item is made with its batch
        return batch

    def cancel(self, item: Item) -> None:
        """Take back what nobody has claimed."""
        if item.status == "RETURNED":
            raise plain(400, "ITEM_ALREADY_CANCELLED", "Item has already been cancelled.", details=[])
        if item.status != "UNCLAIMED":
            message = "Only an unclaimed item can be cancelled."
            raise plain(400, "ITEM_INCORRECT_STATUS", message, details=[])
        self._change(item, "RETURNED", "CANCELED")
        self._record("transfer.canceled", item, self._now(item))

    def settle(self, item: Item, status: str) -> None:
        """What the receiver or PayPal does. Raises NotPossible where an item cannot go there."""
        if status not in _NEXT.get(item.status, ()):
            raise NotPossible(f"The item is {item.status}.")
        if status == "UNCLAIMED":
            item.returns_at = self._now(item) + _UNCLAIMED_S
        self._change(item, status, _EVENTS.get(status, status))
        if status == "UNCLAIMED":
            self._return_later(item)
        self._complete(self.batch_of(item))

    def resume(self) -> None:
        for batch in self.batches:
            if batch.status == "PENDING":
                self._await(batch)
        for item in self.items:
            if item.status == "UNCLAIMED":
                self._return_later(item)

    def _await(self, batch: Batch) -> None:
        self._world.timers.at(batch.due_at, lambda: self._process(batch), account=batch.account)

    def _process(self, batch: Batch) -> None:
        account = self._state.accounts.get(batch.account)
        mode = "success" if account is None else account.payout_mode
        if mode == "denied":
            self._deny(batch)
            return
        batch.status = "PROCESSING"
        self.batches.changed(batch)
        self._tell(batch)
        for item in self.items_of(batch):
            if mode != "pending" and item.status == "PENDING":
                self.settle(item, mode.upper())

    def _deny(self, batch: Batch) -> None:
        batch.status, batch.completed_at = "DENIED", self._world.clocks.of(batch.account).now()
        self.batches.changed(batch)
        for item in self.items_of(batch):
            item.error = "INSUFFICIENT_FUNDS"
            self._change(item, "FAILED", "DENIED")
        self._tell(batch)

    def _complete(self, batch: Batch) -> None:
        """A batch has succeeded when each of its items has been tried, whatever became of it."""
        if batch.status == "PROCESSING" and all(
            one.status not in ("PENDING", "ONHOLD") for one in self.items_of(batch)
        ):
            batch.status, batch.completed_at = "SUCCESS", self._world.clocks.of(batch.account).now()
            self.batches.changed(batch)
            self._tell(batch)

    def _return_later(self, item: Item) -> None:
        def give_back() -> None:
            if item.status == "UNCLAIMED":
                self.settle(item, "RETURNED")

        self._world.timers.at(item.returns_at or 0.0, give_back, account=item.account)

    def _change(self, item: Item, status: str, event: str) -> None:
        now = self._now(item)
        item.status, item.processed_at = status, now
        item.error = _ERRORS.get(status) if item.error != "INSUFFICIENT_FUNDS" else item.error
        if status == "SUCCESS":
            item.transaction_id = ids.object_id()
            self._record("transfer.succeeded", item, now)
        self.items.changed(item)
        batch = self.batch_of(item)
        resource = shapes.item(item, batch)
        name = f"PAYMENT.PAYOUTS-ITEM.{event}"
        self._webhooks.emit(Event(name, item.account, batch.base, batch.id, "payouts_item", resource, "1.0"))

    def _tell(self, batch: Batch) -> None:
        resource = shapes.batch(batch, self.items_of(batch))
        resource["batch_header"]["payments"] = len(batch.items)
        name = f"PAYMENT.PAYOUTSBATCH.{batch.status}"
        self._webhooks.emit(Event(name, batch.account, batch.base, batch.id, "payouts", resource, "1.0"))

    def _require_fresh(self, account: Account, sender_id: str | None, now: float, base: str) -> None:
        for batch in self.batches.of(account):
            if sender_id is not None and batch.sender_id == sender_id and now < batch.created_at + KEPT_S:
                issue = "Batch with given sender_batch_id already exists"
                detail = {"field": "SENDER_BATCH_ID", "location": "body", "issue": issue}
                there = f"{base}/v1/payments/payouts/{batch.id}"
                raise plain(400, "USER_BUSINESS_ERROR", "User business error.", details=[detail], link=there)

    def _now(self, item: Item) -> float:
        return self._world.clocks.of(item.account).now()

    def _record(self, kind: str, item: Item, at: float) -> None:
        self._world.ledger.record(
            provider=NAME,
            account=item.account,
            kind=kind,
            reference=item.reference,
            object_id=item.id,
            amount=item.amount,
            currency=item.currency,
            at=at,
        )
