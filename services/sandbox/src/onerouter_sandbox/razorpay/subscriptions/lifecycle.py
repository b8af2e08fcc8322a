"""The life of a subscription: created, charged by the clock, and what the merchant does to it meanwhile.

Source: https://razorpay.com/docs/payments/subscriptions/states/ and …/payment-retries/
"""

from typing import Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.errors import refused
from onerouter_sandbox.razorpay.state import Payment
from onerouter_sandbox.razorpay.subscriptions.billing import Billing
from onerouter_sandbox.razorpay.subscriptions.model import Invoice, Plan, Subscription
from onerouter_sandbox.razorpay.subscriptions.periods import DAY_S, boundary
from onerouter_sandbox.razorpay.subscriptions.requests import SubscriptionRequest
from onerouter_sandbox.razorpay.subscriptions.store import Store
from onerouter_sandbox.world import World

_RETRIES: Final = 3
"""On the three days after the charge's; then the subscription is halted."""
_OVER: Final = frozenset({"cancelled", "completed", "expired"})


class Lifecycle:
    def __init__(self, world: World, store: Store, billing: Billing) -> None:
        self._world = world
        self._store = store
        self._billing = billing

    def create(self, account: Account, plan: Plan, request: SubscriptionRequest, pages: str) -> Subscription:
        """`pages` is the address under which people open subscriptions."""
        subscription_id = random_id("sub_")
        subscription = Subscription(
            id=subscription_id,
            account=account.key_id,
            plan_id=plan.id,
            total_count=request.total_count,
            quantity=request.quantity,
            customer_notify=request.customer_notify,
            notes=request.notes,
            addons=request.addons,
            start_at=request.start_at,
            expire_by=request.expire_by,
            short_url=f"{pages}/{subscription_id}",
            created_at=self._store.now(account.key_id),
        )
        self._store.subscriptions.add(subscription)
        self._store.record(subscription, "created")
        self.changed(subscription)
        return subscription

    def cancel(self, subscription: Subscription, *, at_cycle_end: bool) -> None:
        if subscription.status in _OVER:
            raise refused(f"Subscription is not cancellable in {subscription.status} status.")
        known = subscription.cancels_at_end
        if at_cycle_end:
            if subscription.status not in ("active", "pending", "halted"):
                raise refused("Subscription cannot be cancelled since no billing cycle is going on")
            subscription.cancels_at_end = True
        else:
            self._end(subscription, "cancelled")
        if not known:
            self._store.record(subscription, "canceled")
        self.changed(subscription)

    def pause(self, subscription: Subscription) -> None:
        """One that has not started is cancelled by it: so Razorpay's documents say."""
        if subscription.status == "authenticated":
            self._end(subscription, "cancelled")
            self._store.record(subscription, "canceled")
        elif subscription.status == "active":
            subscription.status, subscription.paused_at = "paused", self._store.now(subscription.account)
            self._store.record(subscription, "paused")
            self._store.tell("paused", subscription)
        else:
            raise refused(f"Subscription cannot be paused in {subscription.status} status.")
        self.changed(subscription)

    def resume(self, subscription: Subscription) -> None:
        """The rhythm stays. Cycles that began meanwhile are neither charged nor counted."""
        if subscription.status != "paused":
            raise refused(f"Subscription cannot be resumed in {subscription.status} status.")
        subscription.status, subscription.paused_at = "active", None
        plan, now = self._store.plan_of(subscription), self._store.now(subscription.account)
        while boundary(subscription.anchor or 0, plan.period, plan.interval, subscription.turn + 1) <= now:
            subscription.turn += 1
        subscription.begin_cycle(plan)
        self._store.record(subscription, "resumed")
        self._store.tell("resumed", subscription)
        self.changed(subscription)

    def retry(self, subscription: Subscription) -> Payment:
        """The open invoice is charged now, as after a change of the card."""
        if subscription.open_invoice is None or subscription.status not in ("pending", "halted"):
            raise refused(f"The subscription is {subscription.status}: it has no open invoice.")
        payment = self._charge(subscription, self._billing.invoices[subscription.open_invoice])
        self.changed(subscription)
        return payment

    def changed(self, subscription: Subscription) -> None:
        """Have it saved, and woken when the clock next has a say."""
        wakes_at = subscription.next_wake()
        if wakes_at != subscription.wakes_at:
            subscription.wakes_at = wakes_at
            self.wake_later(subscription)
        self._store.subscriptions.changed(subscription)

    def wake_later(self, subscription: Subscription) -> None:
        at = subscription.wakes_at
        if at is not None:
            self._world.timers.at(at, lambda: self._wake(subscription, at), account=subscription.account)

    def _wake(self, subscription: Subscription, at: int) -> None:
        if subscription.wakes_at != at:
            return  # things have changed since; another timer stands for it, or none
        subscription.wakes_at = None
        match subscription.status:
            case "created":
                subscription.status, subscription.ended_at = "expired", at
            case "authenticated":
                subscription.anchor = at
                self._store.tell("activated", self._activated(subscription))
                self._cycle(subscription)
            case "pending" if subscription.retry_at == at and subscription.open_invoice is not None:
                self._charge(subscription, self._billing.invoices[subscription.open_invoice])
            case _ if subscription.cancels_at_end:
                self._end(subscription, "cancelled")
            case _:
                subscription.turn += 1
                self._apply_change(subscription)
                self._cycle(subscription)
        self.changed(subscription)

    def _activated(self, subscription: Subscription) -> Subscription:
        subscription.status = "active"
        subscription.begin_cycle(self._store.plan_of(subscription))
        return subscription

    def _cycle(self, subscription: Subscription) -> None:
        """A cycle begins: its invoice is made, and charged unless the subscription is halted."""
        plan = self._store.plan_of(subscription)
        subscription.begin_cycle(plan)
        subscription.issued += 1
        subscription.auth_attempts = 0
        invoice = self._billing.issue_cycle(subscription, plan, subscription.issued)
        if subscription.status == "halted":
            subscription.open_invoice = invoice.id
        else:
            self._charge(subscription, invoice)

    def _charge(self, subscription: Subscription, invoice: Invoice) -> Payment:
        payment = self._billing.charge(subscription, invoice)
        if payment.captured:
            self._charged(subscription, payment)
        else:
            self._not_charged(subscription, invoice)
        return payment

    def _charged(self, subscription: Subscription, payment: Payment) -> None:
        recovered = subscription.status != "active"
        subscription.status = "active"
        subscription.paid_count += 1
        subscription.auth_attempts = 0
        subscription.open_invoice = subscription.retry_at = None
        if recovered:
            self._store.tell("activated", subscription)
        self._store.tell("charged", subscription, payment)
        self.complete_if_done(subscription, payment)

    def _not_charged(self, subscription: Subscription, invoice: Invoice) -> None:
        subscription.open_invoice = invoice.id
        subscription.auth_attempts += 1
        if subscription.status == "halted":
            return
        if subscription.auth_attempts > _RETRIES:
            subscription.status, subscription.retry_at = "halted", None
            self._store.tell("halted", subscription)
        else:
            subscription.status = "pending"
            subscription.retry_at = self._store.now(subscription.account) + DAY_S
            self._store.tell("pending", subscription)

    def complete_if_done(self, subscription: Subscription, payment: Payment) -> None:
        """After the charge of the last cycle."""
        if subscription.remaining == 0:
            self._end(subscription, "completed", payment)

    def _end(self, subscription: Subscription, status: str, payment: Payment | None = None) -> None:
        subscription.status, subscription.ended_at = status, self._store.now(subscription.account)
        subscription.change = subscription.retry_at = None
        self._store.tell(status, subscription, payment)

    def _apply_change(self, subscription: Subscription) -> None:
        """What waited for the end of the cycle. Another rhythm starts with the new cycle."""
        change, subscription.change = subscription.change, None
        if change is None:
            return
        old, new = self._store.plan_of(subscription), self._store.plans[change["plan_id"]]
        subscription.plan_id, subscription.quantity = new.id, change["quantity"]
        if change["remaining_count"] is not None:
            subscription.total_count = subscription.issued + change["remaining_count"]
        if (old.period, old.interval) != (new.period, new.interval):
            subscription.anchor, subscription.turn = subscription.current_end, 0
        subscription.begin_cycle(new)
        self._store.tell("updated", subscription)
