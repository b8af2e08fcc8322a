"""Billing put together."""

from fastapi import APIRouter

from onerouter_sandbox.paypal import hosted
from onerouter_sandbox.paypal.billing import control
from onerouter_sandbox.paypal.billing.catalog import Catalog
from onerouter_sandbox.paypal.billing.charging import Charging
from onerouter_sandbox.paypal.billing.endpoints import Endpoints
from onerouter_sandbox.paypal.billing.page import ConsentPage
from onerouter_sandbox.paypal.billing.sales import Sales
from onerouter_sandbox.paypal.billing.state import Books
from onerouter_sandbox.paypal.billing.subscriptions import Subscriptions
from onerouter_sandbox.paypal.callbacks import Webhooks
from onerouter_sandbox.paypal.routing import Repeats, Table
from onerouter_sandbox.paypal.state import State
from onerouter_sandbox.world import World


class Billing:
    """A `Feature`."""

    def __init__(self, state: State, world: World, webhooks: Webhooks, repeats: Repeats) -> None:
        self.books = Books(world.journal)
        self._state = state
        self._catalog = Catalog(self.books, world)
        self._subscriptions = Subscriptions(self.books, world, self._catalog, Charging(self.books, world, webhooks))
        self._sales = Sales(self.books, world, webhooks, repeats)
        self._repeats = repeats

    @property
    def routes(self) -> Table:
        of_subscriptions = Endpoints(self.books, self._repeats, self._catalog, self._subscriptions).routes
        return {**of_subscriptions, **self._sales.routes}

    def control(self) -> APIRouter:
        return control.router(self.books, self._subscriptions)

    def pages(self) -> APIRouter:
        page = ConsentPage(self._state, self.books, self._subscriptions)
        return hosted.router("/webapps/billing/subscriptions", "ba_token", page)

    def resume(self) -> None:
        self._subscriptions.resume()
