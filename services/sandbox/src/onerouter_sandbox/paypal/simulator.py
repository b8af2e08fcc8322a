"""PayPal put together: what `app.py` mounts."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter

from onerouter_sandbox.paypal import approval, control, errors, shapes
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.asking import AskingAboutCallbacks
from onerouter_sandbox.paypal.billing.feature import Billing
from onerouter_sandbox.paypal.callbacks import Webhooks
from onerouter_sandbox.paypal.disputes.feature import DisputeFeature
from onerouter_sandbox.paypal.endpoints import Endpoints
from onerouter_sandbox.paypal.errors import Refused
from onerouter_sandbox.paypal.feature import Feature
from onerouter_sandbox.paypal.invoicing.feature import Invoicing
from onerouter_sandbox.paypal.orders import Orders
from onerouter_sandbox.paypal.partners.feature import Partners
from onerouter_sandbox.paypal.partners.vendors import Vendors
from onerouter_sandbox.paypal.payments import Payments
from onerouter_sandbox.paypal.payouts.feature import PayoutFeature
from onerouter_sandbox.paypal.refunds import Refunds
from onerouter_sandbox.paypal.routing import Asked, Repeats, Route, Router
from onerouter_sandbox.paypal.signing import Signer
from onerouter_sandbox.paypal.state import NAME, State
from onerouter_sandbox.paypal.vault.feature import Vault
from onerouter_sandbox.paypal.vault.tokens import Tokens
from onerouter_sandbox.paypal.verification import Verification
from onerouter_sandbox.wire import Call, Reply, Request
from onerouter_sandbox.world import World

_ROOT: Final = "/paypal/"
_V1: Final = "/paypal/v1/"
_TOKEN: Final = "oauth2/token"  # noqa: S105 - a path
_CERTIFICATES: Final = "notifications/certs/"
_SCOPE: Final = (
    "https://uri.paypal.com/services/payments/payment/authcapture https://uri.paypal.com/services/payments/refund"
)


class PayPal:
    """A `Provider`: the wire under /paypal/v1, v2 and v3, the pages that people see, and control routes."""

    name: Final = NAME
    wire_prefixes: Final = (_V1, "/paypal/v2/", "/paypal/v3/")

    def __init__(self, world: World) -> None:
        self._world = world
        self.state = State(world.journal)
        self.signer = Signer(world)
        webhooks = Webhooks(self.state, world, self.signer)
        self.payments = Payments(self.state, world, webhooks)
        tokens, vendors = Tokens(world, webhooks), Vendors(self.state, world, webhooks)
        self.orders = Orders(self.state, world, webhooks, self.payments, tokens, vendors)
        self.refunds = Refunds(self.state, world, webhooks)
        repeats = Repeats(self.state, world)
        endpoints = Endpoints(self.state, repeats, self.orders, self.payments, self.refunds)
        billing = Billing(self.state, world, webhooks, repeats)
        self._features: tuple[Feature, ...] = (
            billing,
            Invoicing(self.state, world, webhooks),
            PayoutFeature(self.state, world, webhooks, repeats),
            Vault(self.state, tokens, repeats),
            Partners(self.state, vendors),
            Verification(self.signer),
            DisputeFeature(self.state, world, webhooks, billing.books),
            AskingAboutCallbacks(self.signer),
        )
        self._router = Router(endpoints.routes, *(feature.routes for feature in self._features))
        world.callbacks.serve(NAME, self._callback_url)
        if world.roots_file is not None:
            world.roots_file.parent.mkdir(parents=True, exist_ok=True)
            world.roots_file.write_text(self.signer.chain.root, "ascii")

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
        routes = control.router(self.state, self.orders, self.payments, self.refunds, self.signer)
        for feature in self._features:
            routes.include_router(feature.control())
        return routes

    def pages(self) -> APIRouter:
        routes = approval.router(self.state, self.orders)
        for feature in self._features:
            routes.include_router(feature.pages())
        return routes

    def open(self, request: Request) -> Call | Reply:
        try:
            opened = self._open_for_all(request, request.path.removeprefix(_V1))
            return opened or self._open(request, request.path.removeprefix(_ROOT).rstrip("/").split("/"))
        except Refused as refusal:
            return refusal.reply

    def busy(self) -> Reply:
        return errors.request_in_flight().reply

    def trouble(self, status: int) -> Reply:
        return errors.trouble(status)

    def _open_for_all(self, request: Request, path: str) -> Call | Reply | None:
        """What needs no token: tokens, and the certificates of our callbacks."""
        if request.method == "POST" and path == _TOKEN:
            return self._open_token(request)
        chain = self.signer.chain if path.startswith(_CERTIFICATES) else None
        if request.method == "GET" and chain is not None and path == _CERTIFICATES + chain.id:
            return Reply(200, chain.served.encode(), b"text/plain")
        return None

    def _open_token(self, request: Request) -> Call | Reply:
        account = self.state.by_authorization.get(request.headers.get(b"authorization", b""))
        if account is None:
            raise errors.invalid_client()
        if parse_qs(request.body.decode("latin-1")).get("grant_type") != ["client_credentials"]:
            raise errors.unsupported_grant()

        def run() -> Reply:
            now = self._world.clock.now()
            token = self.state.new_token(account, now)
            return shapes.answer(
                200,
                {
                    "scope": _SCOPE,
                    "access_token": token,
                    "token_type": "Bearer",
                    "app_id": "APP-80W284485P519543T",
                    "expires_in": account.token_lasts_s,
                    "nonce": f"{shapes.moment(now)}{token[-22:]}",
                },
            )

        return Call("token", account.client_id, run)

    def _open(self, request: Request, steps: list[str]) -> Call | Reply:
        found = self._router.find(request.method, steps)
        if found is None:
            raise errors.no_such_url()
        route, ids = found
        account = self._authenticate(request.headers.get(b"authorization", b""))
        base = f"http://{request.headers.get(b'host', b'localhost').decode('latin-1')}/{NAME}"
        asked = Asked(account, request, ids, base)

        def run() -> Reply:
            try:
                return route.handle(asked)
            except Refused as refusal:
                return refusal.reply

        return Call(route.operation, account.client_id, run, _twin(route, account, request))

    def _authenticate(self, authorization: bytes) -> Account:
        kind, _, token = authorization.decode("latin-1").partition(" ")
        account = self.state.find_token(token, self._world.clock.now()) if kind.lower() == "bearer" else None
        if account is None:
            raise errors.unauthorized()
        return account

    def _callback_url(self, client_id: str) -> str | None:
        account = self.state.accounts.get(client_id)
        return None if account is None else account.callback_url


def _twin(route: Route, account: Account, request: Request) -> Hashable | None:
    """Two requests with one request id are never at work together."""
    key = request.headers.get(b"paypal-request-id")
    return None if key is None or request.method != "POST" else (account.client_id, route.operation, key)
