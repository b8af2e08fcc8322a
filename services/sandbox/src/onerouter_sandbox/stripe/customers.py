"""Customers: who pays, again and again."""

from dataclasses import dataclass, field
from typing import Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import reading, shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import invalid, missing, no_such
from onerouter_sandbox.stripe.methods import Methods
from onerouter_sandbox.stripe.routing import ID, Asked, Params, Route, Routes
from onerouter_sandbox.stripe.shelf import Shelf
from onerouter_sandbox.stripe.state import NAME, Slotted

_TEXTS: Final = {"name": 256, "email": 512, "phone": 20, "description": 1_000}
_FIELDS: Final = "name email phone description metadata address preferred_locales shipping tax_exempt"


@dataclass(slots=True)
class Customer(Slotted):
    """`balance`: what it owes (positive) or is owed (negative), taken into account by its next invoice."""

    id: str
    account: str
    created: int
    metadata: dict[str, str]
    texts: dict[str, str | None]
    address: dict[str, str] | None = None
    preferred_locales: list[str] = field(default_factory=list)
    default_method: str | None = None
    balance: int = 0
    currency: str | None = None
    delinquent: bool = False
    deleted: bool = False


class Customers:
    def __init__(self, desk: Desk, methods: Methods) -> None:
        self._desk = desk
        self._methods = methods
        self.shelf = Shelf(desk.state.journal, NAME, "customer", Customer)

    def owned(self, account: Account, customer_id: str, *, param: str) -> Customer:
        """Raises Refused for one that does not exist, or does not any more."""
        customer = self.shelf.owned(account, customer_id, param=param)
        if customer.deleted:
            raise no_such("customer", customer_id, param=param)
        return customer

    def make(
        self, account: Account, texts: dict[str, str | None], metadata: dict[str, str], params: Params
    ) -> Customer:
        customer = Customer(
            id=random_id("cus_", 14),
            account=account.account_id,
            created=self._desk.now(account.account_id),
            metadata=metadata,
            texts=texts,
            address=_address(params),
            preferred_locales=_locales(params),
        )
        self.shelf.add(customer)
        reference = self._desk.reference(account.account_id, metadata)
        self._desk.record(account.account_id, "customer.created", reference, customer.id)
        self._tell("customer.created", customer)
        return customer

    def changed(self, customer: Customer) -> None:
        self.shelf.changed(customer)

    def shown(self, customer: Customer) -> dict[str, Any]:
        if customer.deleted:
            return {"id": customer.id, "object": "customer", "deleted": True}
        return {
            "id": customer.id,
            "object": "customer",
            "address": None if customer.address is None else shapes.NO_ADDRESS | customer.address,
            "balance": customer.balance,
            "created": customer.created,
            "currency": customer.currency,
            "default_source": None,
            "delinquent": customer.delinquent,
            "discount": None,
            **{name: customer.texts.get(name) for name in _TEXTS},
            "invoice_prefix": customer.id[-8:].upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": customer.default_method,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": self._desk.livemode(customer.account),
            "metadata": customer.metadata,
            "next_invoice_sequence": 1,
            "preferred_locales": customer.preferred_locales,
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        }

    def routes(self) -> Routes:
        return {
            ("POST", "customers"): Route("customers.create", self._create),
            ("GET", "customers"): Route("customers.list", self._list),
            ("GET", "customers", ID): Route("customers.retrieve", self._get),
            ("POST", "customers", ID): Route("customers.update", self._update),
            ("DELETE", "customers", ID): Route("customers.delete", self._delete),
            ("GET", "customers", ID, "payment_methods"): Route("customers.payment_methods.list", self._list_methods),
            ("POST", "payment_methods", ID, "attach"): Route("payment_methods.attach", self._attach_method),
        }

    def _create(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, f"{_FIELDS} payment_method invoice_settings")
        texts = {name: reading.text(asked.params, name, longest) for name, longest in _TEXTS.items()}
        wanted = asked.params.get("payment_method")
        method = None if wanted is None else self._methods.owned(account, wanted, param="payment_method")
        if method is not None:
            self._methods.check_free(method)
        customer = self.make(account, texts, reading.metadata(asked.params), asked.params)
        if method is not None:
            self._methods.attach(method, customer.id)
        self._set_default(account, customer, asked.params)
        return self.shown(customer)

    def _update(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, f"{_FIELDS} invoice_settings balance")
        customer = self.owned(account, asked.id, param="id")
        metadata = reading.changed_metadata(asked.params, customer.metadata)
        texts = {name: reading.text(asked.params, name, _TEXTS[name]) for name in _TEXTS if name in asked.params}
        balance = reading.whole(asked.params, "balance")
        self._set_default(account, customer, asked.params)
        customer.metadata = metadata
        customer.texts = customer.texts | texts
        customer.balance = customer.balance if balance is None else balance
        if "address" in asked.params:
            customer.address = _address(asked.params)
        self.changed(customer)
        self._tell("customer.updated", customer)
        return self.shown(customer)

    def _get(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self.shown(self.shelf.owned(account, asked.id, param="id"))

    def _list(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "email")
        email = asked.params.get("email")
        found, more = self.shelf.page(
            account, window, lambda each: not each.deleted and email in (None, each.texts.get("email"))
        )
        return shapes.collection([self.shown(each) for each in found], url="/v1/customers", more=more)

    def _delete(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        customer = self.owned(account, asked.id, param="id")
        customer.deleted = True
        self.changed(customer)
        self._tell("customer.deleted", customer)
        return self.shown(customer)

    def _list_methods(self, account: Account, asked: Asked) -> dict[str, Any]:
        customer = self.owned(account, asked.id, param="customer")
        return self._methods.listed(
            account, asked.params, customer.id, url=f"/v1/customers/{customer.id}/payment_methods"
        )

    def _attach_method(self, account: Account, asked: Asked) -> dict[str, Any]:
        reading.only(asked.params, "customer")
        if asked.params.get("customer") is None:
            raise missing("customer")
        method = self._methods.owned(account, asked.id, param="payment_method")
        customer = self.owned(account, str(asked.params["customer"]), param="customer")
        self._methods.attach(method, customer.id)
        return self._methods.shown(method)

    def _set_default(self, account: Account, customer: Customer, params: Params) -> None:
        settings = reading.inner(params, "invoice_settings", "default_payment_method custom_fields footer")
        wanted = settings.get("default_payment_method")
        if wanted is None:
            return
        if wanted:
            method = self._methods.owned(account, wanted, param="invoice_settings[default_payment_method]")
            if method.customer != customer.id:
                raise invalid(
                    "The customer does not have a payment method with the ID "
                    f"{wanted}. The payment method must be attached to the customer.",
                    param="invoice_settings[default_payment_method]",
                    code="resource_missing",
                )
        customer.default_method = wanted or None
        self.changed(customer)

    def _tell(self, event: str, customer: Customer) -> None:
        self._desk.tell(event, customer.account, customer.id, self.shown(customer))


def _address(params: Params) -> dict[str, str] | None:
    given = reading.inner(params, "address", "city country line1 line2 postal_code state")
    return {name: value for name, value in given.items() if isinstance(value, str)} or None


def _locales(params: Params) -> list[str]:
    given = params.get("preferred_locales") or []
    if not isinstance(given, list):
        raise invalid("Invalid array", param="preferred_locales")
    return [str(each) for each in given]
