"""Orders, authorizations, captures and refunds: path → handler, app in hand, JSON out.

PayPal knows an order's request ids for six hours, a payment's for 45 days.
"""

from typing import Final

from onerouter_sandbox.paypal import shapes, validation
from onerouter_sandbox.paypal.errors import bad_request
from onerouter_sandbox.paypal.orders import Orders
from onerouter_sandbox.paypal.payments import Payments
from onerouter_sandbox.paypal.refunds import Refunds
from onerouter_sandbox.paypal.routing import DAY, HOUR, Asked, Repeats, Route, Shown, Table
from onerouter_sandbox.paypal.state import State
from onerouter_sandbox.wire import Reply

ORDERS_KEPT_S: Final = 6 * HOUR
PAYMENTS_KEPT_S: Final = 45 * DAY


class Endpoints:
    def __init__(self, state: State, repeats: Repeats, orders: Orders, payments: Payments, refunds: Refunds) -> None:
        self._state = state
        self._repeats = repeats
        self._orders = orders
        self._payments = payments
        self._refunds = refunds

    @property
    def routes(self) -> Table:
        return {
            "POST v2/checkout/orders": Route("orders.create", self.create_order),
            "GET v2/checkout/orders/:id": Route("orders.get", self.get_order),
            "POST v2/checkout/orders/:id/capture": Route("orders.capture", self.capture_order),
            "POST v2/checkout/orders/:id/authorize": Route("orders.authorize", self.authorize_order),
            "GET v2/payments/authorizations/:id": Route("authorizations.get", self.get_authorization),
            "POST v2/payments/authorizations/:id/capture": Route("authorizations.capture", self.capture),
            "POST v2/payments/authorizations/:id/void": Route("authorizations.void", self.void),
            "GET v2/payments/captures/:id": Route("captures.get", self.get_capture),
            "POST v2/payments/captures/:id/refund": Route("captures.refund", self.refund),
            "GET v2/payments/refunds/:id": Route("refunds.get", self.get_refund),
        }

    def create_order(self, asked: Asked) -> Reply:
        body = validation.parse_json(asked.request.body, "orders")

        def make() -> str:
            request = validation.order_request(body)
            if request.vault_id is None:
                return self._orders.create(asked.account, request, asked.base).id
            if asked.request_id("orders") is None:
                raise bad_request("PAYPAL_REQUEST_ID_REQUIRED", "PayPal-Request-Id")
            return self._orders.charge_saved(asked.account, request, request.vault_id, asked.base).id

        return self._repeats.once("orders.create", asked, ORDERS_KEPT_S, make, self._show_order)

    def get_order(self, asked: Asked) -> Reply:
        return shapes.answer(200, shapes.order(self._orders.get(asked.account, asked.id), self._state))

    def capture_order(self, asked: Asked) -> Reply:
        validation.parse_json(asked.request.body, "orders")
        order = self._orders.get(asked.account, asked.id)

        def make() -> str:
            self._orders.capture(order)
            return order.id

        return self._repeats.once("orders.capture", asked, ORDERS_KEPT_S, make, self._show_order)

    def authorize_order(self, asked: Asked) -> Reply:
        validation.parse_json(asked.request.body, "orders")
        order = self._orders.get(asked.account, asked.id)

        def make() -> str:
            self._orders.authorize(order)
            return order.id

        return self._repeats.once("orders.authorize", asked, ORDERS_KEPT_S, make, self._show_order)

    def get_authorization(self, asked: Asked) -> Reply:
        return shapes.answer(
            200, shapes.lone_payment(self._payments.get(asked.account, asked.id, "authorization"), asked.base)
        )

    def capture(self, asked: Asked) -> Reply:
        body = validation.parse_json(asked.request.body, "payments")
        authorization = self._payments.get(asked.account, asked.id, "authorization")

        def make() -> str:
            return self._payments.capture(authorization, validation.capture_request(body)).id

        def show(capture_id: str) -> Shown:
            return shapes.lone_payment(self._state.payments[capture_id], asked.base)

        return self._repeats.once("authorizations.capture", asked, PAYMENTS_KEPT_S, make, show)

    def void(self, asked: Asked) -> Reply:
        authorization = self._payments.get(asked.account, asked.id, "authorization")

        def make() -> str:
            self._payments.void(authorization)
            return authorization.id

        def show(_id: str) -> Shown:
            return shapes.lone_payment(authorization, asked.base)

        reply = self._repeats.once("authorizations.void", asked, PAYMENTS_KEPT_S, make, show)
        if asked.wants_all:
            reply.status = 200
            return reply
        return Reply(204, b"")

    def get_capture(self, asked: Asked) -> Reply:
        return shapes.answer(
            200, shapes.lone_payment(self._payments.get(asked.account, asked.id, "capture"), asked.base)
        )

    def refund(self, asked: Asked) -> Reply:
        body = validation.parse_json(asked.request.body, "payments")
        capture = self._payments.get(asked.account, asked.id, "capture")
        key = asked.request_id("payments")

        def make() -> str:
            return self._refunds.create(asked.account, capture, validation.refund_request(body), key).id

        def show(refund_id: str) -> Shown:
            return shapes.refund(self._state.refunds[refund_id], asked.base)

        return self._repeats.once("captures.refund", asked, PAYMENTS_KEPT_S, make, show)

    def get_refund(self, asked: Asked) -> Reply:
        return shapes.answer(200, shapes.refund(self._refunds.get(asked.account, asked.id), asked.base))

    def _show_order(self, order_id: str) -> Shown:
        return shapes.order(self._state.orders[order_id], self._state)
