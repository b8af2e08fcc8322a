"""Billing put together."""

from onerouter_sandbox.stripe.billing.book import Book
from onerouter_sandbox.stripe.billing.changing import Changing
from onerouter_sandbox.stripe.billing.creating import Creating
from onerouter_sandbox.stripe.billing.cycle import Cycle
from onerouter_sandbox.stripe.billing.endpoints import BillingEndpoints
from onerouter_sandbox.stripe.billing.invoices import Invoices
from onerouter_sandbox.stripe.catalog import Catalog
from onerouter_sandbox.stripe.customers import Customers
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.intents import Intents
from onerouter_sandbox.stripe.methods import Methods
from onerouter_sandbox.stripe.paying import Paying
from onerouter_sandbox.stripe.routing import Routes
from onerouter_sandbox.stripe.setups import Setups


class Billing:
    def __init__(
        self,
        desk: Desk,
        catalog: Catalog,
        customers: Customers,
        methods: Methods,
        setups: Setups,
        intents: Intents,
        paying: Paying,
    ) -> None:
        self.invoices = Invoices(desk, intents, paying, methods, customers)
        self.book = Book(desk, catalog, customers, methods, self.invoices)
        self.cycle = Cycle(self.book)
        creating = Creating(self.book, self.cycle, setups)
        self._endpoints = BillingEndpoints(self.book, creating, Changing(self.book, self.cycle))

    def routes(self) -> Routes:
        return self._endpoints.routes()

    def resume(self) -> None:
        """After a restart."""
        self.cycle.resume()
