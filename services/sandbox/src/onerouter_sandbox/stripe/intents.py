"""PaymentIntents and their charges: made by the merchant's server, paid by the customer, captured or canceled."""

from typing import Final, Literal

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import shapes
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.callbacks import Webhooks
from onerouter_sandbox.stripe.declines import error_of
from onerouter_sandbox.stripe.errors import Refused, impossible, no_such
from onerouter_sandbox.stripe.state import NAME, Charge, Intent, Session, State, find_owned
from onerouter_sandbox.stripe.validation import IntentRequest
from onerouter_sandbox.world import World

Outcome = Literal["success", "failure", "requires_action", "processing"]
Method = Literal["card", "upi", "link"]

_PAYABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action", "processing")
_CANCELABLE: Final = (*_PAYABLE[:3], "requires_capture")
_AUTHENTICATION: Final = "https://hooks.stripe.com/3d_secure_2/hosted"


class Intents:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks

    def create(self, account: Account, request: IntentRequest) -> Intent:
        intent = Intent(
            id=random_id("pi_3", 23),
            account=account.account_id,
            amount=request.amount,
            currency=request.currency,
            capture_method=request.capture_method,
            secret=random_id("", 25),
            metadata=request.metadata,
            created=self._now(),
            payment_method_types=request.payment_method_types,
            automatic=request.automatic,
            description=request.description,
            receipt_email=request.receipt_email,
        )
        self._state.add_intent(intent)
        self._record(intent, "payment_intent.created", request.metadata.get(account.reference_metadata), intent.amount)
        self._webhooks.intent("payment_intent.created", intent)
        return intent

    def of_session(self, session: Session) -> Intent:
        """The intent that a session makes when the payer tries to pay."""
        intent = Intent(
            id=random_id("pi_3", 23),
            account=session.account,
            amount=session.amount,
            currency=session.currency,
            capture_method=session.capture_method,
            secret=random_id("", 25),
            metadata=dict(session.intent_metadata),
            created=self._now(),
            payment_method_types=session.payment_method_types,
            automatic=False,
            description=session.description,
            session=session.id,
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
        """One try of the customer, or how a try under way ends. `word`: why it fails."""
        if intent.status not in _PAYABLE:
            raise self._unexpected(intent, "confirm", "confirmed", _PAYABLE)
        if outcome == "requires_action":
            intent.status = "requires_action"
            intent.waits_at = f"{_AUTHENTICATION}?intent={intent.id}"
            self._state.changed(intent)
            self._webhooks.intent("payment_intent.requires_action", intent)
            return intent
        charge = self._charge(intent, method)
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
        return intent

    def capture(self, intent: Intent, amount: int | None) -> Intent:
        """Take all or a part of what is held, once; the rest is let go."""
        if intent.status != "requires_capture":
            raise self._unexpected(intent, "capture", "captured", ("requires_capture",))
        taken = intent.amount if amount is None else amount
        if taken > intent.amount:
            raise impossible(
                f"The provided amount_to_capture ({taken}) exceeds the capturable amount ({intent.amount}).",
                param="amount_to_capture",
                code="amount_too_large",
            )
        charge = self._state.charges[intent.latest_charge or ""]
        self._take(intent, charge, taken)
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
            raise self._unexpected(intent, "cancel", "canceled", _CANCELABLE)
        held = self._state.charges.get(intent.latest_charge or "") if intent.status == "requires_capture" else None
        intent.status = "canceled"
        intent.waits_at = None
        intent.canceled_at = self._now()
        intent.cancellation_reason = reason
        self._state.changed(intent)
        self._record(intent, "payment_intent.canceled", intent.id, intent.amount)
        if held is not None:
            held.amount_refunded = held.amount
            self._state.changed(held)
            self._webhooks.charge("charge.refunded", held, {"amount_refunded": 0})
        self._webhooks.intent("payment_intent.canceled", intent)
        return intent

    def _charge(self, intent: Intent, method: Method) -> Charge:
        """A new try, or the one that is pending."""
        pending = self._state.charges.get(intent.latest_charge or "")
        if pending is not None and pending.status == "pending":
            return pending
        charge = Charge(
            id=random_id("ch_3", 23),
            account=intent.account,
            intent=intent.id,
            amount=intent.amount,
            currency=intent.currency,
            method=method,
            payment_method=random_id("pm_1", 23),
            created=self._now(),
            metadata=dict(intent.metadata),
        )
        self._state.add_charge(charge)
        intent.latest_charge = charge.id
        return charge

    def _fail(self, intent: Intent, charge: Charge, word: str) -> None:
        account = self._state.accounts.get(intent.account)
        livemode = account is not None and account.livemode
        shown = shapes.payment_method(charge.payment_method, charge.method, charge.created, livemode=livemode)
        error = error_of(word, charge.id, shown)
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
        if intent.capture_method == "manual":
            intent.status = "requires_capture"
            self._changed(intent, charge)
            self._webhooks.charge("charge.succeeded", charge)
            self._webhooks.intent("payment_intent.amount_capturable_updated", intent)
            return
        self._take(intent, charge, intent.amount)
        self._webhooks.charge("charge.succeeded", charge)
        self._webhooks.intent("payment_intent.succeeded", intent)

    def _take(self, intent: Intent, charge: Charge, amount: int) -> None:
        charge.captured = True
        charge.amount_captured = amount
        charge.amount_refunded = charge.released
        charge.booking = random_id("txn_3", 23)
        charge.fee = round(amount * 29 / 1_000) + 30
        intent.status = "succeeded"
        intent.amount_received = amount
        self._changed(intent, charge)
        self._record(intent, "charge.captured", intent.id, amount)

    def _changed(self, intent: Intent, charge: Charge) -> None:
        self._state.changed(charge)
        self._state.changed(intent)

    def _record(self, intent: Intent, kind: str, reference: str | None, amount: int) -> None:
        self._world.ledger.record(
            provider=NAME,
            account=intent.account,
            kind=kind,
            reference=reference,
            object_id=intent.id,
            amount=amount,
            currency=intent.currency.upper(),
            at=self._world.clock.now(),
        )

    def _unexpected(self, intent: Intent, verb: str, done: str, allowed: tuple[str, ...]) -> Refused:
        account = self._state.accounts.get(intent.account)
        return impossible(
            f"You cannot {verb} this PaymentIntent because it has a status of {intent.status}. "
            f"Only a PaymentIntent with one of the following statuses may be {done}: {', '.join(allowed)}.",
            code="payment_intent_unexpected_state",
            payment_intent=shapes.intent(intent, livemode=account is not None and account.livemode),
        )

    def _now(self) -> int:
        return int(self._world.clock.now())
