"""Razorpay put together: what `app.py` mounts."""

import base64
import binascii
from collections.abc import Hashable, Iterable, Mapping
from itertools import chain
from typing import Any, Final

from fastapi import APIRouter

from onerouter_sandbox.razorpay import checkout, control, errors
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.callbacks import Webhooks
from onerouter_sandbox.razorpay.customers.feature import CustomersFeature
from onerouter_sandbox.razorpay.customers.operations import Customers
from onerouter_sandbox.razorpay.customers.recurring import Recurring
from onerouter_sandbox.razorpay.disputes.feature import DisputesFeature
from onerouter_sandbox.razorpay.disputes.operations import Disputes
from onerouter_sandbox.razorpay.endpoints import Endpoints
from onerouter_sandbox.razorpay.errors import Refused
from onerouter_sandbox.razorpay.links.feature import LinksFeature
from onerouter_sandbox.razorpay.links.operations import Links
from onerouter_sandbox.razorpay.orders import Orders
from onerouter_sandbox.razorpay.pages import Pages
from onerouter_sandbox.razorpay.payments import Payments
from onerouter_sandbox.razorpay.refunds import Refunds
from onerouter_sandbox.razorpay.route.accounts import LinkedAccounts
from onerouter_sandbox.razorpay.route.feature import RouteFeature
from onerouter_sandbox.razorpay.route.transfers import Transfers
from onerouter_sandbox.razorpay.routing import ID, Feature, Route, Routes
from onerouter_sandbox.razorpay.shelf import NAME
from onerouter_sandbox.razorpay.state import State
from onerouter_sandbox.razorpay.subscriptions.authorization import Authorizations
from onerouter_sandbox.razorpay.subscriptions.billing import Billing
from onerouter_sandbox.razorpay.subscriptions.changes import Changes
from onerouter_sandbox.razorpay.subscriptions.feature import SubscriptionsFeature
from onerouter_sandbox.razorpay.subscriptions.lifecycle import Lifecycle
from onerouter_sandbox.razorpay.subscriptions.store import Store
from onerouter_sandbox.wire import Call, Reply, Request
from onerouter_sandbox.world import World

_PREFIX: Final = "/razorpay/"


class Razorpay:
    """A `Provider`: the wire under /razorpay/v1, checkout pages, and control routes."""

    name: Final = NAME
    wire_prefixes: Final = (f"{_PREFIX}v1/", f"{_PREFIX}v2/")

    def __init__(self, world: World) -> None:
        self.state = State(world.journal)
        self._pages = Pages()
        webhooks = Webhooks(self.state, world)
        self.orders = Orders(self.state, world)
        self.payments = Payments(self.state, world, webhooks)
        self.refunds = Refunds(self.state, world, webhooks)
        vendors = LinkedAccounts(world, webhooks)
        transfers = Transfers(self.state, world, vendors, self.payments, webhooks)
        endpoints = Endpoints(self.state, self.orders, self.payments, self.refunds, transfers)
        self._customers = customers = Customers(world)
        recurring = Recurring(self.state, self.payments, customers)
        links = Links(self.state, world, self.payments, transfers, webhooks)
        store = Store(world, webhooks)
        billing = Billing(self.state, world, self.payments, customers, webhooks)
        lifecycle = Lifecycle(world, store, billing)
        authorizations = Authorizations(store, billing, customers, lifecycle)
        changes = Changes(self.state, store, billing, lifecycle, customers, self.refunds)
        self._features: tuple[Feature, ...] = (
            RouteFeature(self.state, vendors, transfers),
            DisputesFeature(self.state, Disputes(self.state, world, webhooks)),
            SubscriptionsFeature(self.state, store, billing, lifecycle, authorizations, changes, self._pages),
            CustomersFeature(customers, recurring),
            LinksFeature(self.state, links, self._pages),
        )
        self._routes: Routes = dict(
            chain(endpoints.routes().items(), *(feature.routes().items() for feature in self._features))
        )
        self._resources = {key[1:3] for key in self._routes}
        world.callbacks.serve(NAME, self._callback_url)

    def register(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        for account in accounts:
            self.state.put_account(Account.model_validate(account))

    def has_account(self, account_id: str) -> bool:
        return account_id in self.state.accounts

    def resume(self) -> None:
        self.refunds.resume()
        for feature in self._features:
            feature.resume()

    def control(self) -> APIRouter:
        routes = APIRouter(tags=["razorpay"])
        routes.include_router(control.router(self.state, self.payments, self.refunds, self._customers))
        for feature in self._features:
            routes.include_router(feature.control())
        return routes

    def pages(self) -> APIRouter:
        routes = APIRouter()
        routes.include_router(checkout.router(self.state, self.payments, self._pages))
        for feature in self._features:
            routes.include_router(feature.pages())
        return routes

    def open(self, request: Request) -> Call | Reply:
        parts = request.path.removeprefix(_PREFIX).rstrip("/").split("/")
        try:
            route = self._route(request.method, parts)
            account = self._authenticate(request.headers.get(b"authorization"))
        except Refused as refusal:
            return refusal.reply
        first, second = (parts[2] if len(parts) > 2 else ""), (parts[4] if len(parts) > 4 else "")

        def run() -> Reply:
            try:
                return route.handle(account, request, first, second)
            except Refused as refusal:
                return refusal.reply

        return Call(route.operation, account.key_id, run, _twin(route, account, request))

    def busy(self) -> Reply:
        return errors.key_in_flight().reply

    def trouble(self, status: int) -> Reply:
        return errors.trouble(status)

    def _route(self, method: str, parts: list[str]) -> Route:
        """`parts` is the path from the version on: every second one is an id."""
        shape = (part if place % 2 or place == 0 else ID for place, part in enumerate(parts))
        route = self._routes.get((method, *shape))
        if route is None:
            # 404 is for a wrong path; 400 with the same words is for what the account may not use.
            known = len(parts) > 1 and (parts[0], parts[1]) in self._resources
            raise errors.no_such_url(404 if known else 400)
        return route

    def _authenticate(self, authorization: bytes | None) -> Account:
        account = self.state.by_authorization.get(authorization or b"")
        if account is not None:
            return account
        if authorization is None:
            raise errors.unauthorized("Please provide your api key for authentication purposes.")
        raise errors.unauthorized(
            "Authentication failed"
            if _key_id(authorization) in self.state.accounts
            else "The api key provided is invalid"
        )

    def _callback_url(self, key_id: str) -> str | None:
        account = self.state.accounts.get(key_id)
        return None if account is None else account.callback_url


def _key_id(authorization: bytes) -> str | None:
    try:
        return base64.b64decode(authorization.removeprefix(b"Basic "), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _twin(route: Route, account: Account, request: Request) -> Hashable | None:
    """Two requests with one idempotency key are never at work together."""
    key = None if route.key_header is None else request.headers.get(route.key_header)
    return None if key is None else (account.key_id, route.key_header, key)
