"""Everything that Stripe's simulator is made of, built once and in order."""

from collections.abc import Mapping
from typing import Any

from onerouter_sandbox.stripe import shapes
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.billing.billing import Billing
from onerouter_sandbox.stripe.bookings import Bookings
from onerouter_sandbox.stripe.callbacks import Webhooks
from onerouter_sandbox.stripe.catalog import Catalog
from onerouter_sandbox.stripe.connect.payouts import Payouts
from onerouter_sandbox.stripe.connect.transfers import Transfers
from onerouter_sandbox.stripe.connect.vendors import Vendors
from onerouter_sandbox.stripe.customers import Customers
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.disputes import Disputes
from onerouter_sandbox.stripe.endpoints import Endpoints
from onerouter_sandbox.stripe.errors import invalid
from onerouter_sandbox.stripe.expansion import Adds, Expansion, Shows
from onerouter_sandbox.stripe.intents import Intents
from onerouter_sandbox.stripe.links import Links
from onerouter_sandbox.stripe.methods import Methods
from onerouter_sandbox.stripe.paying import Paying
from onerouter_sandbox.stripe.refunds import Refunds
from onerouter_sandbox.stripe.routing import Route
from onerouter_sandbox.stripe.sessions import Sessions
from onerouter_sandbox.stripe.setups import Setups
from onerouter_sandbox.stripe.state import State
from onerouter_sandbox.world import World


class Parts:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        desk = Desk(state, world, webhooks)
        self.desk = desk
        self.state = state
        self.bookings = Bookings(desk)
        self.methods = Methods(desk)
        self.customers = Customers(desk, self.methods)
        self.catalog = Catalog(desk)
        self.setups = Setups(desk, self.customers, self.methods)
        self.paying = Paying(desk, webhooks, self.methods, self.bookings)
        self.intents = Intents(desk, webhooks, self.customers, self.methods, self.paying)
        self.sessions = Sessions(desk, webhooks, self.intents, self.customers)
        self.refunds = Refunds(state, world, webhooks, self.bookings)
        self.billing = Billing(desk, self.catalog, self.customers, self.methods, self.setups, self.intents, self.paying)
        self.links = Links(desk, self.catalog, self.sessions)
        self.vendors = Vendors(desk)
        self.transfers = Transfers(desk, self.vendors, self.bookings)
        self.payouts = Payouts(desk, self.vendors, self.bookings)
        self.disputes = Disputes(desk, self.bookings)

    def endpoints(self) -> Endpoints:
        features = (
            self.bookings,
            self.methods,
            self.customers,
            self.catalog,
            self.setups,
            self.billing,
            self.links,
            self.vendors,
            self.transfers,
            self.payouts,
            self.disputes,
        )
        return Endpoints(
            self.desk,
            self.intents,
            self.sessions,
            self.refunds,
            self.catalog,
            Expansion(self._shows(), self._adds()),
            [feature.routes() for feature in features],
        )

    def resume(self) -> None:
        """After a restart: what waited waits on."""
        for part in (self.refunds, self.sessions, self.billing, self.payouts):
            part.resume()

    def acting_as(self, account: Account, route: Route, header: bytes | None) -> str | None:
        """The connected account a call is made as. Raises Refused for one that is not this platform's."""
        if header is None:
            return None
        vendor_id = header.decode("latin-1")
        if vendor_id == account.account_id:
            return None
        vendor = self.vendors.shelf.find(vendor_id)
        if vendor is None or vendor.account != account.account_id or vendor.deleted:
            raise invalid(
                f"The provided key does not have access to account '{vendor_id}' (or that account does not exist). "
                "Application access may have been revoked.",
                code="account_invalid",
                status=403,
            )
        if not route.for_vendors:
            raise invalid(f"The sandbox does not simulate {route.operation} on behalf of a connected account.")
        return vendor_id

    def _shows(self) -> Mapping[str, Shows]:
        state, billing = self.state, self.billing

        def charge(charge_id: str) -> dict[str, Any]:
            found = state.charges[charge_id]
            return shapes.charge(found, livemode=self.desk.livemode(found.account))

        def intent(intent_id: str) -> dict[str, Any]:
            found = state.intents[intent_id]
            return shapes.intent(found, livemode=self.desk.livemode(found.account))

        return {
            "latest_charge": charge,
            "charge": charge,
            "source_transaction": charge,
            "payment_intent": intent,
            "balance_transaction": lambda id_: self.bookings.shown(self.bookings.shelf[id_]),
            "customer": lambda id_: self.customers.shown(self.customers.shelf[id_]),
            "payment_method": lambda id_: self.methods.shown(self.methods.shelf[id_]),
            "default_payment_method": lambda id_: self.methods.shown(self.methods.shelf[id_]),
            "product": lambda id_: self.catalog.shown_product(self.catalog.products[id_]),
            "price": lambda id_: self.catalog.shown_price(self.catalog.prices[id_]),
            "latest_invoice": lambda id_: billing.invoices.shown(billing.invoices.shelf[id_]),
            "invoice": lambda id_: billing.invoices.shown(billing.invoices.shelf[id_]),
            "subscription": lambda id_: billing.book.shown(billing.book.shelf[id_]),
            "pending_setup_intent": lambda id_: self.setups.shown(self.setups.shelf[id_]),
            "payment_link": lambda id_: self.links.shown(self.links.shelf[id_]),
            "destination": self._destination,
        }

    def _adds(self) -> Mapping[tuple[str, str], Adds]:
        invoices = self.billing.invoices

        return {
            ("invoice", "confirmation_secret"): lambda id_: invoices.confirmation_secret(invoices.shelf[id_]),
            ("invoice", "payments"): lambda id_: invoices.payments(invoices.shelf[id_]),
            ("payment_link", "line_items"): lambda id_: self.links.line_items(self.links.shelf[id_]),
        }

    def _destination(self, id_: str) -> dict[str, Any]:
        """Of a transfer a connected account, of a payout its bank account."""
        vendor = self.vendors.shelf.find(id_)
        return self.vendors.shown(vendor) if vendor is not None else self.vendors.bank(id_)
