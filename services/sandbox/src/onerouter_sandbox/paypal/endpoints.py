"""PayPal's API: path → handler, app in hand, JSON out; and what a request id means.

A repeat under a request id is answered with the latest state of what the first one made, as long as PayPal knows the id:
six hours for orders, 45 days for payments. A refusal is not remembered.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from onerouter_sandbox.paypal import shapes, validation
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.orders import Orders
from onerouter_sandbox.paypal.payments import Payments
from onerouter_sandbox.paypal.refunds import Refunds
from onerouter_sandbox.paypal.state import State
from onerouter_sandbox.wire import Reply, Request
from onerouter_sandbox.world import World

ORDERS_KEPT_S: Final = 6 * 3_600.0
PAYMENTS_KEPT_S: Final = 45 * 86_400.0
_ID: Final = ":id"

Shown = dict[str, Any]
Handler = Callable[[Account, Request, str, str], Reply]


class Route(NamedTuple):
    """`operation` is the name that faults are asked for by."""

    operation: str
    handle: Handler


class Endpoints:
    """Handlers get the id of their path, empty where there is none, and the API's address."""

    def __init__(self, state: State, world: World, orders: Orders, payments: Payments, refunds: Refunds) -> None:
        self._state = state
        self._world = world
        self._orders = orders
        self._payments = payments
        self._refunds = refunds
        self._routes: dict[tuple[str, ...], Route] = {
            ("POST", "checkout", "orders"): Route("orders.create", self.create_order),
            ("GET", "checkout", "orders", _ID): Route("orders.get", self.get_order),
            ("POST", "checkout", "orders", _ID, "capture"): Route("orders.capture", self.capture_order),
            ("POST", "checkout", "orders", _ID, "authorize"): Route("orders.authorize", self.authorize_order),
            ("GET", "payments", "authorizations", _ID): Route("authorizations.get", self.get_authorization),
            ("POST", "payments", "authorizations", _ID, "capture"): Route("authorizations.capture", self.capture),
            ("POST", "payments", "authorizations", _ID, "void"): Route("authorizations.void", self.void),
            ("GET", "payments", "captures", _ID): Route("captures.get", self.get_capture),
            ("POST", "payments", "captures", _ID, "refund"): Route("captures.refund", self.refund),
            ("GET", "payments", "refunds", _ID): Route("refunds.get", self.get_refund),
        }

    def find(self, method: str, parts: Sequence[str]) -> Route | None:
        """`parts` is the path after the version: the third one is an id."""
        return self._routes.get((method, *(_ID if place == 2 else part for place, part in enumerate(parts))))

    def create_order(self, account: Account, request: Request, _id: str, base: str) -> Reply:
        body = validation.parse_json(request.body, "orders")

        def make() -> str:
            return self._orders.create(account, validation.order_request(body), base).id

        return self._once("orders.create", account, request, ORDERS_KEPT_S, make, self._show_order)

    def get_order(self, account: Account, _request: Request, order_id: str, _base: str) -> Reply:
        return shapes.answer(200, shapes.order(self._orders.get(account, order_id), self._state))

    def capture_order(self, account: Account, request: Request, order_id: str, _base: str) -> Reply:
        validation.parse_json(request.body, "orders")
        order = self._orders.get(account, order_id)

        def make() -> str:
            self._orders.capture(order)
            return order.id

        return self._once("orders.capture", account, request, ORDERS_KEPT_S, make, self._show_order)

    def authorize_order(self, account: Account, request: Request, order_id: str, _base: str) -> Reply:
        validation.parse_json(request.body, "orders")
        order = self._orders.get(account, order_id)

        def make() -> str:
            self._orders.authorize(order)
            return order.id

        return self._once("orders.authorize", account, request, ORDERS_KEPT_S, make, self._show_order)

    def get_authorization(self, account: Account, _request: Request, payment_id: str, base: str) -> Reply:
        return shapes.answer(200, shapes.lone_payment(self._payments.get(account, payment_id, "authorization"), base))

    def capture(self, account: Account, request: Request, payment_id: str, base: str) -> Reply:
        body = validation.parse_json(request.body, "payments")
        authorization = self._payments.get(account, payment_id, "authorization")

        def make() -> str:
            return self._payments.capture(authorization, validation.capture_request(body)).id

        def show(capture_id: str) -> Shown:
            return shapes.lone_payment(self._state.payments[capture_id], base)

        return self._once("authorizations.capture", account, request, PAYMENTS_KEPT_S, make, show)

    def void(self, account: Account, request: Request, payment_id: str, base: str) -> Reply:
        authorization = self._payments.get(account, payment_id, "authorization")

        def make() -> str:
            self._payments.void(authorization)
            return authorization.id

        def show(_id: str) -> Shown:
            return shapes.lone_payment(authorization, base)

        reply = self._once("authorizations.void", account, request, PAYMENTS_KEPT_S, make, show)
        if _wants_all(request):
            reply.status = 200
            return reply
        return Reply(204, b"")

    def get_capture(self, account: Account, _request: Request, payment_id: str, base: str) -> Reply:
        return shapes.answer(200, shapes.lone_payment(self._payments.get(account, payment_id, "capture"), base))

    def refund(self, account: Account, request: Request, payment_id: str, base: str) -> Reply:
        body = validation.parse_json(request.body, "payments")
        capture = self._payments.get(account, payment_id, "capture")
        key = validation.request_id(request.headers.get(b"paypal-request-id"), "payments")

        def make() -> str:
            return self._refunds.create(account, capture, validation.refund_request(body), key).id

        def show(refund_id: str) -> Shown:
            return shapes.refund(self._state.refunds[refund_id], base)

        return self._once("captures.refund", account, request, PAYMENTS_KEPT_S, make, show)

    def get_refund(self, account: Account, _request: Request, refund_id: str, base: str) -> Reply:
        return shapes.answer(200, shapes.refund(self._refunds.get(account, refund_id), base))

    def _show_order(self, order_id: str) -> Shown:
        return shapes.order(self._state.orders[order_id], self._state)

    def _once(
        self,
        operation: str,
        account: Account,
        request: Request,
        kept_s: float,
        make: Callable[[], str],
        show: Callable[[str], Shown],
    ) -> Reply:
        """Make it (201), or show what the same request id made before (200)."""
        issues = "orders" if operation.startswith("orders") else "payments"
        given = validation.request_id(request.headers.get(b"paypal-request-id"), issues)
        key = None if given is None else "\n".join((account.client_id, operation, given))
        now = self._world.clock.now()
        made = None if key is None else self._state.remembered(key, now)
        status = 200
        if made is None:
            made, status = make(), 201
            if key is not None:
                self._state.remember(key, made, now + kept_s)
        shown = show(made)
        return shapes.answer(status, shown if _wants_all(request) else shapes.minimal(shown))


def _wants_all(request: Request) -> bool:
    return b"return=representation" in request.headers.get(b"prefer", b"")
