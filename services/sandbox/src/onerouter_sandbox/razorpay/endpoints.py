"""Razorpay's API: path → handler, account in hand, JSON out."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from onerouter_sandbox.razorpay import shapes, validation
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.orders import Orders
from onerouter_sandbox.razorpay.payments import Payments
from onerouter_sandbox.razorpay.refunds import Idempotency, Refunds
from onerouter_sandbox.razorpay.state import Order, Payment, Refund, State
from onerouter_sandbox.razorpay.validation import Window
from onerouter_sandbox.wire import Reply, Request

Handler = Callable[[Account, Request, str, str], Reply]
_T = TypeVar("_T", Order, Payment, Refund)

_ID: Final = ":id"


class Route(NamedTuple):
    """`operation` is the name that faults are asked for by."""

    operation: str
    handle: Handler


class Endpoints:
    """Handlers get the ids of their path as two strings, empty where the path has fewer."""

    def __init__(self, state: State, orders: Orders, payments: Payments, refunds: Refunds) -> None:
        self._state = state
        self._orders = orders
        self._payments = payments
        self._refunds = refunds
        self._routes: dict[tuple[str, ...], Route] = {
            ("POST", "orders"): Route("orders.create", self.create_order),
            ("GET", "orders"): Route("orders.list", self.list_orders),
            ("GET", "orders", _ID): Route("orders.fetch", self.get_order),
            ("GET", "orders", _ID, "payments"): Route("orders.payments", self.list_order_payments),
            ("GET", "payments"): Route("payments.list", self.list_payments),
            ("GET", "payments", _ID): Route("payments.fetch", self.get_payment),
            ("POST", "payments", _ID, "capture"): Route("payments.capture", self.capture),
            ("POST", "payments", _ID, "refund"): Route("refunds.create", self.create_refund),
            ("GET", "payments", _ID, "refunds"): Route("refunds.list", self.list_payment_refunds),
            ("GET", "payments", _ID, "refunds", _ID): Route("refunds.fetch", self.get_refund),
            ("GET", "refunds"): Route("refunds.list", self.list_refunds),
            ("GET", "refunds", _ID): Route("refunds.fetch", self.get_own_refund),
        }
        self.resources = {key[1] for key in self._routes}

    def find(self, method: str, parts: Sequence[str]) -> Route | None:
        """`parts` is the path after the version: every second one is an id."""
        shape = (part if place % 2 == 0 else _ID for place, part in enumerate(parts))
        return self._routes.get((method, *shape))

    def create_order(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        wanted = validation.order_request(validation.parse_json(request.body))
        return shapes.ok(shapes.order(self._orders.create(account, wanted)))

    def list_orders(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        window, given = validation.window(request.query)
        receipt = given.get("receipt")
        ids = (
            self._state.orders_of.get(account.key_id, [])
            if receipt is None
            else self._state.by_receipt.get((account.key_id, receipt), [])
        )
        return shapes.ok(shapes.collection([shapes.order(each) for each in _page(ids, self._state.orders, window)]))

    def get_order(self, account: Account, _request: Request, order_id: str, _second: str) -> Reply:
        return shapes.ok(shapes.order(self._orders.get(account, order_id)))

    def list_order_payments(self, account: Account, request: Request, order_id: str, _second: str) -> Reply:
        return self._payment_list(self._orders.get(account, order_id).payments, request)

    def list_payments(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        return self._payment_list(self._state.payments_of.get(account.key_id, []), request)

    def get_payment(self, account: Account, request: Request, payment_id: str, _second: str) -> Reply:
        payment = self._payments.get(account, payment_id)
        shown = shapes.payment(payment)
        if b"refunds" in request.query:  # expand[]=refunds; other expansions are tolerated
            shown["refunds"] = shapes.collection([shapes.refund(self._state.refunds[each]) for each in payment.refunds])
        return shapes.ok(shown)

    def capture(self, account: Account, request: Request, payment_id: str, _second: str) -> Reply:
        wanted = validation.capture_request(validation.parse_json(request.body))
        payment = self._payments.get(account, payment_id)
        return shapes.ok(shapes.payment(self._payments.capture(payment, wanted)))

    def create_refund(self, account: Account, request: Request, payment_id: str, _second: str) -> Reply:
        body = validation.parse_json(request.body)
        key = validation.idempotency_key(request.headers.get(b"x-refund-idempotency"))
        idempotency = Idempotency(key, _fingerprint(payment_id, body))
        refund = self._refunds.find_replay(account, idempotency)
        if refund is None:
            payment = self._payments.get(account, payment_id)
            wanted = validation.refund_request(body, payment.currency)
            refund = self._refunds.create(account, payment, wanted, idempotency)
        return shapes.ok(shapes.refund(refund))

    def list_payment_refunds(self, account: Account, request: Request, payment_id: str, _second: str) -> Reply:
        return self._refund_list(self._payments.get(account, payment_id).refunds, request)

    def list_refunds(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        return self._refund_list(self._state.refunds_of.get(account.key_id, []), request)

    def get_refund(self, account: Account, _request: Request, payment_id: str, refund_id: str) -> Reply:
        payment = self._payments.get(account, payment_id)
        return shapes.ok(shapes.refund(self._refunds.get(account, refund_id, payment)))

    def get_own_refund(self, account: Account, _request: Request, refund_id: str, _second: str) -> Reply:
        return shapes.ok(shapes.refund(self._refunds.get(account, refund_id)))

    def _payment_list(self, ids: Sequence[str], request: Request) -> Reply:
        window, _ = validation.window(request.query)
        return shapes.ok(shapes.collection([shapes.payment(p) for p in _page(ids, self._state.payments, window)]))

    def _refund_list(self, ids: Sequence[str], request: Request) -> Reply:
        window, _ = validation.window(request.query)
        return shapes.ok(shapes.collection([shapes.refund(r) for r in _page(ids, self._state.refunds, window)]))


def _page(ids: Sequence[str], things: Mapping[str, _T], window: Window) -> list[_T]:
    """Newest first. Walks only as far as the page needs, as an account may have many."""
    page: list[_T] = []
    skipped = 0
    for thing_id in reversed(ids):
        thing = things[thing_id]
        if window.last_at is not None and thing.created_at > window.last_at:
            continue
        if window.first_at is not None and thing.created_at < window.first_at:
            break  # ids are in the order of creation
        if skipped < window.skip:
            skipped += 1
            continue
        page.append(thing)
        if len(page) == window.count:
            break
    return page


def _fingerprint(payment_id: str, body: dict[str, object]) -> str:
    text = json.dumps([payment_id, body], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
