"""Plans, subscriptions and invoices on the wire."""

from onerouter_sandbox.razorpay import fields
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.routing import ID, Route, Routes, base_url, only_now, page
from onerouter_sandbox.razorpay.shapes import collection, ok
from onerouter_sandbox.razorpay.subscriptions import shapes
from onerouter_sandbox.razorpay.subscriptions.billing import Billing
from onerouter_sandbox.razorpay.subscriptions.changes import Changes
from onerouter_sandbox.razorpay.subscriptions.lifecycle import Lifecycle
from onerouter_sandbox.razorpay.subscriptions.model import Subscription
from onerouter_sandbox.razorpay.subscriptions.requests import plan_request, subscription_request, subscription_update
from onerouter_sandbox.razorpay.subscriptions.store import Store
from onerouter_sandbox.wire import Reply, Request


class Endpoints:
    def __init__(self, store: Store, billing: Billing, lifecycle: Lifecycle, changes: Changes) -> None:
        self._store = store
        self._billing = billing
        self._lifecycle = lifecycle
        self._changes = changes

    def routes(self) -> Routes:
        one = ("v1", "subscriptions", ID)
        return {
            ("POST", "v1", "plans"): Route("plans.create", self.create_plan),
            ("GET", "v1", "plans"): Route("plans.list", self.list_plans),
            ("GET", "v1", "plans", ID): Route("plans.fetch", self.get_plan),
            ("POST", "v1", "subscriptions"): Route("subscriptions.create", self.create),
            ("GET", "v1", "subscriptions"): Route("subscriptions.list", self.list_all),
            ("GET", *one): Route("subscriptions.fetch", self.get),
            ("PATCH", *one): Route("subscriptions.update", self.update),
            ("POST", *one, "cancel"): Route("subscriptions.cancel", self.cancel),
            ("POST", *one, "pause"): Route("subscriptions.pause", self.pause),
            ("POST", *one, "resume"): Route("subscriptions.resume", self.resume),
            ("GET", *one, "retrieve_scheduled_changes"): Route("subscriptions.scheduled_changes", self.get_pending),
            ("POST", *one, "cancel_scheduled_changes"): Route(
                "subscriptions.cancel_scheduled_changes", self.cancel_pending
            ),
            ("GET", "v1", "invoices"): Route("invoices.list", self.list_invoices),
            ("GET", "v1", "invoices", ID): Route("invoices.fetch", self.get_invoice),
        }

    def create_plan(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        return ok(shapes.plan(self._store.create_plan(account, plan_request(fields.parse_json(request.body)))))

    def list_plans(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        window, _ = fields.window(request.query)
        found = page(self._store.plans.ids_of(account.key_id), self._store.plans, window)
        return ok(collection([shapes.plan(each) for each in found]))

    def get_plan(self, account: Account, _request: Request, plan_id: str, _second: str) -> Reply:
        return ok(shapes.plan(self._store.plans.owned(account, plan_id)))

    def create(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        body = fields.parse_json(request.body)
        plan = self._store.plans.owned(account, fields.needed(body, "plan_id"))
        wanted = subscription_request(body, plan, self._store.now(account.key_id))
        return self._reply(self._lifecycle.create(account, plan, wanted, f"{base_url(request)}/razorpay/subscriptions"))

    def list_all(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        window, given = fields.window(request.query)
        plan_id = given.get("plan_id")
        shelf = self._store.subscriptions
        ids = [each for each in shelf.ids_of(account.key_id) if plan_id in (None, shelf[each].plan_id)]
        found = page(ids, shelf, window)
        return ok(collection([shapes.shown(each, self._store.plan_of(each)) for each in found]))

    def get(self, account: Account, _request: Request, subscription_id: str, _second: str) -> Reply:
        return self._reply(self._owned(account, subscription_id))

    def update(self, account: Account, request: Request, subscription_id: str, _second: str) -> Reply:
        subscription = self._owned(account, subscription_id)
        wanted = subscription_update(fields.parse_json(request.body), self._store.now(account.key_id))
        self._changes.update(account, subscription, wanted)
        return self._reply(subscription)

    def cancel(self, account: Account, request: Request, subscription_id: str, _second: str) -> Reply:
        subscription = self._owned(account, subscription_id)
        body = fields.parse_json(request.body)
        fields.only(body, frozenset({"cancel_at_cycle_end"}))
        self._lifecycle.cancel(subscription, at_cycle_end=fields.flag(body, "cancel_at_cycle_end") or False)
        return self._reply(subscription)

    def pause(self, account: Account, request: Request, subscription_id: str, _second: str) -> Reply:
        subscription = self._owned(account, subscription_id)
        only_now(fields.parse_json(request.body), "pause_at")
        self._lifecycle.pause(subscription)
        return self._reply(subscription)

    def resume(self, account: Account, request: Request, subscription_id: str, _second: str) -> Reply:
        subscription = self._owned(account, subscription_id)
        only_now(fields.parse_json(request.body), "resume_at")
        self._lifecycle.resume(subscription)
        return self._reply(subscription)

    def get_pending(self, account: Account, _request: Request, subscription_id: str, _second: str) -> Reply:
        return self._reply(self._changes.pending(self._owned(account, subscription_id)))

    def cancel_pending(self, account: Account, _request: Request, subscription_id: str, _second: str) -> Reply:
        subscription = self._owned(account, subscription_id)
        self._changes.cancel_pending(subscription)
        return self._reply(subscription)

    def list_invoices(self, account: Account, request: Request, _first: str, _second: str) -> Reply:
        window, given = fields.window(request.query)
        subscription_id = given.get("subscription_id")
        ids = self._billing.invoices.ids_of(account.key_id)
        if subscription_id is not None:
            ids = self._owned(account, subscription_id).invoices
        found = page(ids, self._billing.invoices, window)
        return ok(collection([self._billing.shown(each) for each in found]))

    def get_invoice(self, account: Account, _request: Request, invoice_id: str, _second: str) -> Reply:
        return ok(self._billing.shown(self._billing.invoices.owned(account, invoice_id)))

    def _owned(self, account: Account, subscription_id: str) -> Subscription:
        return self._store.subscriptions.owned(account, subscription_id)

    def _reply(self, subscription: Subscription) -> Reply:
        return ok(shapes.shown(subscription, self._store.plan_of(subscription)))
