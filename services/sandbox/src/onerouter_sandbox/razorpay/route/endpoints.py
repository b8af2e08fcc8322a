"""Route on the wire: linked accounts under /v2, transfers under /v1."""

from onerouter_sandbox.razorpay import fields
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.route.accounts import LinkedAccounts
from onerouter_sandbox.razorpay.route.transfers import Transfers
from onerouter_sandbox.razorpay.routing import ID, Idempotency, Route, Routes, fingerprint, page
from onerouter_sandbox.razorpay.shapes import collection, ok
from onerouter_sandbox.razorpay.state import State
from onerouter_sandbox.wire import Reply, Request


class Endpoints:
    def __init__(self, state: State, accounts: LinkedAccounts, transfers: Transfers) -> None:
        self._state = state
        self._accounts = accounts
        self._transfers = transfers

    def routes(self) -> Routes:
        linked = ("v2", "accounts", ID)
        return {
            ("POST", "v2", "accounts"): Route("accounts.create", self.create_account),
            ("GET", *linked): Route("accounts.fetch", self.get_account),
            ("PATCH", *linked): Route("accounts.edit", self.edit_account),
            ("POST", *linked, "stakeholders"): Route("stakeholders.create", self.add_stakeholder),
            ("GET", *linked, "stakeholders"): Route("stakeholders.list", self.list_stakeholders),
            ("GET", *linked, "stakeholders", ID): Route("stakeholders.fetch", self.get_stakeholder),
            ("PATCH", *linked, "stakeholders", ID): Route("stakeholders.edit", self.edit_stakeholder),
            ("POST", *linked, "products"): Route("products.create", self.request_product),
            ("GET", *linked, "products", ID): Route("products.fetch", self.get_product),
            ("PATCH", *linked, "products", ID): Route("products.edit", self.configure_product),
            ("POST", "v1", "payments", ID, "transfers"): Route("payments.transfer", self.transfer_payment),
            ("GET", "v1", "payments", ID, "transfers"): Route("payments.transfers", self.list_of_payment),
            ("POST", "v1", "transfers"): Route("transfers.create", self.transfer, b"x-transfer-idempotency"),
            ("GET", "v1", "transfers"): Route("transfers.list", self.list_transfers),
            ("GET", "v1", "transfers", ID): Route("transfers.fetch", self.get_transfer),
            ("PATCH", "v1", "transfers", ID): Route("transfers.edit", self.hold_transfer),
            ("POST", "v1", "transfers", ID, "reversals"): Route("transfers.reverse", self.reverse),
            ("GET", "v1", "transfers", ID, "reversals"): Route("transfers.reversals", self.list_reversals),
        }

    def create_account(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        return ok(self._accounts.create(account, fields.parse_json(request.body)).shown())

    def get_account(self, account: Account, _request: Request, linked_id: str, _second: str) -> Reply:
        return ok(self._accounts.owned(account, linked_id).shown())

    def edit_account(self, account: Account, request: Request, linked_id: str, _second: str) -> Reply:
        return ok(self._accounts.edit(account, linked_id, fields.parse_json(request.body)).shown())

    def add_stakeholder(self, account: Account, request: Request, linked_id: str, _second: str) -> Reply:
        return ok(self._accounts.add_stakeholder(account, linked_id, fields.parse_json(request.body)).shown())

    def list_stakeholders(self, account: Account, _request: Request, linked_id: str, _second: str) -> Reply:
        owner = self._accounts.stakeholders.get(self._accounts.owned(account, linked_id).stakeholder_id or "")
        return ok(collection([] if owner is None else [owner.shown()]))

    def get_stakeholder(self, account: Account, _request: Request, linked_id: str, stakeholder_id: str) -> Reply:
        accounts = self._accounts
        return ok(accounts.of_linked(account, linked_id, accounts.stakeholders, stakeholder_id).shown())

    def edit_stakeholder(self, account: Account, request: Request, linked_id: str, stakeholder_id: str) -> Reply:
        body = fields.parse_json(request.body)
        return ok(self._accounts.edit_stakeholder(account, linked_id, stakeholder_id, body).shown())

    def request_product(self, account: Account, request: Request, linked_id: str, _second: str) -> Reply:
        return ok(self._accounts.request_product(account, linked_id, fields.parse_json(request.body)).shown())

    def get_product(self, account: Account, _request: Request, linked_id: str, product_id: str) -> Reply:
        accounts = self._accounts
        return ok(accounts.of_linked(account, linked_id, accounts.products, product_id).shown())

    def configure_product(self, account: Account, request: Request, linked_id: str, product_id: str) -> Reply:
        body = fields.parse_json(request.body)
        return ok(self._accounts.configure(account, linked_id, product_id, body).shown())

    def transfer_payment(self, account: Account, request: Request, payment_id: str, _second: str) -> Reply:
        payment = self._state.payments.owned(account, payment_id)
        made = self._transfers.create_of_payment(account, payment, fields.parse_json(request.body))
        reply = ok(collection([each.shown() for each in made]))  # pending: Razorpay settles after it has answered
        for transfer in made:
            self._transfers.start(transfer)
        return reply

    def list_of_payment(self, account: Account, request: Request, payment_id: str, _second: str) -> Reply:
        payment = self._state.payments.owned(account, payment_id)
        window, _ = fields.window(request.query)
        found = page(self._transfers.of_payment(payment), self._transfers.transfers, window)
        return ok(collection([each.shown() for each in found]))

    def transfer(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        body = fields.parse_json(request.body)
        key = request.headers.get(b"x-transfer-idempotency")
        idempotency = Idempotency(None if key is None else key.decode("latin-1"), fingerprint(body))
        transfer = self._transfers.create_direct(account, body, idempotency)
        self._transfers.start(transfer)
        return ok(transfer.shown())

    def list_transfers(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        window, _ = fields.window(request.query)
        found = page(self._transfers.transfers.ids_of(account.key_id), self._transfers.transfers, window)
        return ok(collection([each.shown() for each in found]))

    def get_transfer(self, account: Account, _request: Request, transfer_id: str, _second: str) -> Reply:
        return ok(self._transfers.transfers.owned(account, transfer_id).shown())

    def hold_transfer(self, account: Account, request: Request, transfer_id: str, _second: str) -> Reply:
        transfer = self._transfers.transfers.owned(account, transfer_id)
        return ok(self._transfers.hold(transfer, fields.parse_json(request.body)).shown())

    def reverse(self, account: Account, request: Request, transfer_id: str, _second: str) -> Reply:
        transfer = self._transfers.transfers.owned(account, transfer_id)
        return ok(self._transfers.reverse(transfer, fields.parse_json(request.body)).shown())

    def list_reversals(self, account: Account, request: Request, transfer_id: str, _second: str) -> Reply:
        transfer = self._transfers.transfers.owned(account, transfer_id)
        window, _ = fields.window(request.query)
        found = page(self._transfers.reversals_of(transfer), self._transfers.reversals, window)
        return ok(collection([each.shown() for each in found]))
