"""Changes of a running subscription: another plan or quantity, now with the difference settled, or with the next cycle.

Source: https://razorpay.com/docs/payments/subscriptions/update/
"""

from typing import Final

from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.customers.operations import Customers
from onerouter_sandbox.razorpay.errors import refused
from onerouter_sandbox.razorpay.refunds import Refunds
from onerouter_sandbox.razorpay.routing import Idempotency
from onerouter_sandbox.razorpay.state import State
from onerouter_sandbox.razorpay.subscriptions.billing import Billing
from onerouter_sandbox.razorpay.subscriptions.lifecycle import Lifecycle
from onerouter_sandbox.razorpay.subscriptions.model import Plan, Subscription
from onerouter_sandbox.razorpay.subscriptions.periods import share_left
from onerouter_sandbox.razorpay.subscriptions.requests import SubscriptionUpdate
from onerouter_sandbox.razorpay.subscriptions.store import Store
from onerouter_sandbox.razorpay.validation import RefundRequest

_LEAST_DIFFERENCE: Final = 50


class Changes:
    def __init__(
        self,
        state: State,
        store: Store,
        billing: Billing,
        lifecycle: Lifecycle,
        customers: Customers,
        refunds: Refunds,
    ) -> None:
        self._state = state
        self._store = store
        self._billing = billing
        self._lifecycle = lifecycle
        self._customers = customers
        self._refunds = refunds

    def update(self, account: Account, subscription: Subscription, update: SubscriptionUpdate) -> None:
        self._check(subscription)
        old = self._store.plan_of(subscription)
        new = old if update.plan_id is None else self._store.plans.owned(account, update.plan_id)
        if new.currency != old.currency:
            raise refused("The currency of the new plan must be that of the old one.", field="plan_id")
        if update.start_at is not None and subscription.status != "authenticated":
            raise refused("start_at cannot be updated once the subscription has started.", field="start_at")
        if subscription.status == "active" and update.when == "cycle_end":
            subscription.change = {
                "plan_id": new.id,
                "quantity": update.quantity or subscription.quantity,
                "remaining_count": update.remaining_count,
            }
        else:
            self._apply(account, subscription, update, old, new)
            self._store.tell("updated", subscription)
        self._store.record(subscription, "plan_changed")
        self._lifecycle.changed(subscription)

    def pending(self, subscription: Subscription) -> Subscription:
        """The subscription as it will be; raises `Refused` when nothing is scheduled."""
        if subscription.change is None:
            raise refused("The subscription has no scheduled changes.")
        later = Subscription(**subscription.record())
        later.plan_id, later.quantity = subscription.change["plan_id"], subscription.change["quantity"]
        if subscription.change["remaining_count"] is not None:
            later.total_count = later.issued + subscription.change["remaining_count"]
        return later

    def cancel_pending(self, subscription: Subscription) -> None:
        self.pending(subscription)
        subscription.change = None
        self._lifecycle.changed(subscription)

    def _check(self, subscription: Subscription) -> None:
        if subscription.status not in ("authenticated", "active"):
            raise refused("Can't update Subscription when Subscription is not in Authenticated or Active state")
        if subscription.method == "upi":
            raise refused("Subscriptions cannot be updated when payment mode is UPI")
        token = self._customers.tokens.get(subscription.token_id or "")
        if token is not None and token.method == "card" and not token.international:
            raise refused("Only the offer can be updated for Subscriptions created using domestic cards")

    def _apply(
        self, account: Account, subscription: Subscription, update: SubscriptionUpdate, old: Plan, new: Plan
    ) -> None:
        quantity = update.quantity or subscription.quantity
        rhythm_changes = (old.period, old.interval) != (new.period, new.interval)
        if subscription.status == "active" and (new is not old or quantity != subscription.quantity):
            self._settle(account, subscription, self._difference(subscription, old, new, quantity), new)
        subscription.plan_id, subscription.quantity = new.id, quantity
        if update.remaining_count is not None:
            subscription.total_count = subscription.issued + update.remaining_count
        if update.start_at is not None:
            subscription.start_at = update.start_at
        if update.customer_notify is not None:
            subscription.customer_notify = update.customer_notify
        if subscription.status == "active" and rhythm_changes:
            subscription.anchor, subscription.turn = self._store.now(subscription.account), 0
            subscription.begin_cycle(new)

    def _difference(self, subscription: Subscription, old: Plan, new: Plan, quantity: int) -> int:
        """What the customer owes for the rest of the cycle, in minor units; negative where something comes back."""
        now = self._store.now(subscription.account)
        left, days = share_left(subscription.current_start or now, subscription.current_end or now, now)
        before, after = old.amount * subscription.quantity, new.amount * quantity
        if (old.period, old.interval) == (new.period, new.interval):
            difference = round((after - before) * left / days)
        else:  # the new rhythm starts with a whole cycle
            difference = after - round(before * left / days)
        if abs(difference) < _LEAST_DIFFERENCE:
            raise refused(f"The prorated amount difference must be at least {_LEAST_DIFFERENCE} currency subunits.")
        return difference

    def _settle(self, account: Account, subscription: Subscription, difference: int, plan: Plan) -> None:
        """Charge the difference, or refund it from the last payment. A charge that fails leaves everything as it was."""
        if difference > 0:
            invoice = self._billing.issue_beside(subscription, plan, "Change of the subscription", difference)
            if not self._billing.charge(subscription, invoice).captured:
                raise refused("The subscription was not updated, as the charge of the difference failed.")
            return
        last = self._billing.last_payment(subscription)
        if last is None or last.refundable == 0:
            return
        request = RefundRequest(min(-difference, last.refundable), "normal", None, {})
        self._refunds.create(account, last, request, Idempotency(None, ""))
