"""Stripe's API: path → handler, account in hand, JSON out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from onerouter_sandbox.clock import Clock
from onerouter_sandbox.stripe import forms, shapes, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.errors import invalid, no_such
from onerouter_sandbox.stripe.expansion import Expansion
from onerouter_sandbox.stripe.intents import Intents
from onerouter_sandbox.stripe.refunds import Refunds
from onerouter_sandbox.stripe.searching import matcher
from onerouter_sandbox.stripe.sessions import Sessions
from onerouter_sandbox.stripe.state import Intent, Refund, Session, State, find_owned
from onerouter_sandbox.stripe.validation import Window
from onerouter_sandbox.wire import Reply, Request

Params = Mapping[str, Any]
Handler = Callable[[Account, "Asked"], dict[str, Any]]
_T = TypeVar("_T", Intent, Session, Refund)
_ID: Final = ":id"
_PATH_WORDS: Final = "payment_intents search capture cancel charges refunds checkout sessions expire balance account"
_WORDS: Final = frozenset(_PATH_WORDS.split())


class Asked(NamedTuple):
    """One call: `params` of body or query, the id of its path ("" where it has none), and its idempotency key."""

    params: Params
    id: str
    key: str | None
    host: str


class Route(NamedTuple):
    """`operation` is the name that faults are asked for by."""

    operation: str
    handle: Handler


class Endpoints:
    def __init__(self, state: State, clock: Clock, intents: Intents, sessions: Sessions, refunds: Refunds) -> None:
        self._state = state
        self._clock = clock
        self._intents = intents
        self._sessions = sessions
        self._refunds = refunds
        self._expansion = Expansion(state)
        self._routes: dict[tuple[str, ...], Route] = {
            ("POST", "payment_intents"): Route("payment_intents.create", self.create_intent),
            ("GET", "payment_intents"): Route("payment_intents.list", self.list_intents),
            ("GET", "payment_intents", "search"): Route("payment_intents.search", self.search_intents),
            ("GET", "payment_intents", _ID): Route("payment_intents.retrieve", self.get_intent),
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
            ("GET", "balance"): Route("balance.retrieve", self.get_balance),
            ("GET", "account"): Route("account.retrieve", self.get_account),
        }

    def find(self, method: str, parts: Sequence[str]) -> tuple[Route, str] | None:
        """The route of a path after the version, and the id in it."""
        route = self._routes.get((method, *(part if part in _WORDS else _ID for part in parts)))
        return None if route is None else (route, next((part for part in parts if part not in _WORDS), ""))

    def answer(self, route: Route, account: Account, request: Request, thing_id: str, key: str | None) -> Reply:
        params = forms.parse(request.body if request.method == "POST" else request.query)
        asked = Asked(params, thing_id, key, _host(request))
        return shapes.ok(self._expansion.apply(route.handle(account, asked), params, account))

    def create_intent(self, account: Account, asked: Asked) -> dict[str, Any]:
        return self._intent(self._intents.create(account, validation.intent_request(asked.params)), account)

    def list_intents(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params)
        ids = self._state.intents_of.get(account.account_id, [])
        found, more = _page(ids, self._state.intents, window, lambda _: True)
        return shapes.collection([self._intent(each, account) for each in found], url="/v1/payment_intents", more=more)

    def search_intents(self, account: Account, asked: Asked) -> dict[str, Any]:
        """Knows only what is older than the account's lag."""
        if account.country == "IN":
            raise invalid("Search is not available for accounts in India.", status=400)
        window = validation.window(asked.params, "query page")
        query = matcher(str(asked.params.get("query", "")))
        known_until = self._clock.now() - account.search_lag_s
        ids = self._state.intents_of.get(account.account_id, [])
        found, more = _page(
            ids, self._state.intents, window, lambda each: each.created <= known_until and query.fits(each)
        )
        shown = [self._intent(each, account) for each in found]
        return shapes.collection(shown, url="/v1/payment_intents/search", more=more, searched=True)

    def get_intent(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return self._intent(self._intents.get(account, asked.id), account)

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
        found, more = _page(
            ids,
            self._state.refunds,
            window,
            lambda each: intent in (None, each.intent) and charge in (None, each.charge),
        )
        return shapes.collection([shapes.refund(each) for each in found], url="/v1/refunds", more=more)

    def get_refund(self, account: Account, asked: Asked) -> dict[str, Any]:
        validation.nothing(asked.params)
        return shapes.refund(self._refunds.get(account, asked.id))

    def create_session(self, account: Account, asked: Asked) -> dict[str, Any]:
        wanted = validation.session_request(asked.params, int(self._clock.now()))
        return self._session(self._sessions.create(account, wanted, f"{asked.host}/stripe/checkout"), account)

    def list_sessions(self, account: Account, asked: Asked) -> dict[str, Any]:
        window = validation.window(asked.params, "payment_intent status")
        intent, status = asked.params.get("payment_intent"), asked.params.get("status")
        ids = self._state.sessions_of.get(account.account_id, [])
        found, more = _page(
            ids,
            self._state.sessions,
            window,
            lambda each: intent in (None, each.intent) and status in (None, each.status),
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


def _page(
    ids: Sequence[str], things: Mapping[str, _T], window: Window, fits: Callable[[_T], bool]
) -> tuple[list[_T], bool]:
    """Newest first, and whether there are more. Walks only as far as the page needs, as an account may have many."""
    page: list[_T] = []
    started = window.after is None
    for thing_id in reversed(ids):
        thing = things[thing_id]
        if not started:
            started = thing_id == window.after
            continue
        if window.last_at is not None and thing.created > window.last_at:
            continue
        if window.first_at is not None and thing.created < window.first_at:
            break  # ids are in the order of creation
        if fits(thing):
            if len(page) == window.limit:
                return page, True
            page.append(thing)
    if not started:
        raise no_such("object", window.after or "", param="starting_after")
    return page, False


def _host(request: Request) -> str:
    """Where the caller reaches the sandbox: pages are served at the same place."""
    host = request.headers.get(b"host", b"localhost").decode("latin-1")
    scheme = request.headers.get(b"x-forwarded-proto", b"http").decode("latin-1")
    return f"{scheme}://{host}"
