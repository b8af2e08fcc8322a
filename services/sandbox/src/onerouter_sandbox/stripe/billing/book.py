"""The subscriptions themselves: kept, changed with a word to the merchant, ended."""

from typing import Any

from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.billing import shapes
from onerouter_sandbox.stripe.billing.invoices import Invoices
from onerouter_sandbox.stripe.billing.records import Subscription
from onerouter_sandbox.stripe.catalog import Catalog
from onerouter_sandbox.stripe.customers import Customers
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import no_such
from onerouter_sandbox.stripe.methods import Methods, PaymentMethod
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME


class Book:
    """What creating, changing and renewing have in common."""

    def __init__(
        self, desk: Desk, catalog: Catalog, customers: Customers, methods: Methods, invoices: Invoices
    ) -> None:
        self.desk = desk
        self.catalog = catalog
        self.customers = customers
        self.methods = methods
        self.invoices = invoices
        self.shelf = Shelf(desk.state.journal, NAME, "subscription", Subscription)

    def live(self, account: Account, subscription_id: str) -> Subscription:
        """Raises Refused for one that has ended: Stripe says then that there is none."""
        subscription = self.shelf.owned(account, subscription_id, param="id")
        if subscription.over:
            raise no_such("subscription", subscription_id, param="id")
        return subscription

    def shown(self, subscription: Subscription) -> dict[str, Any]:
        return shapes.subscription(subscription, self.catalog, livemode=self.desk.livemode(subscription.account))

    def now(self, subscription: Subscription) -> int:
        return self.desk.now(subscription.account)

    def update(self, subscription: Subscription, **changes: Any) -> None:
        """Set fields; when something shows, `customer.subscription.updated` says what it was before."""
        before = self.shown(subscription)
        for name, value in changes.items():
            setattr(subscription, name, value)
        self.shelf.changed(subscription)
        after = self.shown(subscription)
        changed = {name: value for name, value in before.items() if value != after[name]}
        if changed:
            self.tell("customer.subscription.updated", subscription, changed)

    def cancel(
        self, subscription: Subscription, *, reason: str = "cancellation_requested", at: int | None = None
    ) -> None:
        """It is over; what was drawn up and not paid stays, but is not tried again."""
        now = self.now(subscription) if at is None else at
        open_invoice = self.invoices.shelf.find(subscription.latest_invoice)
        was_incomplete = subscription.status == "incomplete"
        subscription.status = "canceled"
        subscription.canceled_at = subscription.canceled_at or now
        subscription.ended_at = now
        subscription.pause_collection = None
        subscription.cancellation = subscription.cancellation | {"reason": reason}
        self.shelf.changed(subscription)
        if open_invoice is not None and open_invoice.status == "open":
            if was_incomplete:
                self.invoices.void(open_invoice)
            else:
                self.invoices.leave(open_invoice)
        self.effect("subscription.canceled", subscription)
        self.tell("customer.subscription.deleted", subscription)

    def method_of(self, subscription: Subscription) -> PaymentMethod | None:
        """What a charge would be made with: the subscription's own method, else the customer's."""
        customer = self.customers.shelf[subscription.customer]
        for method_id in (subscription.default_method, customer.default_method):
            method = self.methods.shelf.find(method_id)
            if method is not None and method.customer == customer.id:
                return method
        return None

    def price(self, subscription: Subscription) -> int:
        """Of one whole period."""
        return sum(self.catalog.prices[item["price"]].unit_amount * item["quantity"] for item in subscription.items)

    def rhythm(self, subscription: Subscription) -> tuple[str, int]:
        """Interval and count; all items have the same."""
        price = self.catalog.prices[subscription.items[0]["price"]]
        return price.interval or "month", price.interval_count

    def effect(self, kind: str, subscription: Subscription) -> None:
        reference = self.desk.reference(subscription.account, subscription.metadata)
        self.desk.record(
            subscription.account, kind, reference, subscription.id, self.price(subscription), subscription.currency
        )

    def tell(self, event: str, subscription: Subscription, before: dict[str, Any] | None = None) -> None:
        self.desk.tell(event, subscription.account, subscription.id, self.shown(subscription), before)
