"""Payment methods: cards and the like, kept for a customer or used once."""

from dataclasses import dataclass, field
from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import reading, shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import impossible, invalid, missing, no_such
from onerouter_sandbox.stripe.routing import ID, Asked, Params, Route, Routes
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME, Slotted

# Source: https://docs.stripe.com/testing#cards
_CARDS: Final = {
    "4242424242424242": ("visa", None),
    "5555555555554444": ("mastercard", None),
    "378282246310005": ("amex", None),
    "4000000000000341": ("visa", "generic_decline"),
    "4000000000009995": ("visa", "insufficient_funds"),
    "4000002500003155": ("visa", "authentication_required"),
}
_TOKENS: Final = {
    "tok_visa": "4242424242424242",
    "tok_mastercard": "5555555555554444",
    "tok_amex": "378282246310005",
    "tok_chargeCustomerFail": "4000000000000341",
    "tok_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
}
_KINDS: Final = ("card", "upi", "link")


@dataclass(slots=True)
class PaymentMethod(Slotted):
    """`decline`: why a charge of it fails, None while it goes through. `spent`: it cannot be attached any more."""

    id: str
    account: str
    type: str
    created: int
    metadata: dict[str, str] = field(default_factory=dict)
    brand: str = "visa"
    last4: str = "4242"
    exp_month: int = 12
    exp_year: int = 2034
    email: str | None = None
    name: str | None = None
    customer: str | None = None
    decline: str | None = None
    spent: bool = False


class Methods:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.shelf = Shelf(desk.state.journal, NAME, "payment_method", PaymentMethod)

    def owned(self, account: Account, method_id: object, *, param: str) -> PaymentMethod:
        return self.shelf.owned(account, str(method_id), param=param)

    def of_payment(self, account_id: str, kind: str, *, decline: str | None = None) -> PaymentMethod:
        """What a customer typed into a page."""
        method = PaymentMethod(random_id("pm_1", 23), account_id, kind, self._desk.now(account_id), decline=decline)
        self.shelf.add(method)
        return method

    def attach(self, method: PaymentMethod, customer_id: str) -> None:
        """Keep it for a customer; nothing happens when it is that customer's already. Raises Refused."""
        if method.customer == customer_id:
            return
        self.check_free(method)
        method.customer = customer_id
        self.shelf.changed(method)
        self._effect("payment_method.attached", method)

    def detach(self, method: PaymentMethod) -> None:
        """For good: a method that was detached cannot be used again."""
        if method.customer is None:
            raise impossible(
                "The payment method you provided is not attached to a customer so detachment is impossible."
            )
        before = {"customer": method.customer}
        method.customer, method.spent = None, True
        self.shelf.changed(method)
        self._effect("payment_method.detached", method, before)

    def used(self, method: PaymentMethod) -> None:
        """A payment without a customer to keep it for uses it up."""
        if method.customer is None and not method.spent:
            method.spent = True
            self.shelf.changed(method)

    def check_free(self, method: PaymentMethod) -> None:
        if method.customer is not None:
            raise impossible("The payment method you provided has already been attached to a customer.")
        if method.spent:
            raise impossible(
                "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
                "Customer, and may not be used again."
            )

    def shown(self, method: PaymentMethod) -> dict[str, Any]:
        match method.type:
            case "card":
                detail = shapes.saved_card(method.brand, method.last4, method.exp_month, method.exp_year)
            case "upi":
                detail = {"vpa": "buyer@upi"}
            case _:
                detail = {"email": method.email}
        return {
            "id": method.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": shapes.billing(email=method.email, name=method.name),
            "created": method.created,
            "customer": method.customer,
            "livemode": self._desk.livemode(method.account),
            "metadata": method.metadata,
            "type": method.type,
            method.type: detail,
        }

    def listed(self, account: Account, params: Params, customer_id: str | None, *, url: str) -> dict[str, Any]:
        window = validation.window(params, "type customer")
        kind = params.get("type")
        found, more = self.shelf.page(
            account, window, lambda each: customer_id == each.customer and kind in (None, each.type)
        )
        return shapes.collection([self.shown(each) for each in found], url=url, more=more)

    def routes(self) -> Routes:
        return {
            ("POST", "payment_methods"): Route("payment_methods.create", self._create),
            ("GET", "payment_methods"): Route("payment_methods.list", self._list),
            ("GET", "payment_methods", ID): Route("payment_methods.retrieve", self._get),
            ("POST", "payment_methods", ID): Route("payment_methods.update", self._update),
            ("POST", "payment_methods", ID, "detach"): Route("payment_methods.detach", self._detach),
        }

    def _create(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "type card upi link billing_details metadata allow_redisplay")
        kind = reading.choice(asked.params, "type", _KINDS)
        if kind is None:
            raise missing("type")
        billing = reading.inner(asked.params, "billing_details", "email name phone address")
        method = PaymentMethod(
            id=random_id("pm_1", 23),
            account=account.account_id,
            type=kind,
            created=self._desk.now(account.account_id),
            metadata=reading.metadata(asked.params),
            email=reading.text(billing, "email", 512),
            name=reading.text(billing, "name", 512),
        )
        if kind == "card":
            _read_card(method, reading.inner(asked.params, "card", "number exp_month exp_year cvc token"))
        self.shelf.add(method)
        return self.shown(method)

    def _get(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self.shown(self.owned(account, asked.id, param="payment_method"))

    def _update(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "metadata billing_details card allow_redisplay")
        method = self.owned(account, asked.id, param="payment_method")
        if method.customer is None:
            raise impossible("You must save this PaymentMethod to a customer before you can update it.")
        card = reading.inner(asked.params, "card", "exp_month exp_year")
        billing = reading.inner(asked.params, "billing_details", "email name phone address")
        method.metadata = reading.changed_metadata(asked.params, method.metadata)
        method.exp_month = reading.whole(card, "exp_month") or method.exp_month
        method.exp_year = reading.whole(card, "exp_year") or method.exp_year
        method.email = reading.text(billing, "email", 512) or method.email
        method.name = reading.text(billing, "name", 512) or method.name
        self.shelf.changed(method)
        self._desk.tell("payment_method.updated", method.account, method.id, self.shown(method))
        return self.shown(method)

    def _list(self, account: Account, asked: Asked) -> dict[str, Any]:
        return self.listed(account, asked.params, asked.params.get("customer"), url="/v1/payment_methods")

    def _detach(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        method = self.owned(account, asked.id, param="payment_method")
        self.detach(method)
        return self.shown(method)

    def _effect(self, event: str, method: PaymentMethod, before: dict[str, Any] | None = None) -> None:
        reference = self._desk.reference(method.account, method.metadata) or method.id
        self._desk.record(method.account, event, reference, method.id)
        self._desk.tell(event, method.account, method.id, self.shown(method), before)


def _read_card(method: PaymentMethod, given: dict[str, Any]) -> None:
    token = given.get("token")
    number = _TOKENS.get(token, "") if isinstance(token, str) else str(given.get("number", ""))
    if token is not None and not number:
        raise no_such("token", str(token), param="card[token]")
    if number not in _CARDS:
        raise invalid(
            "Your card number is incorrect: the sandbox knows Stripe's test numbers only.",
            param="card[number]",
            code="incorrect_number",
            status=402,
        )
    method.brand, method.decline = _CARDS[number]
    method.last4 = number[-4:]
    method.exp_month = reading.whole(given, "exp_month") or method.exp_month
    method.exp_year = reading.whole(given, "exp_year") or method.exp_year
