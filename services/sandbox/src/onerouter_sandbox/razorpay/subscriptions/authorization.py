"""The customer agrees to a subscription, and pays what is due with that."""

from typing import Literal

from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.customers.operations import Customers
from onerouter_sandbox.razorpay.errors import refused
from onerouter_sandbox.razorpay.payments import CONTACT, EMAIL
from onerouter_sandbox.razorpay.subscriptions.billing import Billing
from onerouter_sandbox.razorpay.subscriptions.lifecycle import Lifecycle
from onerouter_sandbox.razorpay.subscriptions.model import Invoice, Plan, Subscription
from onerouter_sandbox.razorpay.subscriptions.store import Store

AuthorizationMethod = Literal["card", "domestic_card", "upi"]


class Authorizations:
    def __init__(self, store: Store, billing: Billing, customers: Customers, lifecycle: Lifecycle) -> None:
        self._store = store
        self._billing = billing
        self._customers = customers
        self._lifecycle = lifecycle

    def upfront(self, subscription: Subscription) -> int:
        """What is charged at the authorization, in minor units."""
        plan = self._store.plan_of(subscription)
        first = plan.amount * subscription.quantity if subscription.start_at is None else 0
        addons: int = sum(each["amount"] * each["quantity"] for each in subscription.addons)
        return first + addons

    def authorize(
        self, subscription: Subscription, account: Account, method: AuthorizationMethod, failure: str | None
    ) -> str | None:
        """The customer agrees, and pays what is due at once. `failure` is why it does not work out; it comes back then."""
        if subscription.status != "created":
            raise refused(f"The subscription is {subscription.status}.")
        plan = self._store.plan_of(subscription)
        subscription.method = "upi" if method == "upi" else "card"
        if failure is not None:
            self._fail_authorization(subscription, plan, failure)
            return failure
        customer = self._customers.of_payer(account, EMAIL, CONTACT)
        token = self._customers.keep(customer, "upi" if method == "upi" else "card", international=method == "card")
        subscription.customer_id, subscription.token_id = customer.id, token.id
        invoice = self._first_invoice(subscription, plan)
        subscription.open_invoice = None
        if subscription.start_at is None and invoice is not None:
            self._start_now(subscription, plan, invoice)
        elif invoice is not None:
            self._billing.pay(subscription, invoice, outcome="success", reason="")
            self._authenticated(subscription)
        else:
            self._authenticated(subscription)
        self._lifecycle.changed(subscription)
        return None

    def _start_now(self, subscription: Subscription, plan: Plan, invoice: Invoice) -> None:
        """The first cycle begins with the authorization, whose payment is the cycle's charge."""
        subscription.start_at = subscription.anchor = self._store.now(subscription.account)
        subscription.issued = subscription.paid_count = 1
        subscription.begin_cycle(plan)
        invoice.billing_start, invoice.billing_end = subscription.current_start, subscription.current_end
        payment = self._billing.pay(subscription, invoice, outcome="success", reason="")
        self._authenticated(subscription)
        subscription.status = "active"
        self._store.tell("activated", subscription)
        self._store.tell("charged", subscription, payment)
        self._lifecycle.complete_if_done(subscription, payment)

    def _authenticated(self, subscription: Subscription) -> None:
        subscription.status = "authenticated"
        self._store.tell("authenticated", subscription)

    def _first_invoice(self, subscription: Subscription, plan: Plan) -> Invoice | None:
        """Of the first cycle and the addons, or of the addons alone; None where nothing is due yet."""
        if subscription.open_invoice is not None:  # an earlier try failed
            return self._billing.invoices[subscription.open_invoice]
        if subscription.start_at is None:
            return self._billing.issue_cycle(subscription, plan, 1, subscription.addons)
        due = self.upfront(subscription)
        return None if due == 0 else self._billing.issue_beside(subscription, plan, "Upfront amount", due)

    def _fail_authorization(self, subscription: Subscription, plan: Plan, reason: str) -> None:
        invoice = self._first_invoice(subscription, plan)
        if invoice is not None:
            subscription.open_invoice = invoice.id
            self._billing.pay(subscription, invoice, outcome="failure", reason=reason)
        self._lifecycle.changed(subscription)
