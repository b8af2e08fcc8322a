"""A subscription's life: made, approved by the payer, suspended, resumed, changed with the payer's consent, cancelled."""

from dataclasses import replace
from typing import Any, Final

from onerouter_sandbox.paypal import ids
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.billing import cycles, validation
from onerouter_sandbox.paypal.billing.catalog import Catalog
from onerouter_sandbox.paypal.billing.charging import Charging
from onerouter_sandbox.paypal.billing.state import Books, Plan, Revision, Sale, Subscription, Terms
from onerouter_sandbox.paypal.billing.validation import SubscriptionRequest
from onerouter_sandbox.paypal.errors import NotPossible, no_such_resource, unprocessable
from onerouter_sandbox.paypal.fields import Fields
from onerouter_sandbox.world import World

_CREATE: Final = "subscriptions.create"
_REVISE: Final = "subscriptions.revise"
_CAPTURE: Final = "subscriptions.capture"


class Subscriptions:
    def __init__(self, books: Books, world: World, catalog: Catalog, charging: Charging) -> None:
        self._books = books
        self._world = world
        self._catalog = catalog
        self._charging = charging

    def create(self, account: Account, request: SubscriptionRequest, base: str) -> Subscription:
        plan = self._catalog.require_active(account, request.plan_id, _CREATE, quantity=request.quantity)
        now = self.now(account)
        terms = plan.terms if request.override is None else validation.overridden(plan.terms, request.override)
        subscription = Subscription(
            id=ids.subscription_id(),
            account=account.client_id,
            base=base,
            plan_id=plan.id,
            terms=terms,
            overridden=request.override is not None,
            custom_id=request.custom_id,
            quantity=request.quantity,
            start_at=request.start_at or now,
            subscriber=request.subscriber,
            context=request.context,
            token=ids.consent_token(),
            created_at=now,
            updated_at=now,
            status_at=now,
            payer_email=request.subscriber.get("email_address", "buyer@example.com"),
            executed=[0] * len(terms.cycles),
        )
        self._books.subscriptions.put(subscription)
        self._charging.record("subscription.created", subscription, subscription.reference, subscription.id)
        self._charging.tell("BILLING.SUBSCRIPTION.CREATED", subscription)
        return subscription

    def now(self, account: Account) -> float:
        return self._world.clocks.of(account.client_id).now()

    def get(self, account: Account, subscription_id: str, operation: str = "subscriptions.get") -> Subscription:
        subscription = self._books.subscriptions.owned(account, subscription_id)
        if subscription is None:
            raise no_such_resource("id", operation)
        return subscription

    def approve(self, subscription: Subscription, *, failing: int = 0) -> None:
        """The payer agrees: to the subscription, or to the change that waits. `failing` charges to come will fail."""
        if subscription.revision is not None:
            self._apply(subscription, subscription.revision)
            return
        if subscription.status != "APPROVAL_PENDING":
            raise NotPossible(f"The subscription is {subscription.status}.")
        subscription.payer_id = ids.merchant_id()
        subscription.failing += failing
        if subscription.context.get("user_action") == "CONTINUE":
            self._charging.change(subscription, "APPROVED")
        else:
            self._start(subscription)

    def activate(self, subscription: Subscription, reason: str | None) -> None:
        """Begin what waited for the merchant, or resume what was suspended."""
        if subscription.status == "APPROVED":
            self._start(subscription)
            return
        self._require(subscription, ("SUSPENDED",), "subscriptions.activate")
        if 0 < subscription.terms.threshold <= subscription.failed_count:
            raise unprocessable("SUBSCRIPTION_CANNOT_BE_ACTIVATED", None, "subscriptions.activate")
        self._charging.change(subscription, "ACTIVE", reason)
        self._skip_what_was_missed(subscription)
        self._charging.record("subscription.resumed", subscription, subscription.reference, subscription.id)
        self._charging.schedule(subscription)
        self._charging.tell("BILLING.SUBSCRIPTION.ACTIVATED", subscription)

    def suspend(self, subscription: Subscription, reason: str | None) -> None:
        self._require(subscription, ("ACTIVE",), "subscriptions.suspend")
        self._charging.change(subscription, "SUSPENDED", reason)
        self._charging.record("subscription.paused", subscription, subscription.reference, subscription.id)
        self._charging.schedule(subscription)
        self._charging.tell("BILLING.SUBSCRIPTION.SUSPENDED", subscription)

    def cancel(self, subscription: Subscription, reason: str | None) -> None:
        self._require(subscription, ("ACTIVE", "SUSPENDED"), "subscriptions.cancel")
        subscription.next_at = subscription.retry_at = subscription.revision = None
        self._charging.change(subscription, "CANCELLED", reason)
        self._charging.record("subscription.canceled", subscription, subscription.reference, subscription.id)
        self._charging.schedule(subscription)
        self._charging.tell("BILLING.SUBSCRIPTION.CANCELLED", subscription)

    def revise(self, account: Account, subscription: Subscription, body: dict[str, Any]) -> Revision:
        """Ask for a change; nothing changes until the payer agrees. A later one replaces one that still waits."""
        self._require(subscription, ("ACTIVE", "SUSPENDED"), _REVISE)
        fields = Fields(body, _REVISE)
        plan_id = fields.text("plan_id", 50, least=3) or subscription.plan_id
        quantity = validation.quantity(fields)
        plan = self._catalog.plan(account, plan_id, _REVISE)
        if plan.id != subscription.plan_id or quantity is not None:
            plan = self._catalog.require_active(account, plan_id, _REVISE, quantity=quantity)
        old = self._catalog.plan(account, subscription.plan_id)
        if plan.product_id != old.product_id:
            raise unprocessable("PLAN_PRODUCT_NOT_COMPATIBLE", "/plan_id", _REVISE)
        if plan.terms.currency != subscription.terms.currency:
            raise unprocessable("CURRENCY_MISMATCH", "/plan_id", _REVISE)
        override = fields.inner("plan")
        terms = _terms_of(subscription, plan)
        subscription.revision = Revision(
            token=ids.consent_token(),
            plan_id=plan.id,
            terms=terms if override is None else validation.overridden(terms, override),
            quantity=quantity or (subscription.quantity if plan.quantity_supported else None),
            overridden=override is not None,
            context=validation.context(fields) or subscription.context,
        )
        self._charging.touch(subscription)
        return subscription.revision

    def capture(self, subscription: Subscription, body: dict[str, Any], reference: str | None) -> Sale:
        """Take what is outstanding, or part of it. Raises when the payer's instrument is declined."""
        fields = Fields(body, _CAPTURE)
        fields.needed_text("note", 128)
        fields.word("capture_type", ("OUTSTANDING_BALANCE",))
        fields.need("amount")
        amount = fields.money("amount")
        self._require(subscription, ("ACTIVE", "SUSPENDED", "EXPIRED"), _CAPTURE)
        if not subscription.outstanding or amount is None:
            raise unprocessable("ZERO_OUTSTANDING_BALANCE", None, _CAPTURE)
        if amount.currency != subscription.terms.currency:
            raise unprocessable("CURRENCY_MISMATCH", "/amount/currency_code", _CAPTURE)
        if amount.minor > subscription.outstanding:
            raise unprocessable("AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE", "/amount/value", _CAPTURE)
        sale = self._charging.capture_outstanding(subscription, amount.minor, reference)
        if sale is None:
            raise unprocessable("PAYER_CANNOT_PAY", None, _CAPTURE)
        return sale

    def charge_now(self, subscription: Subscription) -> None:
        """Have what is due next be due now."""
        if subscription.status != "ACTIVE":
            raise NotPossible(f"The subscription is {subscription.status}.")
        self._charging.bill(subscription)

    def resume(self) -> None:
        """After a restart: what was to be charged is charged when it was going to be."""
        for subscription in self._books.subscriptions:
            self._charging.schedule(subscription)

    def _start(self, subscription: Subscription) -> None:
        if not self._charging.charge_setup(subscription) and subscription.terms.setup_failure == "CANCEL":
            self._charging.change(subscription, "CANCELLED", "The setup fee was not paid.")
            self._charging.tell("BILLING.SUBSCRIPTION.CANCELLED", subscription)
            return
        now = self._charging.now(subscription)
        subscription.start_at = max(subscription.start_at, now)
        subscription.next_at = subscription.start_at
        self._charging.change(subscription, "ACTIVE")
        self._charging.tell("BILLING.SUBSCRIPTION.ACTIVATED", subscription)
        if subscription.start_at <= now:
            self._charging.bill(subscription)
        else:
            self._charging.schedule(subscription)

    def _apply(self, subscription: Subscription, revision: Revision) -> None:
        if subscription.status not in ("ACTIVE", "SUSPENDED"):
            raise NotPossible(f"The subscription is {subscription.status}.")
        if revision.plan_id != subscription.plan_id:
            trials = len(revision.terms.cycles) - 1
            subscription.executed = [*subscription.executed[:trials], 0]
        subscription.plan_id, subscription.terms = revision.plan_id, revision.terms
        subscription.quantity = revision.quantity
        subscription.overridden, subscription.revision = revision.overridden, None
        self._charging.touch(subscription)
        self._charging.record("subscription.plan_changed", subscription, subscription.reference, subscription.id)
        self._charging.tell("BILLING.SUBSCRIPTION.UPDATED", subscription)

    def _skip_what_was_missed(self, subscription: Subscription) -> None:
        """Of cycles that passed while it was suspended none is billed: the next date of the old rhythm is the next."""
        now = self._charging.now(subscription)
        place = cycles.current(subscription.terms.cycles, subscription.executed)
        if subscription.next_at is None or subscription.next_at > now or place is None:
            return
        cycle = subscription.terms.cycles[place]
        if not subscription.executed[place]:
            subscription.phase_at, subscription.steps = subscription.next_at, 0
        while cycles.nth(subscription.phase_at, cycle, subscription.steps) <= now:
            subscription.steps += 1
        subscription.next_at = cycles.nth(subscription.phase_at, cycle, subscription.steps)

    @staticmethod
    def _require(subscription: Subscription, statuses: tuple[str, ...], operation: str) -> None:
        if subscription.status not in statuses:
            raise unprocessable("SUBSCRIPTION_STATUS_INVALID", None, operation)


def _terms_of(subscription: Subscription, plan: Plan) -> Terms:
    """The new plan's terms behind the trials that the payer has, which a change neither ends nor gives again."""
    if plan.id == subscription.plan_id:
        return subscription.terms
    trials = [cycle for cycle in subscription.terms.cycles if cycle.tenure == "TRIAL"]
    regular = replace(plan.terms.cycles[-1], sequence=len(trials) + 1)
    return replace(plan.terms, cycles=[*trials, regular])
