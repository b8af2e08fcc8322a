"""`POST /v1/subscriptions`: from the first invoice, or the start of a trial."""

from typing import Any

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import reading
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.billing import proration, requests
from onerouter_sandbox.stripe.billing.book import Book
from onerouter_sandbox.stripe.billing.cycle import Cycle
from onerouter_sandbox.stripe.billing.periods import moved, next_after
from onerouter_sandbox.stripe.billing.records import Subscription
from onerouter_sandbox.stripe.errors import Refused, impossible, invalid, missing
from onerouter_sandbox.stripe.routing import Params
from onerouter_sandbox.stripe.setups import Setup, Setups

_DAY_S = 86_400


class Creating:
    def __init__(self, book: Book, cycle: Cycle, setups: Setups) -> None:
        self._book = book
        self._cycle = cycle
        self._setups = setups
        setups.on_succeeded = self._set_up

    def create(self, account: Account, params: Params, pages: str) -> Subscription:
        """`pages`: where the sandbox serves its hosted pages, as the caller reaches it."""
        reading.only(params, f"{requests.COMMON} customer trial_period_days currency")
        wanted = requests.settings(params)
        subscription = self._read(account, params, wanted, pages)
        if wanted.behaviour == "error_if_incomplete" and not subscription.trial_end:
            self._check_payable(subscription)
        self._book.shelf.add(subscription)
        self._book.effect("subscription.created", subscription)
        if subscription.trial_end is not None:
            self._begin_trial(subscription)
        else:
            self._begin(subscription, wanted)
        self._cycle.watch(subscription)
        return subscription

    def _read(self, account: Account, params: Params, wanted: requests.Settings, pages: str) -> Subscription:
        now = self._book.desk.now(account.account_id)
        if params.get("customer") is None:
            raise missing("customer")
        customer = self._book.customers.owned(account, str(params["customer"]), param="customer")
        items = requests.new_items(account, params, self._book.catalog, now)
        if wanted.default_method is not None:
            method = self._book.methods.owned(account, wanted.default_method, param="default_payment_method")
            if method.customer != customer.id:
                raise impossible(
                    f"The customer does not have a payment method with the ID {method.id}. The payment method must be "
                    "attached to the customer.",
                    param="default_payment_method",
                    code="resource_missing",
                )
        trial_end = _trial_end(params, now)
        anchor = _anchor(params, now, trial_end)
        price = self._book.catalog.prices[items[0]["price"]]
        subscription = Subscription(
            id=random_id("sub_1", 23),
            account=account.account_id,
            created=now,
            customer=customer.id,
            currency=price.currency,
            items=items,
            metadata=reading.metadata(params),
            anchor=anchor,
            period_start=now,
            period_end=anchor
            if anchor > now
            else next_after(anchor, price.interval or "month", price.interval_count, now),
            pages=pages,
            trial_start=None if trial_end is None else now,
            trial_end=trial_end,
            default_method=wanted.default_method,
            save_default=wanted.save_default or "off",
            missing_method=wanted.missing_method or "create_invoice",
            description=wanted.description,
        )
        self._read_end(subscription, params, wanted, now)
        return subscription

    def _read_end(self, subscription: Subscription, params: Params, wanted: requests.Settings, now: int) -> None:
        at = reading.whole(params, "cancel_at")
        if at is not None and at <= now:
            raise invalid("`cancel_at` must be in the future.", param="cancel_at")
        subscription.cancel_at = at
        if wanted.cancel_at_period_end:
            subscription.cancel_at_period_end = True
            subscription.cancel_at, subscription.canceled_at = subscription.period_end, now

    def _begin_trial(self, subscription: Subscription) -> None:
        """Nothing is due; how it is to be paid later is set up meanwhile."""
        subscription.status = "trialing"
        invoice = self._book.invoices.draw_up(subscription, [], "subscription_create", cycle=None)
        if self._book.method_of(subscription) is None:
            setup = self._setups.make(subscription.account, subscription.customer)
            subscription.pending_setup = setup.id
        self._book.shelf.changed(subscription)
        self._book.tell("customer.subscription.created", subscription)
        self._book.invoices.finalize(invoice)
        self._cycle.notice_trial_end(subscription)

    def _begin(self, subscription: Subscription, wanted: requests.Settings) -> None:
        subscription.cycle = 1
        lines = self._first_lines(subscription, wanted)
        invoice = self._book.invoices.draw_up(subscription, lines, "subscription_create", cycle=subscription.cycle)
        self._book.shelf.changed(subscription)
        self._book.tell("customer.subscription.created", subscription)
        self._book.invoices.finalize(invoice)
        if wanted.behaviour != "default_incomplete":
            self._cycle.charge(subscription, invoice)

    def _first_lines(self, subscription: Subscription, wanted: requests.Settings) -> list[Any]:
        """The whole period, or what lies before an anchor that is to come."""
        catalog, items = self._book.catalog, subscription.items
        start, end = subscription.period_start, subscription.period_end
        if subscription.anchor <= start:
            return list(proration.full(catalog, items, start, end))
        if wanted.prorations == "none":
            return []
        interval, count = self._book.rhythm(subscription)
        return list(proration.rest(catalog, items, start, moved(end, interval, -count), end))

    def _check_payable(self, subscription: Subscription) -> None:
        method = self._book.method_of(subscription)
        if method is None:
            raise impossible(
                "This customer has no attached payment source or default payment method. Please consider adding a "
                "default payment method.",
                code="resource_missing",
            )
        if method.decline is not None:
            raise Refused(
                402,
                {
                    "type": "card_error",
                    "code": "card_declined",
                    "decline_code": method.decline,
                    "message": "Your card was declined.",
                },
                kept=True,
            )

    def _set_up(self, setup: Setup) -> None:
        """What was saved for a subscription's trial pays for it from then on."""
        for subscription in self._book.shelf.of(setup.account):
            if subscription.pending_setup == setup.id and not subscription.over:
                self._book.update(subscription, pending_setup=None, default_method=setup.payment_method)


def _trial_end(params: Params, now: int) -> int | None:
    days = reading.whole(params, "trial_period_days")
    if days is not None and "trial_end" in params:
        raise invalid("You may only specify one of these parameters: trial_period_days, trial_end.")
    if days is not None:
        if not 0 <= days <= 730:
            raise invalid("Invalid trial_period_days: must be between 1 and 730.", param="trial_period_days")
        return now + days * _DAY_S if days else None
    at = requests.trial_end(params, now)
    return None if at is None or at <= now else at


def _anchor(params: Params, now: int, trial_end: int | None) -> int:
    at = reading.whole(params, "billing_cycle_anchor")
    if at is None:
        return now if trial_end is None else trial_end
    if trial_end is not None:
        raise invalid(
            "The sandbox simulates a trial or a billing_cycle_anchor, not both.", param="billing_cycle_anchor"
        )
    if at <= now:
        raise invalid("billing_cycle_anchor must be in the future.", param="billing_cycle_anchor")
    return at
