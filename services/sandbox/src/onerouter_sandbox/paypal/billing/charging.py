"""Taking money from subscribers: renewals when they are due, a failed one again after five days, the threshold of failures.

A cycle is over when it was billed, paid or not. What was not paid is outstanding: tried twice more, taken with the next
cycle where the plan says so (`auto_bill_outstanding`), or captured by the merchant.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from onerouter_sandbox.paypal.billing import cycles, shapes
from onerouter_sandbox.paypal.billing.state import Books, Sale, Subscription
from onerouter_sandbox.paypal.callbacks import Event, Webhooks
from onerouter_sandbox.paypal.ids import object_id
from onerouter_sandbox.paypal.money import fee_of
from onerouter_sandbox.paypal.state import NAME
from onerouter_sandbox.world import World

RETRY_AFTER_S: Final = 5 * 86_400.0
RETRIES: Final = 2


class Charging:
    def __init__(self, books: Books, world: World, webhooks: Webhooks) -> None:
        self._books = books
        self._world = world
        self._webhooks = webhooks

    def schedule(self, subscription: Subscription) -> None:
        """Have the next charge, retry or end happen when it is due; what was scheduled before lapses."""
        subscription.round += 1
        self._books.subscriptions.changed(subscription)
        if subscription.status != "ACTIVE":
            return
        turn = subscription.round
        for due_at, act in ((subscription.retry_at, self._retry), (subscription.next_at, self.bill)):
            if due_at is not None:
                action = partial(self._when_due, subscription, turn, act)
                self._world.timers.at(due_at, action, account=subscription.account)

    def bill(self, subscription: Subscription) -> None:
        """Bill the cycle that is due now, or end the subscription after its last one."""
        place = cycles.current(subscription.terms.cycles, subscription.executed)
        now = self.now(subscription)
        if place is None:
            subscription.next_at = None
            self.change(subscription, "EXPIRED")
            self.tell("BILLING.SUBSCRIPTION.EXPIRED", subscription)
            return
        cycle = subscription.terms.cycles[place]
        if subscription.executed[place] == 0:
            subscription.phase_at, subscription.steps = now, 0
        subscription.executed[place] += 1
        subscription.steps += 1
        subscription.next_at = cycles.nth(subscription.phase_at, cycle, subscription.steps)
        subscription.retry_at, subscription.retries = None, 0
        price = cycles.charge(cycle, subscription.quantity or 1, subscription.terms.tax_on_top)
        if price:
            subscription.charges += 1
            owed = subscription.outstanding if subscription.terms.auto_bill else 0
            self._collect(subscription, price, owed, str(subscription.charges))
        self.schedule(subscription)

    def charge_setup(self, subscription: Subscription) -> bool:
        """Whether the setup fee, if any, was paid."""
        fee = subscription.terms.setup_fee
        if not fee:
            return True
        if self._fails(subscription):
            self._note_failure(subscription, fee)
            return False
        self._take(subscription, fee, "setup")
        return True

    def capture_outstanding(self, subscription: Subscription, amount: int, reference: str | None) -> Sale | None:
        """The sale, or None when the payer's instrument is declined."""
        if self._fails(subscription):
            self._note_failure(subscription, amount)
            self._suspend_at_threshold(subscription)
            return None
        subscription.outstanding -= amount
        return self._take(subscription, amount, f"outstanding:{reference}" if reference else "outstanding")

    def change(self, subscription: Subscription, status: str, note: str | None = None) -> None:
        subscription.status = status
        subscription.note = note
        subscription.status_at = self.now(subscription)
        self.touch(subscription)

    def touch(self, subscription: Subscription) -> None:
        subscription.updated_at = self.now(subscription)
        self._books.subscriptions.changed(subscription)

    def tell(self, event: str, subscription: Subscription) -> None:
        resource = shapes.subscription(subscription, fields=("last_failed_payment",))
        self._webhooks.emit(
            Event(event, subscription.account, subscription.base, subscription.id, "subscription", resource)
        )

    def record(self, kind: str, subscription: Subscription, reference: str, object_id: str, amount: int = 0) -> None:
        self._world.ledger.record(
            provider=NAME,
            account=subscription.account,
            kind=kind,
            reference=reference,
            object_id=object_id,
            amount=amount,
            currency=subscription.terms.currency,
            at=self.now(subscription),
        )

    def now(self, subscription: Subscription) -> float:
        return self._world.clocks.of(subscription.account).now()

    def _when_due(self, subscription: Subscription, turn: int, act: Callable[[Subscription], None]) -> None:
        if subscription.round == turn and subscription.status == "ACTIVE":
            act(subscription)

    def _retry(self, subscription: Subscription) -> None:
        subscription.retry_at = None
        if subscription.outstanding:
            subscription.retries += 1
            self._collect(subscription, 0, subscription.outstanding, str(subscription.charges))
        self.schedule(subscription)

    def _collect(self, subscription: Subscription, price: int, owed: int, of: str) -> None:
        if not self._fails(subscription):
            subscription.outstanding -= owed
            self._take(subscription, price + owed, of)
            return
        subscription.outstanding += price
        self._note_failure(subscription, price + owed)
        retry_at = self.now(subscription) + RETRY_AFTER_S
        if subscription.retries < RETRIES and (subscription.next_at is None or retry_at < subscription.next_at):
            subscription.retry_at = retry_at
        self.tell("BILLING.SUBSCRIPTION.PAYMENT.FAILED", subscription)
        self._suspend_at_threshold(subscription)

    def _take(self, subscription: Subscription, amount: int, of: str) -> Sale:
        now = self.now(subscription)
        sale = Sale(
            id=object_id(),
            account=subscription.account,
            subscription_id=subscription.id,
            of=of,
            amount=amount,
            currency=subscription.terms.currency,
            fee=fee_of(amount),
            at=now,
        )
        self._books.sales.put(sale)
        subscription.last_payment = (amount, now)
        if not subscription.outstanding:
            subscription.failed_count = 0
            subscription.retry_at = None
        self.touch(subscription)
        self.record("subscription.charged", subscription, f"{subscription.reference}:{of}", sale.id, amount)
        resource = shapes.sale(sale, subscription)
        self._webhooks.emit(
            Event(
                "PAYMENT.SALE.COMPLETED",
                subscription.account,
                subscription.base,
                subscription.id,
                "sale",
                resource,
                "1.0",
            )
        )
        return sale

    def _fails(self, subscription: Subscription) -> bool:
        if not subscription.failing:
            return False
        subscription.failing -= 1
        return True

    def _note_failure(self, subscription: Subscription, amount: int) -> None:
        subscription.failed_count += 1
        subscription.last_failure = (amount, self.now(subscription), subscription.failing_reason)
        self.touch(subscription)

    def _suspend_at_threshold(self, subscription: Subscription) -> None:
        threshold = subscription.terms.threshold
        if subscription.status == "ACTIVE" and 0 < threshold <= subscription.failed_count:
            subscription.retry_at = None
            self.change(subscription, "SUSPENDED", "Payment failure threshold reached.")
            self.schedule(subscription)
            self.tell("BILLING.SUBSCRIPTION.SUSPENDED", subscription)
