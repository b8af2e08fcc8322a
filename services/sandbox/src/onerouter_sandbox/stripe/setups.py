"""SetupIntents: a customer's method is saved without a payment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import reading
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.customers import Customers
from onerouter_sandbox.stripe.declines import error_of
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import impossible
from onerouter_sandbox.stripe.methods import Methods, PaymentMethod
from onerouter_sandbox.stripe.routing import ID, Asked, Route, Routes
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME, Slotted

OPEN: Final = ("requires_payment_method", "requires_confirmation", "requires_action")


@dataclass(slots=True)
class Setup(Slotted):
    id: str
    account: str
    created: int
    secret: str
    customer: str | None
    usage: str = "off_session"
    metadata: dict[str, str] = field(default_factory=dict)
    status: str = "requires_payment_method"
    payment_method: str | None = None
    description: str | None = None
    error: dict[str, Any] | None = None


class Setups:
    def __init__(self, desk: Desk, customers: Customers, methods: Methods) -> None:
        self._desk = desk
        self._customers = customers
        self._methods = methods
        self.shelf = Shelf(desk.state.journal, NAME, "setup_intent", Setup)
        self.on_succeeded: Callable[[Setup], None] = lambda _: None

    def make(self, account_id: str, customer: str | None, **what: Any) -> Setup:
        setup = Setup(
            random_id("seti_1", 23), account_id, self._desk.now(account_id), random_id("", 25), customer, **what
        )
        self.shelf.add(setup)
        self._tell("setup_intent.created", setup)
        return setup

    def complete(self, setup: Setup, method: PaymentMethod | None = None, *, word: str | None = None) -> Setup:
        """The customer agrees, with a new method or the one given, or (`word`) the bank does not. Raises Refused."""
        if setup.status not in OPEN:
            raise impossible(
                f"You cannot confirm this SetupIntent because it has a status of {setup.status}.",
                code="setup_intent_unexpected_state",
            )
        method = method or self._methods.of_payment(setup.account, "card")
        if word is not None:
            error = error_of(word, "", self._methods.shown(method))
            setup.error = {name: value for name, value in error.items() if name != "charge"}
            setup.status = "requires_payment_method"
            self.shelf.changed(setup)
            self._tell("setup_intent.setup_failed", setup)
            return setup
        if setup.customer is not None:
            self._methods.attach(method, setup.customer)
        setup.payment_method, setup.status, setup.error = method.id, "succeeded", None
        self.shelf.changed(setup)
        self._tell("setup_intent.succeeded", setup)
        self.on_succeeded(setup)
        return setup

    def shown(self, setup: Setup) -> dict[str, Any]:
        return {
            "id": setup.id,
            "object": "setup_intent",
            "application": None,
            "automatic_payment_methods": None,
            "cancellation_reason": None,
            "client_secret": f"{setup.id}_secret_{setup.secret}",
            "created": setup.created,
            "customer": setup.customer,
            "description": setup.description,
            "flow_directions": None,
            "last_setup_error": setup.error,
            "latest_attempt": None,
            "livemode": self._desk.livemode(setup.account),
            "mandate": None,
            "metadata": setup.metadata,
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": setup.payment_method,
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "single_use_mandate": None,
            "status": setup.status,
            "usage": setup.usage,
        }

    def routes(self) -> Routes:
        return {
            ("POST", "setup_intents"): Route("setup_intents.create", self._create),
            ("GET", "setup_intents", ID): Route("setup_intents.retrieve", self._get),
            ("POST", "setup_intents", ID, "confirm"): Route("setup_intents.confirm", self._confirm),
        }

    def _create(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(
            asked.params,
            "customer usage payment_method confirm metadata description automatic_payment_methods payment_method_types "
            "return_url",
        )
        customer = reading.text(asked.params, "customer", 200)
        if customer is not None:
            self._customers.owned(account, customer, param="customer")
        wanted = reading.text(asked.params, "payment_method", 200)
        method = None if wanted is None else self._methods.owned(account, wanted, param="payment_method")
        reading.types(asked.params)
        setup = self.make(
            account.account_id,
            customer,
            usage=reading.choice(asked.params, "usage", ("off_session", "on_session")) or "off_session",
            metadata=reading.metadata(asked.params),
            description=reading.text(asked.params, "description", 1_000),
            payment_method=wanted,
            status="requires_payment_method" if method is None else "requires_confirmation",
        )
        if method is not None and reading.truth(asked.params, "confirm"):
            self.complete(setup, method)
        return self.shown(setup)

    def _get(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "client_secret")
        return self.shown(self.shelf.owned(account, asked.id, param="intent"))

    def _confirm(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "payment_method return_url")
        setup = self.shelf.owned(account, asked.id, param="intent")
        wanted = reading.text(asked.params, "payment_method", 200) or setup.payment_method
        if wanted is None:
            raise impossible("You cannot confirm this SetupIntent because it's missing a payment method.")
        return self.shown(self.complete(setup, self._methods.owned(account, wanted, param="payment_method")))

    def _tell(self, event: str, setup: Setup) -> None:
        self._desk.tell(event, setup.account, setup.id, self.shown(setup))
