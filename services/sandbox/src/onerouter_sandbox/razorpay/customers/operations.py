"""What merchants do with customers and tokens."""

from typing import Any, Final, Literal

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay import fields
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.books import Books
from onerouter_sandbox.razorpay.customers.model import Customer, Token
from onerouter_sandbox.razorpay.errors import no_such_id, refused
from onerouter_sandbox.razorpay.shelf import Shelf
from onerouter_sandbox.world import World

_FIELDS: Final = frozenset({"name", "email", "contact", "gstin", "fail_existing", "notes"})
_TOKEN_LIFE_S: Final = 10 * 365 * 86_400

TokenMethod = Literal["card", "upi"]


class Customers:
    def __init__(self, world: World) -> None:
        self._world = world
        self._books = Books(world)
        self.customers = Shelf(world.journal, "customer", Customer)
        self.tokens = Shelf(world.journal, "token", Token)
        self._by_who: dict[tuple[str, str | None, str | None], str] = {}
        for customer in self.customers:
            self._index(customer)

    def create(self, account: Account, body: dict[str, Any]) -> Customer:
        """A new customer; one with this e-mail and number is answered with where `fail_existing` is 0, else refused."""
        fields.only(body, _FIELDS)
        wanted = self._customer(account, body)
        fails = fields.flag(body, "fail_existing")
        known = self._known(wanted)
        if known is not None:
            if fails is not False:
                raise refused("Customer already exists for the merchant")
            return known
        self.customers.add(wanted)
        self._index(wanted)
        self._books.record(account.key_id, "customer.created", fields.reference(wanted.notes), wanted.id)
        return wanted

    def edit(self, account: Account, customer_id: str, body: dict[str, Any]) -> Customer:
        customer = self.customers.owned(account, customer_id)
        fields.only(body, _FIELDS - {"fail_existing", "notes"})
        wanted = self._customer(account, {**_given(customer), **body})
        known = self._known(wanted)
        if known is not None and known is not customer:
            raise refused("Customer already exists for the merchant")
        self._by_who.pop((customer.account, *customer.who), None)
        customer.name, customer.email, customer.contact = wanted.name, wanted.email, wanted.contact
        customer.gstin = wanted.gstin
        self._index(customer)
        self.customers.changed(customer)
        return customer

    def of_payer(self, account: Account, email: str, contact: str) -> Customer:
        """The customer that Razorpay makes of a payer who was none so far. Nobody asked for it, so it is no effect."""
        wanted = self._customer(account, {"email": email, "contact": contact})
        known = self._known(wanted)
        if known is None:
            self.customers.add(wanted)
            self._index(wanted)
        return known or wanted

    def tokens_of(self, customer: Customer) -> list[Token]:
        """Oldest first."""
        owned = (self.tokens[each] for each in self.tokens.ids_of(customer.account))
        return [token for token in owned if token.customer_id == customer.id]

    def token(self, account: Account, customer_id: str, token_id: str) -> Token:
        self.customers.owned(account, customer_id)
        token = self.tokens.owned(account, token_id)
        if token.customer_id != customer_id:
            raise no_such_id()
        return token

    def attach(self, customer: Customer, method: TokenMethod, *, international: bool) -> Token:
        """A method kept on its own."""
        token = self.keep(customer, method, international=international)
        self._books.record(token.account, "payment_method.attached", token.id, token.id)
        return token

    def keep(self, customer: Customer, method: TokenMethod, *, international: bool) -> Token:
        """What the authorization of a subscription leaves behind: part of that effect, not one of its own."""
        now = int(self._world.clocks.of(customer.account).now())
        token = Token(
            id=random_id("token_"),
            account=customer.account,
            customer_id=customer.id,
            method=method,
            token=random_id(""),
            international=international,
            created_at=now,
            used_at=now,
            expired_at=now + _TOKEN_LIFE_S,
        )
        self.tokens.add(token)
        return token

    def detach(self, token: Token) -> None:
        self.tokens.remove(token)
        self._books.record(token.account, "payment_method.detached", token.id, token.id)

    def _customer(self, account: Account, body: dict[str, Any]) -> Customer:
        contact = fields.text(body, "contact", most=15)
        if contact is not None and len(contact.lstrip("+")) < 8:
            raise refused("Contact number should be at least 8 digits, including country code.", field="contact")
        return Customer(
            id=random_id("cust_"),
            account=account.key_id,
            name=fields.text(body, "name", most=50),
            email=fields.text(body, "email", most=64),
            contact=contact,
            gstin=fields.text(body, "gstin", most=15),
            notes=fields.notes(body),
            created_at=int(self._world.clocks.of(account.key_id).now()),
        )

    def _known(self, wanted: Customer) -> Customer | None:
        known = self._by_who.get((wanted.account, *wanted.who))
        return None if known is None else self.customers[known]

    def _index(self, customer: Customer) -> None:
        if customer.who != (None, None):
            self._by_who[customer.account, *customer.who] = customer.id


def _given(customer: Customer) -> dict[str, Any]:
    return {"name": customer.name, "email": customer.email, "contact": customer.contact, "gstin": customer.gstin}
