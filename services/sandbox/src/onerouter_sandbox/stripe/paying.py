"""Tries to pay a PaymentIntent: by the customer on a page, or by the merchant with a method that was saved."""

from collections.abc import Callable
from typing import Final, Literal

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import shapes
from onerouter_sandbox.stripe.bookings import Bookings, fee_of
from onerouter_sandbox.stripe.callbacks import Webhooks
from onerouter_sandbox.stripe.declines import error_of
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import Refused, impossible
from onerouter_sandbox.stripe.methods import Methods, PaymentMethod
from onerouter_sandbox.stripe.state import Charge, Intent

Outcome = Literal["success", "failure", "requires_action", "processing"]
Method = Literal["card", "upi", "link"]

PAYABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action", "processing")
_AUTHENTICATION: Final = "https://hooks.stripe.com/3d_secure_2/hosted"


class Paying:
    def __init__(self, desk: Desk, webhooks: Webhooks, methods: Methods, bookings: Bookings) -> None:
        self._desk = desk
        self._state = desk.state
        self._webhooks = webhooks
        self._methods = methods
        self._bookings = bookings
        self.on_tried: Callable[[Intent], None] = lambda _: None
        """Told of each try of an invoice's intent that went through or failed."""

    def pay(
        self,
        intent: Intent,
        *,
        method: Method = "card",
        outcome: Outcome = "success",
        word: str = "generic_decline",
        saved: PaymentMethod | None = None,
    ) -> Intent:
        """One try, or how a try under way ends. `word`: why it fails; `saved`: what is charged, else a new method."""
        if intent.status not in PAYABLE:
            raise self.unexpected(intent, "confirm", "confirmed", PAYABLE)
        if outcome == "requires_action":
            intent.status = "requires_action"
            intent.waits_at = f"{_AUTHENTICATION}?intent={intent.id}"
            self._state.changed(intent)
            self._webhooks.intent("payment_intent.requires_action", intent)
            return intent
        charge = self._charge(intent, method, saved)
        intent.waits_at = None
        intent.payment_method = charge.payment_method
        if outcome == "failure":
            self._fail(intent, charge, word)
        elif outcome == "processing":
            charge.status, intent.status = "pending", "processing"
            intent.last_payment_error = None
            self._changed(intent, charge)
            self._webhooks.intent("payment_intent.processing", intent)
        else:
            self._succeed(intent, charge)
        if intent.invoice is not None and outcome != "processing":
            self.on_tried(intent)
        return intent

    def pay_with(self, intent: Intent, saved: PaymentMethod, *, off_session: bool) -> Intent:
        """Charge a saved method: what becomes of it is the method's. Asks for the payer where one can be there."""
        if saved.decline == "authentication_required" and not off_session:
            return self.pay(intent, outcome="requires_action", saved=saved)
        outcome: Outcome = "success" if saved.decline is None else "failure"
        return self.pay(intent, outcome=outcome, word=saved.decline or "", saved=saved)

    def take(self, intent: Intent, charge: Charge, amount: int) -> None:
        """Capture: the money is the merchant's, less Stripe's fee."""
        fee = fee_of(amount)
        booking = self._bookings.book(charge.account, "charge", charge.id, amount, charge.currency, fee=fee)
        charge.captured = True
        charge.amount_captured = amount
        charge.amount_refunded = charge.released
        charge.booking, charge.fee = booking.id, fee
        intent.status = "succeeded"
        intent.amount_received = amount
        self._changed(intent, charge)
        self._desk.record(intent.account, "charge.captured", intent.id, intent.id, amount, intent.currency)

    def unexpected(self, intent: Intent, verb: str, done: str, allowed: tuple[str, ...]) -> Refused:
        return impossible(
            f"You cannot {verb} this PaymentIntent because it has a status of {intent.status}. "
            f"Only a PaymentIntent with one of the following statuses may be {done}: {', '.join(allowed)}.",
            code="payment_intent_unexpected_state",
            payment_intent=shapes.intent(intent, livemode=self._desk.livemode(intent.account)),
        )

    def _charge(self, intent: Intent, kind: Method, saved: PaymentMethod | None) -> Charge:
        """A new try, or the one that is pending."""
        pending = self._state.charges.get(intent.latest_charge or "")
        if pending is not None and pending.status == "pending":
            return pending
        method = saved or self._methods.of_payment(intent.account, kind)
        charge = Charge(
            id=random_id("ch_3", 23),
            account=intent.account,
            intent=intent.id,
            amount=intent.amount,
            currency=intent.currency,
            method=method.type,
            payment_method=method.id,
            created=self._desk.now(intent.account),
            metadata=dict(intent.metadata),
            customer=intent.customer,
            transfer_group=intent.transfer_group,
        )
        self._state.add_charge(charge)
        intent.latest_charge = charge.id
        return charge

    def _fail(self, intent: Intent, charge: Charge, word: str) -> None:
        error = error_of(word, charge.id, self._methods.shown(self._methods.shelf[charge.payment_method]))
        charge.status = "failed"
        charge.failure = {name: error[name] for name in ("code", "decline_code", "message") if name in error}
        intent.status = "requires_payment_method"
        intent.payment_method = None
        intent.last_payment_error = error
        self._changed(intent, charge)
        self._webhooks.charge("charge.failed", charge)
        self._webhooks.intent("payment_intent.payment_failed", intent)

    def _succeed(self, intent: Intent, charge: Charge) -> None:
        charge.status = "succeeded"
        intent.last_payment_error = None
        self._keep_or_use_up(intent, charge)
        if intent.capture_method == "manual":
            intent.status = "requires_capture"
            self._changed(intent, charge)
            self._webhooks.charge("charge.succeeded", charge)
            self._webhooks.intent("payment_intent.amount_capturable_updated", intent)
            return
        self.take(intent, charge, intent.amount)
        self._webhooks.charge("charge.succeeded", charge)
        self._webhooks.intent("payment_intent.succeeded", intent)

    def _keep_or_use_up(self, intent: Intent, charge: Charge) -> None:
        """`setup_future_usage` with a customer saves the method; without, it was good for this payment."""
        method = self._methods.shelf.find(charge.payment_method)
        if method is None or method.customer is not None:
            return
        if intent.customer is not None and intent.setup_future_usage is not None:
            self._methods.attach(method, intent.customer)
        else:
            self._methods.used(method)

    def _changed(self, intent: Intent, charge: Charge) -> None:
        self._state.changed(charge)
        self._state.changed(intent)
