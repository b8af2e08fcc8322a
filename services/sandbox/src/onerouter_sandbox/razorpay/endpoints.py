"""Razorpay's API for orders, payments and refunds: path → handler, account in hand, JSON out."""

from collections.abc import Sequence

from onerouter_sandbox.razorpay import fields, shapes, validation
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.orders import Orders
from onerouter_sandbox.razorpay.payments import Payments
from onerouter_sandbox.razorpay.refunds import Refunds
from onerouter_sandbox.razorpay.route.transfers import Transfers
from onerouter_sandbox.razorpay.routing import ID, Idempotency, Route, Routes, fingerprint, page
from onerouter_sandbox.razorpay.state import State
from onerouter_sandbox.wire import Reply, Request


class Endpoints:
    """Handlers get the ids of their path as two strings, empty where the path has fewer."""

    def __init__(
        self, state: State, orders: Orders, payments: Payments, refunds: Refunds, transfers: Transfers
    ) -> None:
        self._state = state
        self._transfers = transfers
        self._orders = orders
        self._payments = payments
        self._refunds = refunds

    def routes(self) -> Routes:
        return {
            ("POST", "v1", "orders"): Route("orders.create", self.create_order),
            ("GET", "v1", "orders"): Route("orders.list", self.list_orders),
            ("GET", "v1", "orders", ID): Route("orders.fetch", self.get_order),
            ("GET", "v1", "orders", ID, "payments"): Route("orders.payments", self.list_order_payments),
            ("GET", "v1", "payments"): Route("payments.list", self.list_payments),
            ("GET", "v1", "payments", ID): Route("payments.fetch", self.get_payment),
            ("POST", "v1", "payments", ID, "capture"): Route("payments.capture", self.capture),
            ("POST", "v1", "payments", ID, "refund"): Route(
                "refunds.create", self.create_refund, b"x-refund-idempotency"
            ),
            ("GET", "v1", "payments", ID, "refunds"): Route("refunds.list", self.list_payment_refunds),
            ("GET", "v1", "payments", ID, "refunds", ID): Route("refunds.fetch", self.get_refund),
            ("GET", "v1", "refunds"): Route("refunds.list", self.list_refunds),
            ("GET", "v1", "refunds", ID): Route("refunds.fetch", self.get_own_refund),
        }

    def create_order(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        wanted = validation.order_request(fields.parse_json(request.body))
        parts = self._transfers.prepare(account, wanted.amount, wanted.currency, wanted.transfers)
        order = self._orders.create(account, wanted)
        shown = shapes.order(order)
        if parts:
            self._transfers.attach(order, parts)
            shown["transfers"] = [each.shown() for each in self._transfers.of_order(order)]
        return shapes.ok(shown)

    def list_orders(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        window, given = fields.window(request.query)
        receipt = given.get("receipt")
        ids = (
            self._state.orders.ids_of(account.key_id)
            if receipt is None
            else self._state.by_receipt.get((account.key_id, receipt), [])
        )
        return shapes.ok(shapes.collection([shapes.order(each) for each in page(ids, self._state.orders, window)]))

    def get_order(self, account: Account, request: Request, order_id: str, _second: str) -> Reply:
        order = self._state.orders.owned(account, order_id)
        shown = shapes.order(order)
        if b"transfers" in request.query:  # expand[]=transfers
            shown["transfers"] = shapes.collection([each.shown() for each in self._transfers.of_order(order)])
        return shapes.ok(shown)

    def list_order_payments(self, account: Account, request: Request, order_id: str, _second: str) -> Reply:
        return self._payment_list(self._state.orders.owned(account, order_id).payments, request)

    def list_payments(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        return self._payment_list(self._state.payments.ids_of(account.key_id), request)

    def get_payment(self, account: Account, request: Request, payment_id: str, _second: str) -> Reply:
        payment = self._state.payments.owned(account, payment_id)
        shown = shapes.payment(payment)
        if b"refunds" in request.query:  # expand[]=refunds; other expansions are tolerated
            shown["refunds"] = shapes.collection([shapes.refund(self._state.refunds[each]) for each in payment.refunds])
        return shapes.ok(shown)

    def capture(self, account: Account, request: Request, payment_id: str, _second: str) -> Reply:
        wanted = validation.capture_request(fields.parse_json(request.body))
        payment = self._state.payments.owned(account, payment_id)
        return shapes.ok(shapes.payment(self._payments.capture(payment, wanted)))

    def create_refund(self, account: Account, request: Request, payment_id: str, _second: str) -> Reply:
        body = fields.parse_json(request.body)
        key = validation.idempotency_key(request.headers.get(b"x-refund-idempotency"))
        idempotency = Idempotency(key, fingerprint(payment_id, body))
        refund = self._refunds.find_replay(account, idempotency)
        if refund is None:
            payment = self._state.payments.owned(account, payment_id)
            wanted = validation.refund_request(body, payment.currency)
            refund = self._refunds.create(account, payment, wanted, idempotency)
            if wanted.reverse_all:
                self._transfers.reverse_all(payment)
        return shapes.ok(shapes.refund(refund))

    def list_payment_refunds(self, account: Account, request: Request, payment_id: str, _second: str) -> Reply:
        return self._refund_list(self._state.payments.owned(account, payment_id).refunds, request)

    def list_refunds(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        return self._refund_list(self._state.refunds.ids_of(account.key_id), request)

    def get_refund(self, account: Account, _request: Request, payment_id: str, refund_id: str) -> Reply:
        payment = self._state.payments.owned(account, payment_id)
        return shapes.ok(shapes.refund(self._refunds.get(account, refund_id, payment)))

    def get_own_refund(self, account: Account, _request: Request, refund_id: str, _second: str) -> Reply:
        return shapes.ok(shapes.refund(self._refunds.get(account, refund_id)))

    def _payment_list(self, ids: Sequence[str], request: Request) -> Reply:
        window, _ = fields.window(request.query)
        return shapes.ok(shapes.collection([shapes.payment(p) for p in page(ids, self._state.payments, window)]))

    def _refund_list(self, ids: Sequence[str], request: Request) -> Reply:
        window, _ = fields.window(request.query)
        return shapes.ok(shapes.collection([shapes.refund(r) for r in page(ids, self._state.refunds, window)]))
