"""Customers on the wire."""

from onerouter_sandbox.razorpay import fields, shapes
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.customers.operations import Customers
from onerouter_sandbox.razorpay.customers.recurring import Recurring
from onerouter_sandbox.razorpay.errors import no_such_url
from onerouter_sandbox.razorpay.routing import ID, Route, Routes, cut, page
from onerouter_sandbox.wire import Reply, Request


class Endpoints:
    def __init__(self, customers: Customers, recurring: Recurring) -> None:
        self._customers = customers
        self._recurring = recurring

    def routes(self) -> Routes:
        return {
            ("POST", "v1", "customers"): Route("customers.create", self.create),
            ("GET", "v1", "customers"): Route("customers.list", self.list_all),
            ("GET", "v1", "customers", ID): Route("customers.fetch", self.get),
            ("PUT", "v1", "customers", ID): Route("customers.edit", self.edit),
            ("GET", "v1", "customers", ID, "tokens"): Route("tokens.list", self.list_tokens),
            ("GET", "v1", "customers", ID, "tokens", ID): Route("tokens.fetch", self.get_token),
            ("DELETE", "v1", "customers", ID, "tokens", ID): Route("tokens.delete", self.delete_token),
            ("POST", "v1", "payments", ID, "recurring"): Route("payments.create_recurring", self.charge_token),
        }

    def create(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        return shapes.ok(self._customers.create(account, fields.parse_json(request.body)).shown())

    def list_all(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        window, _ = fields.window(request.query)
        found = page(self._customers.customers.ids_of(account.key_id), self._customers.customers, window)
        return shapes.ok(shapes.collection([each.shown() for each in found]))

    def get(self, account: Account, _request: Request, customer_id: str, _second: str) -> Reply:
        return shapes.ok(self._customers.customers.owned(account, customer_id).shown())

    def edit(self, account: Account, request: Request, customer_id: str, _second: str) -> Reply:
        return shapes.ok(self._customers.edit(account, customer_id, fields.parse_json(request.body)).shown())

    def list_tokens(self, account: Account, request: Request, customer_id: str, _second: str) -> Reply:
        window, _ = fields.window(request.query)
        tokens = self._customers.tokens_of(self._customers.customers.owned(account, customer_id))
        return shapes.ok(shapes.collection([each.shown() for each in cut(reversed(tokens), window)]))

    def get_token(self, account: Account, _request: Request, customer_id: str, token_id: str) -> Reply:
        return shapes.ok(self._customers.token(account, customer_id, token_id).shown())

    def delete_token(self, account: Account, _request: Request, customer_id: str, token_id: str) -> Reply:
        self._customers.detach(self._customers.token(account, customer_id, token_id))
        return shapes.ok({"deleted": True})

    def charge_token(self, account: Account, request: Request, create: str, _second: str) -> Reply:
        if create != "create":  # the path is /payments/create/recurring: no payment has this resource
            raise no_such_url(404)
        return shapes.ok(self._recurring.charge(account, fields.parse_json(request.body)))
