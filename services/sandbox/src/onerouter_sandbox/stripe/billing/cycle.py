"""What the clock does to subscriptions: trials end, periods renew, failed charges are tried again, ends come.

Stripe leaves a renewal's invoice in draft for about an hour; here it is finalized and charged at the boundary itself.
"""

from collections.abc import Callable
from typing import Final

from onerouter_sandbox.stripe.billing import proration
from onerouter_sandbox.stripe.billing.book import Book
from onerouter_sandbox.stripe.billing.periods import next_after
from onerouter_sandbox.stripe.billing.records import Invoice, Subscription

_DAY_S: Final = 86_400
_INCOMPLETE_S: Final = 23 * 3_600
_TRIAL_NOTICE_S: Final = 3 * _DAY_S


class Cycle:
    def __init__(self, book: Book) -> None:
        self._book = book
        self._invoices = book.invoices
        book.invoices.on_paid = self._paid
        book.invoices.on_failed = self._failed

    def resume(self) -> None:
        """After a restart: everything happens when it was going to."""
        for subscription in self._book.shelf:
            if not subscription.over:
                self.watch(subscription)
            if subscription.trial_end is not None and subscription.trial_end - _TRIAL_NOTICE_S > self._book.now(
                subscription
            ):
                self.notice_trial_end(subscription)
        for invoice in self._invoices.shelf:
            if invoice.status == "open" and invoice.next_attempt is not None:
                self._try_again_later(invoice)

    def watch(self, subscription: Subscription) -> None:
        """Have all that time does to it happen; what was changed meanwhile is seen when it is due."""
        self.renew_later(subscription)
        self.end_later(subscription)
        self.collect_later(subscription)
        if subscription.status == "incomplete":
            self._at(subscription, subscription.created + _INCOMPLETE_S, lambda: self._expire(subscription))

    def notice_trial_end(self, subscription: Subscription) -> None:
        """Three days before the trial's end; at once where it is shorter."""
        trial_end, now = subscription.trial_end, self._book.now(subscription)

        def notice() -> None:
            if subscription.status == "trialing" and subscription.trial_end == trial_end:
                self._book.tell("customer.subscription.trial_will_end", subscription)

        if trial_end is not None:
            self._at(subscription, max(now, trial_end - _TRIAL_NOTICE_S), notice)

    def renew_later(self, subscription: Subscription) -> None:
        period_end = subscription.period_end

        def renew() -> None:
            if subscription.period_end == period_end and not subscription.over and subscription.status != "incomplete":
                self.renew(subscription)

        self._at(subscription, period_end, renew)

    def end_later(self, subscription: Subscription) -> None:
        cancel_at = subscription.cancel_at
        if cancel_at is None or cancel_at == subscription.period_end:
            return  # a renewal looks for itself

        def end() -> None:
            if subscription.cancel_at == cancel_at and not subscription.over:
                self._book.cancel(subscription, at=cancel_at)

        self._at(subscription, cancel_at, end)

    def collect_later(self, subscription: Subscription) -> None:
        """A pause that says when it ends."""
        pause = subscription.pause_collection
        if pause is None or pause["resumes_at"] is None:
            return

        def collect() -> None:
            if subscription.pause_collection == pause and not subscription.over:
                self._book.update(subscription, pause_collection=None)
                self._book.effect("subscription.resumed", subscription)

        self._at(subscription, pause["resumes_at"], collect)

    def renew(self, subscription: Subscription) -> None:
        """The period is over: the next one begins and is charged, unless this was the last."""
        if subscription.cancel_at is not None and subscription.cancel_at <= subscription.period_end:
            self._book.cancel(subscription, at=subscription.period_end)
            return
        if subscription.status == "paused":
            return
        if subscription.status == "trialing" and self._book.method_of(subscription) is None:
            if subscription.missing_method == "cancel":
                self._book.cancel(subscription, at=subscription.period_end)
                return
            if subscription.missing_method == "pause":
                self._book.update(subscription, status="paused")
                self._book.tell("customer.subscription.paused", subscription)
                return
        interval, count = self._book.rhythm(subscription)
        start = subscription.period_end
        subscription.cycle += 1
        self._book.update(
            subscription,
            period_start=start,
            period_end=next_after(subscription.anchor, interval, count, start),
            status="active" if subscription.status == "trialing" else subscription.status,
        )
        self.charge_period(subscription, "subscription_cycle")
        if not subscription.over:
            self.renew_later(subscription)

    def charge_period(self, subscription: Subscription, reason: str) -> Invoice:
        """Draw up the invoice of the period that has begun, and do with it what the subscription's state says."""
        lines = proration.full(
            self._book.catalog, subscription.items, subscription.period_start, subscription.period_end
        )
        invoice = self._invoices.draw_up(subscription, lines, reason, cycle=subscription.cycle)
        self._book.shelf.changed(subscription)
        pause = subscription.pause_collection
        if subscription.status == "unpaid" or (pause is not None and pause["behavior"] == "keep_as_draft"):
            self._invoices.leave(invoice)
            return invoice
        self._invoices.finalize(invoice)
        if pause is None:
            self.charge(subscription, invoice)
        elif invoice.status == "open" and pause["behavior"] == "void":
            self._invoices.void(invoice)
        elif invoice.status == "open":
            self._invoices.give_up(invoice)
        return invoice

    def charge(self, subscription: Subscription, invoice: Invoice) -> None:
        declines, subscription.declines = subscription.declines, None
        self._invoices.charge(invoice, self._book.method_of(subscription), declines=declines)

    def _paid(self, invoice: Invoice) -> None:
        subscription = self._book.shelf.find(invoice.subscription)
        if subscription is None or subscription.over:
            return
        intent = self._book.desk.state.intents.get(invoice.intent or "")
        changes: dict[str, str | None] = {}
        if intent is not None and subscription.save_default == "on_subscription":
            changes["default_method"] = intent.payment_method
        was = subscription.status
        if was == "incomplete" or (
            was in ("past_due", "unpaid", "paused") and invoice.id == subscription.latest_invoice
        ):
            changes["status"] = "active"
        self._book.update(subscription, **changes)
        if was == "paused" and subscription.status == "active":
            self._book.effect("subscription.resumed", subscription)
            self._book.tell("customer.subscription.resumed", subscription)
            self.renew_later(subscription)
        elif was == "incomplete":
            self.renew_later(subscription)

    def _failed(self, invoice: Invoice) -> None:
        """A first charge that fails leaves it incomplete; a later one is tried again, then given up."""
        subscription = self._book.shelf[invoice.subscription]
        if subscription.over or subscription.status in ("incomplete", "paused"):
            self._invoices.tell_failed(invoice)
            return
        account = self._book.desk.state.accounts.get(invoice.account)
        days = () if account is None else account.retry_days
        if invoice.attempts <= len(days):
            invoice.next_attempt = self._book.now(subscription) + days[invoice.attempts - 1] * _DAY_S
            self._invoices.tell_failed(invoice)
            self._book.update(subscription, status="past_due")
            self._try_again_later(invoice)
            return
        invoice.next_attempt = None
        self._invoices.tell_failed(invoice)
        then = "past_due" if account is None else account.after_retries
        if then == "cancel":
            self._book.cancel(subscription, reason="payment_failed")
        else:
            self._book.update(subscription, status=then)

    def _try_again_later(self, invoice: Invoice) -> None:
        subscription, due_at = self._book.shelf[invoice.subscription], invoice.next_attempt or 0

        def try_again() -> None:
            if invoice.status == "open" and invoice.next_attempt == due_at and subscription.pause_collection is None:
                self.charge(subscription, invoice)

        self._at(subscription, due_at, try_again)

    def _expire(self, subscription: Subscription) -> None:
        """Nobody paid the first invoice in time."""
        if subscription.status != "incomplete":
            return
        invoice = self._invoices.shelf.find(subscription.latest_invoice)
        if invoice is not None and invoice.status == "open":
            self._invoices.void(invoice)
        self._book.update(subscription, status="incomplete_expired", ended_at=self._book.now(subscription))

    def _at(self, subscription: Subscription, due_at: int, action: Callable[[], None]) -> None:
        self._book.desk.later(subscription.account, due_at, action)
