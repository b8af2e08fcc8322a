"""Subscriptions change: other items, paused, to be canceled, canceled, resumed."""

from typing import Any

from onerouter_sandbox.stripe import reading
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.billing import proration, requests
from onerouter_sandbox.stripe.billing.book import Book
from onerouter_sandbox.stripe.billing.cycle import Cycle
from onerouter_sandbox.stripe.billing.periods import next_after
from onerouter_sandbox.stripe.billing.records import Item, Line, Subscription
from onerouter_sandbox.stripe.errors import Refused, impossible, invalid
from onerouter_sandbox.stripe.routing import Params


class Changing:
    def __init__(self, book: Book, cycle: Cycle) -> None:
        self._book = book
        self._cycle = cycle

    def update(self, account: Account, subscription: Subscription, params: Params) -> Subscription:
        """All is checked before anything changes."""
        reading.only(params, f"{requests.COMMON} pause_collection cancellation_details proration_date")
        wanted = requests.settings(params)
        now = self._book.now(subscription)
        items = requests.changed_items(account, params, subscription.items, self._book.catalog, now)
        if items is not None and self._alike(items, subscription.items):
            items = None
        anew = requests.begins_anew(params)
        changes = self._changes(account, subscription, params, wanted, now)
        if items is not None and subscription.status == "incomplete":
            raise impossible(
                "The sandbox changes the items of a subscription that has been paid for only.", param="items"
            )
        if items is not None and wanted.behaviour == "error_if_incomplete":
            self._check_payable(subscription, items, wanted)
        paused = subscription.pause_collection is not None
        self._book.update(subscription, **changes)
        self._told_of_pause(subscription, paused=paused)
        if items is not None:
            self._change_items(subscription, items, wanted, now, anew=anew)
        elif anew and subscription.status in ("active", "past_due"):
            self._begin_anew(subscription, now)
        if "trial_end" in changes:
            self._end_trial(subscription, now)
        self._cycle.end_later(subscription)
        return subscription

    def cancel(self, subscription: Subscription, params: Params) -> Subscription:
        reading.only(params, "invoice_now prorate cancellation_details")
        said = requests.cancellation(params)
        now = self._book.now(subscription)
        if reading.truth(params, "prorate") and subscription.status in ("active", "past_due"):
            start, end = subscription.period_start, subscription.period_end
            subscription.pending += proration.unused(self._book.catalog, subscription.items, now, start, end)
        subscription.cancellation = subscription.cancellation | said
        if reading.truth(params, "invoice_now") and subscription.pending:
            invoice = self._book.invoices.draw_up(subscription, [], "subscription_update", cycle=None)
            self._book.invoices.finalize(invoice)
            self._cycle.charge(subscription, invoice)
        self._book.cancel(subscription)
        return subscription

    def resume(self, subscription: Subscription, params: Params) -> Subscription:
        """Only what has the status `paused`, for want of a method at a trial's end."""
        reading.only(params, "billing_cycle_anchor proration_behavior proration_date payment_behavior")
        if subscription.status != "paused":
            raise impossible(
                f"You cannot resume this subscription because it has a status of {subscription.status}. Only "
                "subscriptions with a status of paused can be resumed."
            )
        self._begin_anew(subscription, self._book.now(subscription))
        return subscription

    def _changes(
        self, account: Account, subscription: Subscription, params: Params, wanted: requests.Settings, now: int
    ) -> dict[str, Any]:
        """Fields of the record as they are to be, without the items."""
        changes: dict[str, Any] = {"metadata": reading.changed_metadata(params, subscription.metadata)}
        if wanted.default_method is not None:
            method = self._book.methods.owned(account, wanted.default_method, param="default_payment_method")
            if method.customer != subscription.customer:
                raise impossible(
                    f"The customer does not have a payment method with the ID {method.id}.",
                    param="default_payment_method",
                    code="resource_missing",
                )
            changes["default_method"] = method.id
        for name in ("save_default", "missing_method", "description"):
            if getattr(wanted, name) is not None:
                changes[name] = getattr(wanted, name)
        if "pause_collection" in params:
            changes["pause_collection"] = requests.pause(params)
        changes |= self._end_of(subscription, params, wanted, now)
        trial_end = requests.trial_end(params, now)
        if trial_end is not None:
            if subscription.status not in ("trialing", "active"):
                raise impossible(
                    "A trial can be changed while a subscription is trialing or active.", param="trial_end"
                )
            changes |= {"trial_end": trial_end, "anchor": trial_end, "period_end": trial_end}
        return changes

    def _end_of(
        self, subscription: Subscription, params: Params, wanted: requests.Settings, now: int
    ) -> dict[str, Any]:
        """When it is to end, by itself."""
        said = subscription.cancellation | requests.cancellation(params)
        if wanted.cancel_at_period_end is not None and "cancel_at" in params:
            raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
        if wanted.cancel_at_period_end and not subscription.cancel_at_period_end:
            return {
                "cancel_at_period_end": True,
                "cancel_at": subscription.period_end,
                "canceled_at": now,
                "cancellation": said | {"reason": "cancellation_requested"},
            }
        if (wanted.cancel_at_period_end is False and subscription.cancel_at_period_end) or params.get(
            "cancel_at"
        ) == "":
            return {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None, "cancellation": {}}
        at = reading.whole(params, "cancel_at")
        if at is None:
            return {"cancellation": said}
        if at <= now:
            raise invalid("`cancel_at` must be in the future.", param="cancel_at")
        return {"cancel_at": at, "cancel_at_period_end": False, "canceled_at": now, "cancellation": said}

    def _change_items(
        self, subscription: Subscription, items: list[Item], wanted: requests.Settings, now: int, *, anew: bool
    ) -> None:
        """A new rhythm begins a new period now; otherwise the difference is charged or kept for the next invoice."""
        catalog, old = self._book.catalog, subscription.items
        start, end = subscription.period_start, subscription.period_end
        prorate = wanted.prorations != "none" and subscription.status in ("active", "past_due")
        lines: list[Line] = proration.unused(catalog, old, now, start, end) if prorate else []
        before = self._book.rhythm(subscription)
        subscription.pending += lines
        self._book.update(subscription, items=items)
        self._book.effect("subscription.plan_changed", subscription)
        interval, count = self._book.rhythm(subscription)
        if ((interval, count) != before or anew) and subscription.status != "trialing":
            self._begin_anew(subscription, now)
            return
        if not prorate:
            return
        subscription.pending += proration.rest(catalog, items, now, start, end)
        self._book.shelf.changed(subscription)
        if wanted.prorations == "always_invoice":
            invoice = self._book.invoices.draw_up(subscription, [], "subscription_update", cycle=None)
            self._book.invoices.finalize(invoice)
            if wanted.behaviour != "default_incomplete":
                self._cycle.charge(subscription, invoice)

    def _begin_anew(self, subscription: Subscription, now: int) -> None:
        interval, count = self._book.rhythm(subscription)
        subscription.cycle += 1
        self._book.update(subscription, anchor=now, period_start=now, period_end=next_after(now, interval, count, now))
        self._cycle.charge_period(subscription, "subscription_update")
        self._cycle.renew_later(subscription)

    def _end_trial(self, subscription: Subscription, now: int) -> None:
        if subscription.status == "trialing" and subscription.period_end <= now:
            self._cycle.renew(subscription)
            return
        if subscription.status == "active":
            self._book.update(subscription, status="trialing", trial_start=now)
        self._cycle.renew_later(subscription)

    def _told_of_pause(self, subscription: Subscription, *, paused: bool) -> None:
        if paused != (subscription.pause_collection is not None):
            self._book.effect("subscription.resumed" if paused else "subscription.paused", subscription)
        self._cycle.collect_later(subscription)

    def _check_payable(self, subscription: Subscription, items: list[Item], wanted: requests.Settings) -> None:
        """Refused when the change has to be paid at once and cannot be."""
        prices = [self._book.catalog.prices[item["price"]] for item in items]
        same = self._book.rhythm(subscription) == (prices[0].interval, prices[0].interval_count)
        due_now = wanted.prorations == "always_invoice" or not same
        costlier = sum(price.unit_amount * item["quantity"] for price, item in zip(prices, items, strict=True))
        if not due_now or (same and costlier <= self._book.price(subscription)) or subscription.status == "trialing":
            return
        method = self._book.method_of(subscription)
        word = subscription.declines or ("generic_decline" if method is None else method.decline)
        if word is not None:
            subscription.declines = None
            error = {"type": "card_error", "code": "card_declined", "decline_code": word}
            raise Refused(402, {**error, "message": "Your card was declined."}, kept=True)

    def _alike(self, items: list[Item], others: list[Item]) -> bool:
        return sorted(items, key=lambda each: each["id"]) == sorted(others, key=lambda each: each["id"])
