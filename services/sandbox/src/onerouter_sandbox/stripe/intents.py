"""PaymentIntents: made by the merchant's server, confirmed by it or paid by the customer, captured or canceled."""

from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import shapes
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.callbacks import Webhooks
from onerouter_sandbox.stripe.customers import Customers
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import Refused, impossible, no_such
from onerouter_sandbox.stripe.methods import Methods, PaymentMethod
from onerouter_sandbox.stripe.paying import PAYABLE, Method, Outcome, Paying
from onerouter_sandbox.stripe.state import Intent, Session, find_owned
from onerouter_sandbox.stripe.validation import ConfirmRequest, IntentChange, IntentRequest

_CANCELABLE: Final = (*PAYABLE[:3], "requires_capture")


class Intents:
    def __init__(self, desk: Desk, webhooks: Webhooks, customers: Customers, methods: Methods, paying: Paying) -> None:
        self._desk = desk
        self._state = desk.state
        self._webhooks = webhooks
        self._customers = customers
        self._methods = methods
        self._paying = paying

    def create(self, account: Account, request: IntentRequest) -> Intent:
        """With `confirm` the method is charged at once; a decline is Refused, with the intent in the error."""
        self._check_customer(account, request.customer)
        saved = self._saved(account, request.payment_method, request.customer)
        intent = self._new(
            account.account_id,
            amount=request.amount,
            currency=request.currency,
            capture_method=request.capture_method,
            metadata=request.metadata,
            payment_method_types=request.payment_method_types,
            automatic=request.automatic,
            description=request.description,
            receipt_email=request.receipt_email,
            customer=request.customer,
            setup_future_usage=request.setup_future_usage,
            transfer_group=request.transfer_group,
        )
        if saved is not None:
            intent.payment_method, intent.status = saved.id, "requires_confirmation"
        self._state.add_intent(intent)
        reference = request.metadata.get(account.reference_metadata)
        self._desk.record(
            intent.account, "payment_intent.created", reference, intent.id, intent.amount, intent.currency
        )
        self._webhooks.intent("payment_intent.created", intent)
        if request.confirm and saved is not None:
            return self._confirmed(intent, saved, off_session=request.off_session)
        return intent

    def of_session(self, session: Session) -> Intent:
        """The intent that a session makes when the payer tries to pay."""
        intent = self._new(
            session.account,
            amount=session.amount,
            currency=session.currency,
            capture_method=session.capture_method,
            metadata=dict(session.intent_metadata),
            payment_method_types=session.payment_method_types,
            automatic=False,
            description=session.description,
            session=session.id,
            customer=session.customer,
            setup_future_usage=session.setup_future_usage,
            transfer_group=session.transfer_group,
        )
        self._state.add_intent(intent)
        self._webhooks.intent("payment_intent.created", intent)
        return intent

    def of_invoice(self, account_id: str, invoice_id: str, customer: str, amount: int, currency: str) -> Intent:
        """The intent by which an invoice of a subscription is paid; the method that pays it is kept."""
        intent = self._new(
            account_id,
            amount=amount,
            currency=currency,
            capture_method="automatic",
            metadata={},
            payment_method_types=["card", "link"],
            automatic=False,
            description="Subscription payment",
            customer=customer,
            setup_future_usage="off_session",
            invoice=invoice_id,
        )
        self._state.add_intent(intent)
        self._webhooks.intent("payment_intent.created", intent)
        return intent

    def get(self, account: Account, intent_id: str, param: str = "intent") -> Intent:
        intent = find_owned(self._state.intents, intent_id, account)
        if intent is None:
            raise no_such("payment_intent", intent_id, param=param)
        return intent

    def pay(self, intent: Intent, *, method: Method, outcome: Outcome, word: str = "generic_decline") -> Intent:
        """One try of the customer."""
        return self._paying.pay(intent, method=method, outcome=outcome, word=word)

    def confirm(self, account: Account, intent: Intent, request: ConfirmRequest) -> Intent:
        """Charge the method that is named here or was named before."""
        if intent.status not in PAYABLE[:3]:
            raise self._paying.unexpected(intent, "confirm", "confirmed", PAYABLE[:3])
        saved = self._saved(account, request.payment_method or intent.payment_method, intent.customer)
        if saved is None:
            raise impossible(
                "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update "
                "the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with "
                "a payment method.",
                code="payment_intent_unexpected_state",
            )
        if request.setup_future_usage is not None:
            intent.setup_future_usage = request.setup_future_usage
        return self._confirmed(intent, saved, off_session=request.off_session)

    def update(self, account: Account, intent: Intent, change: IntentChange) -> Intent:
        """What is still open may change; metadata always may."""
        if change.payment and intent.status not in PAYABLE[:3]:
            raise self._paying.unexpected(intent, "update", "updated", PAYABLE[:3])
        customer = change.fields.get("customer")
        self._check_customer(account, customer)
        for name, value in change.fields.items():
            setattr(intent, name, value)
        self._state.changed(intent)
        return intent

    def capture(self, intent: Intent, amount: int | None) -> Intent:
        """Take all or a part of what is held, once; the rest is let go."""
        if intent.status != "requires_capture":
            raise self._paying.unexpected(intent, "capture", "captured", ("requires_capture",))
        taken = intent.amount if amount is None else amount
        if taken > intent.amount:
            raise impossible(
                f"The provided amount_to_capture ({taken}) exceeds the capturable amount ({intent.amount}).",
                param="amount_to_capture",
                code="amount_too_large",
            )
        charge = self._state.charges[intent.latest_charge or ""]
        self._paying.take(intent, charge, taken)
        self._webhooks.charge("charge.captured", charge)
        if charge.amount_refunded:
            self._webhooks.charge("charge.refunded", charge, {"amount_refunded": 0})
        self._webhooks.intent("payment_intent.succeeded", intent)
        return intent

    def cancel(self, intent: Intent, reason: str | None, *, by_session: bool = False) -> Intent:
        """Nobody can pay any more; what was held is let go."""
        if intent.session is not None and intent.status != "requires_capture" and not by_session:
            raise impossible(
                "You cannot cancel a PaymentIntent created by Checkout. Expire the Checkout Session instead.",
                code="payment_intent_unexpected_state",
            )
        if intent.status not in _CANCELABLE:
            raise self._paying.unexpected(intent, "cancel", "canceled", _CANCELABLE)
        held = self._state.charges.get(intent.latest_charge or "") if intent.status == "requires_capture" else None
        intent.status = "canceled"
        intent.waits_at = None
        intent.canceled_at = self._desk.now(intent.account)
        intent.cancellation_reason = reason
        self._state.changed(intent)
        self._desk.record(
            intent.account, "payment_intent.canceled", intent.id, intent.id, intent.amount, intent.currency
        )
        if held is not None:
            held.amount_refunded = held.amount
            self._state.changed(held)
            self._webhooks.charge("charge.refunded", held, {"amount_refunded": 0})
        self._webhooks.intent("payment_intent.canceled", intent)
        return intent

    def _new(self, account_id: str, **what: Any) -> Intent:
        return Intent(
            id=random_id("pi_3", 23),
            account=account_id,
            secret=random_id("", 25),
            created=self._desk.now(account_id),
            **what,
        )

    def _check_customer(self, account: Account, customer_id: str | None) -> None:
        if customer_id is not None:
            self._customers.owned(account, customer_id, param="customer")

    def _saved(self, account: Account, method_id: str | None, customer_id: str | None) -> PaymentMethod | None:
        if method_id is None:
            return None
        method = self._methods.owned(account, method_id, param="payment_method")
        if method.customer is None:
            self._methods.check_free(method)
        elif method.customer != customer_id:
            raise impossible(
                f"The PaymentMethod {method.id} belongs to a Customer. Please include the Customer in the `customer` "
                "parameter on the PaymentIntent.",
                param="payment_method",
            )
        return method

    def _confirmed(self, intent: Intent, saved: PaymentMethod, *, off_session: bool) -> Intent:
        self._paying.pay_with(intent, saved, off_session=off_session)
        if intent.status == "requires_payment_method" and intent.last_payment_error is not None:
            shown = shapes.intent(intent, livemode=self._desk.livemode(intent.account))
            raise Refused(402, {**intent.last_payment_error, "payment_intent": shown}, kept=True)
        return intent
