"""Stripe's API: path → handler, account in hand, JSON out."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from onerouter_sandbox.stripe import forms, shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.catalog import Catalog
from onerouter_sandbox.stripe.desk import Desk
from onerouter_sandbox.stripe.errors import invalid, no_such
from onerouter_sandbox.stripe.expansion import Expansion
from onerouter_sandbox.stripe.intents import Intents
from onerouter_sandbox.stripe.refunds import Refunds
from onerouter_sandbox.stripe.routing import ID, Asked, Route, Routes
from onerouter_sandbox.stripe.searching import matcher
from onerouter_sandbox.stripe.sessions import Sessions
from onerouter_sandbox.stripe.shelf import page
from onerouter_sandbox.stripe.state import Intent, Session, find_owned
from onerouter_sandbox.wire import Reply, Request

_ID: Final = ID


class Endpoints:
    """Payments and refunds; `more` are the routes of everything else."""

    def __init__(
        self,
        desk: Desk,
        intents: Intents,
        sessions: Sessions,
        refunds: Refunds,
        catalog: Catalog,
        expansion: Expansion,
        more: Iterable[Routes],
    ) -> None:
        self._desk = desk
        self._state = desk.state
        self._intents = intents
        self._sessions = sessions
        self._refunds = refunds
        self._catalog = catalog
        self._expansion = expansion
        self._routes: Routes = {
            ("POST", "payment_intents"): Route("payment_intents.create", self.create_intent),
            ("GET", "payment_intents"): Route("payment_intents.list", self.list_intents),
            ("GET", "payment_intents", "search"): Route("payment_intents.search", self.search_intents),
            ("GET", "payment_intents", _ID): Route("payment_intents.retrieve", self.get_intent),
            ("POST", "payment_intents", _ID): Route("payment_intents.update", self.update_intent),
            ("POST", "payment_intents", _ID, "confirm"): Route("payment_intents.confirm", self.confirm),
            ("POST", "payment_intents", _ID, "capture"): Route("payment_intents.capture", self.capture),
            ("POST", "payment_intents", _ID, "cancel"): Route("payment_intents.cancel", self.cancel),
            ("GET", "charges", _ID): Route("charges.retrieve", self.get_charge),
            ("POST", "refunds"): Route("refunds.create", self.create_refund),
            ("GET", "refunds"): Route("refunds.list", self.list_refunds),
            ("GET", "refunds", _ID): Route("refunds.retrieve", self.get_refund),
            ("POST", "checkout", "sessions"): Route("checkout.sessions.create", self.create_session),
            ("GET", "checkout", "sessions"): Route("checkout.sessions.list", self.list_sessions),
            ("GET", "checkout", "sessions", _ID): Route("checkout.sessions.retrieve", self.get_session),
            ("POST", "checkout", "sessions", _ID, "expire"): Route("checkout.sessions.expire", self.expire),
            ("GET", "balance"): Route("balance.retrieve", self.get_balance, for_vendors=True),
            ("GET", "account"): Route("account.retrieve", self.get_account),
        }
        for routes in more:
            self._routes |= routes
        self._words = {word for path in self._routes for word in path[1:] if word != _ID}

    def find(self, method: str, parts: Sequence[str]) -> tuple[Route, tuple[str, ...]] | None:
        """The route of a path after the version, and the ids in it."""
        route = self._routes.get((method, *(part if part in self._words else _ID for part in parts)))
        return None if route is None else (route, tuple(part for part in parts if part not in self._words))

    def answer(
        self,
        route: Route,
        account: Account,
        request: Request,
        ids: tuple[str, ...],
        key: str | None,
        vendor: str | None,
    ) -> Reply:
        given = forms.parse(request.query if request.method == "GET" else request.body or request.query)
        self._expansion.check(given)
        asked = Asked(given, ids, key, _host(request), vendor)
        return shapes.ok(self._expansion.apply(route.handle(account, asked), given))

    def create_intent(self, account: Account, asked: Asked) -> dict[str, Any]:
        return self._intent(self._intents.create(account, validation.intent_request(asked.params)), account)

    def list_intents(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "customer")
        ids, customer = self._state.intents_of.get(account.account_id, []), asked.params.get("customer")
        found, more = page(ids, self._state.intents.__getitem__, window, lambda each: customer in (None, each.customer))
        return shapes.collection([self._intent(each, account) for each in found], url="/v1/payment_intents", more=more)

    def search_intents(self, account: Account, asked: Asked) -> dict[str, Any]:
        """Knows only what is older than the account's lag."""
        if account.country == "IN":
            raise invalid("Search is not available for accounts in India.", status=400)
        window = validation.window(asked.params, "query page")
        query = matcher(str(asked.params.get("query", "")))
        known_until = self._desk.now(account.account_id) - account.search_lag_s
        ids = self._state.intents_of.get(account.account_id, [])
        found, more = page(
            ids, self._state.intents.__getitem__, window, lambda each: each.created <= known_until and query.fits(each)
        )
        shown = [self._intent(each, account) for each in found]
        return shapes.collection(shown, url="/v1/payment_intents/search", more=more, searched=True)

    def get_intent(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self._intent(self._intents.get(account, asked.id), account)

    def confirm(self, account: Account, asked: Asked) -> dict[str, Any]:
        wanted = validation.confirm_request(asked.params)
        return self._intent(self._intents.confirm(account, self._intents.get(account, asked.id), wanted), account)

    def update_intent(self, account: Account, asked: Asked) -> dict[str, Any]:
        intent = self._intents.get(account, asked.id)
        change = validation.intent_change(asked.params, intent.metadata, intent.currency)
        return self._intent(self._intents.update(account, intent, change), account)

    def capture(self, account: Account, asked: Asked) -> dict[str, Any]:
        amount = validation.capture_amount(asked.params)
        return self._intent(self._intents.capture(self._intents.get(account, asked.id), amount), account)

    def cancel(self, account: Account, asked: Asked) -> dict[str, Any]:
        reason = validation.cancellation_reason(asked.params)
        return self._intent(self._intents.cancel(self._intents.get(account, asked.id), reason), account)

    def get_charge(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        charge = find_owned(self._state.charges, asked.id, account)
        if charge is None:
            raise no_such("charge", asked.id, param="id")
        return shapes.charge(charge, livemode=account.livemode)

    def create_refund(self, account: Account, asked: Asked) -> dict[str, Any]:
        return shapes.refund(self._refunds.create(account, validation.refund_request(asked.params), asked.key))

    def list_refunds(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "payment_intent charge")
        intent, charge = asked.params.get("payment_intent"), asked.params.get("charge")
        ids = self._state.refunds_of.get(account.account_id, [])
        found, more = page(
            ids,
            self._state.refunds.__getitem__,
            window,
            lambda each: intent in (None, each.intent) and charge in (None, each.charge),
        )
        return shapes.collection([shapes.refund(each) for each in found], url="/v1/refunds", more=more)

    def get_refund(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return shapes.refund(self._refunds.get(account, asked.id))

    def create_session(self, account: Account, asked: Asked) -> dict[str, Any]:
        now = self._desk.now(account.account_id)
        wanted = validation.session_request(
            asked.params, now, lambda price_id, where: self._catalog.once(account, price_id, where)
        )
        return self._session(self._sessions.create(account, wanted, f"{asked.host}/stripe/checkout"), account)

    def list_sessions(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "payment_intent status payment_link customer")
        intent, status = asked.params.get("payment_intent"), asked.params.get("status")
        link, customer = asked.params.get("payment_link"), asked.params.get("customer")
        ids = self._state.sessions_of.get(account.account_id, [])
        found, more = page(
            ids,
            self._state.sessions.__getitem__,
            window,
            lambda each: (
                intent in (None, each.intent)
                and status in (None, each.status)
                and link in (None, each.payment_link)
                and customer in (None, each.customer)
            ),
        )
        return shapes.collection(
            [self._session(each, account) for each in found], url="/v1/checkout/sessions", more=more
        )

    def get_session(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self._session(self._sessions.get(account, asked.id), account)

    def expire(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self._session(self._sessions.expire(self._sessions.get(account, asked.id)), account)

    def get_balance(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return shapes.balance(livemode=account.livemode)

    def get_account(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return shapes.account(account)

    def _intent(self, intent: Intent, account: Account) -> dict[str, Any]:
        return shapes.intent(intent, livemode=account.livemode)

    def _session(self, session: Session, account: Account) -> dict[str, Any]:
        return shapes.session(session, self._state.intents.get(session.intent or ""), livemode=account.livemode)


def _host(request: Request) -> str:
    """Where the caller reaches the sandbox: pages are served at the same place."""
    host = request.headers.get(b"host", b"localhost").decode("latin-1")
    scheme = request.headers.get(b"x-forwarded-proto", b"http").decode("latin-1")
    return f"{scheme}://{host}"
