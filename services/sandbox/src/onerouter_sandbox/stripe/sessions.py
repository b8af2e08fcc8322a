"""Checkout Sessions: Stripe's own page around one payment, open until it is paid, ended or a day old."""

from collections.abc import Callable
from typing import Any

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.callbacks import Webhooks
from onerouter_sandbox.stripe.customers import Customers
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import impossible, no_such
from onerouter_sandbox.stripe.intents import Intents
from onerouter_sandbox.stripe.paying import Method, Outcome
from onerouter_sandbox.stripe.state import Intent, Session, find_owned
from onerouter_sandbox.stripe.validation import SessionRequest


class Sessions:
    def __init__(self, desk: Desk, webhooks: Webhooks, intents: Intents, customers: Customers) -> None:
        self._desk = desk
        self._state = desk.state
        self._webhooks = webhooks
        self._intents = intents
        self._customers = customers
        self.on_completed: Callable[[Session], None] = lambda _: None
        """Told of each session that was completed, before its callback goes out."""

    def create(self, account: Account, request: SessionRequest, pages: str) -> Session:
        """`pages`: where the sandbox serves its checkout pages, as the caller reaches it."""
        if request.customer is not None:
            self._customers.owned(account, request.customer, param="customer")
        session = self.open(
            account,
            pages,
            amount=request.amount,
            currency=request.currency,
            name=request.name,
            capture_method=request.capture_method,
            success_url=request.success_url,
            cancel_url=request.cancel_url,
            client_reference_id=request.client_reference_id,
            customer_email=request.customer_email,
            metadata=request.metadata,
            intent_metadata=request.intent_metadata,
            description=request.description,
            payment_method_types=request.payment_method_types,
            expires_at=request.expires_at,
            customer=request.customer,
            customer_creation=request.customer_creation,
            setup_future_usage=request.setup_future_usage,
            transfer_group=request.transfer_group,
        )
        reference = session.client_reference_id or session.metadata.get(account.reference_metadata)
        self._desk.record(
            account.account_id,
            "checkout.session.created",
            reference,
            session.id,
            session.amount,
            session.currency,
        )
        return session

    def open(self, account: Account, pages: str, **what: Any) -> Session:
        """A new page; what it is for is the caller's."""
        session_id = random_id(f"cs_{'live' if account.livemode else 'test'}_a1", 56)
        session = Session(
            id=session_id,
            account=account.account_id,
            url=f"{pages}/{session_id}",
            created=self._desk.now(account.account_id),
            **what,
        )
        self._state.add_session(session)
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
            self._name_payer(session)
            intent = self._intents.of_session(session)
            session.intent = intent.id
            self._state.changed(session)
        self._intents.pay(intent, method=method, outcome=outcome, word=word)
        if intent.status in ("succeeded", "requires_capture", "processing"):
            session.status = "complete"
            self._state.changed(session)
            self.on_completed(session)
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
        session.expires_at = min(session.expires_at, self._desk.now(session.account))
        self.expire(session)

    def _name_payer(self, session: Session) -> None:
        """Who pays said an email address on the page; a method that is to be kept needs a customer."""
        session.email = session.customer_email or "buyer@example.com"
        account = self._state.accounts.get(session.account)
        keeps = session.customer_creation == "always" or session.setup_future_usage is not None
        if account is not None and keeps and session.customer is None:
            session.customer = self._customers.make(account, {"email": session.email}, {}, {}).id

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

        self._desk.later(session.account, session.expires_at, run_out)

    def _require_open(self, session: Session, done: str) -> None:
        if session.status != "open":
            raise impossible(
                f'Only Checkout Sessions with a status in ["open"] can be {done}. '
                f"This Checkout Session has a status of {session.status}."
            )
