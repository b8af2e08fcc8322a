"""Checkout Sessions: Stripe's own page around one payment, open until it is paid, ended or a day old."""

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.callbacks import Webhooks
from onerouter_sandbox.stripe.errors import impossible, no_such
from onerouter_sandbox.stripe.intents import Intents, Method, Outcome
from onerouter_sandbox.stripe.state import NAME, Intent, Session, State, find_owned
from onerouter_sandbox.stripe.validation import SessionRequest
from onerouter_sandbox.world import World


class Sessions:
    def __init__(self, state: State, world: World, webhooks: Webhooks, intents: Intents) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks
        self._intents = intents

    def create(self, account: Account, request: SessionRequest, pages: str) -> Session:
        """`pages`: where the sandbox serves its checkout pages, as the caller reaches it."""
        session_id = random_id(f"cs_{'live' if account.livemode else 'test'}_a1", 56)
        session = Session(
            id=session_id,
            account=account.account_id,
            amount=request.amount,
            currency=request.currency,
            name=request.name,
            capture_method=request.capture_method,
            url=f"{pages}/{session_id}",
            success_url=request.success_url,
            cancel_url=request.cancel_url,
            client_reference_id=request.client_reference_id,
            customer_email=request.customer_email,
            metadata=request.metadata,
            intent_metadata=request.intent_metadata,
            description=request.description,
            payment_method_types=request.payment_method_types,
            created=int(self._world.clock.now()),
            expires_at=request.expires_at,
        )
        self._state.add_session(session)
        self._world.ledger.record(
            provider=NAME,
            account=account.account_id,
            kind="checkout.session.created",
            reference=session.client_reference_id or session.metadata.get(account.reference_metadata),
            object_id=session.id,
            amount=session.amount,
            currency=session.currency.upper(),
            at=self._world.clock.now(),
        )
        self._expire_later(session)
        return session

    def get(self, account: Account, session_id: str) -> Session:
        session = find_owned(self._state.sessions, session_id, account)
        if session is None:
            raise no_such("checkout.session", session_id, param="session")
        return session

    def pay(self, session: Session, *, method: Method, outcome: Outcome, word: str = "generic_decline") -> Intent:
        """One try of the customer on the page; a failed one leaves it open."""
        intent = self._state.intents.get(session.intent or "")
        if session.status == "complete" and intent is not None and intent.status == "processing":
            return self._settle(session, intent, method, outcome, word)
        self._require_open(session, "paid")
        if intent is None:
            intent = self._intents.of_session(session)
            session.intent = intent.id
            self._state.changed(session)
        self._intents.pay(intent, method=method, outcome=outcome, word=word)
        if intent.status in ("succeeded", "requires_capture", "processing"):
            session.status = "complete"
            self._state.changed(session)
            self._webhooks.session("checkout.session.completed", session)
        return intent

    def expire(self, session: Session) -> Session:
        """The page is over; a try that did not go through is, too."""
        self._require_open(session, "expired")
        session.status = "expired"
        self._state.changed(session)
        intent = self._state.intents.get(session.intent or "")
        if intent is not None:
            self._intents.cancel(intent, "automatic", by_session=True)
        self._webhooks.session("checkout.session.expired", session)
        return session

    def resume(self) -> None:
        """After a restart: what is open ends when it was going to."""
        for session in self._state.sessions.values():
            if session.status == "open":
                self._expire_later(session)

    def run_out(self, session: Session) -> None:
        """Its time is over now."""
        session.expires_at = min(session.expires_at, int(self._world.clock.now()))
        self.expire(session)

    def _settle(self, session: Session, intent: Intent, method: Method, outcome: Outcome, word: str) -> Intent:
        """A bank debit comes through, or comes back."""
        self._intents.pay(intent, method=method, outcome=outcome, word=word)
        if intent.status != "processing":
            ended = "failed" if intent.status == "requires_payment_method" else "succeeded"
            self._webhooks.session(f"checkout.session.async_payment_{ended}", session)
        return intent

    def _expire_later(self, session: Session) -> None:
        def run_out() -> None:
            if session.status == "open":
                self.expire(session)

        self._world.timers.at(session.expires_at, run_out)

    def _require_open(self, session: Session, done: str) -> None:
        if session.status != "open":
            raise impossible(
                f'Only Checkout Sessions with a status in ["open"] can be {done}. '
                f"This Checkout Session has a status of {session.status}."
            )
