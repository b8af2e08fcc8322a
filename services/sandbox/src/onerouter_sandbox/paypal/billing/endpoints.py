"""Products, plans and subscriptions: path → handler. PayPal knows their request ids for 72 hours; a change has none."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from onerouter_sandbox.paypal.billing import shapes, validation
from onerouter_sandbox.paypal.billing.catalog import Catalog
from onerouter_sandbox.paypal.billing.state import Books, Subscription
from onerouter_sandbox.paypal.billing.subscriptions import Subscriptions
from onerouter_sandbox.paypal.fields import Fields
from onerouter_sandbox.paypal.listing import Listing, parse_listing
from onerouter_sandbox.paypal.routing import DAY, Asked, Repeats, Route, Table
from onerouter_sandbox.paypal.shapes import NO_CONTENT, answer, link
from onerouter_sandbox.paypal.validation import parse_json
from onerouter_sandbox.wire import Reply

KEPT_S: Final = 3 * DAY
_PLAN_MINIMAL: Final = ("id", "product_id", "name", "status", "description", "create_time", "links")


class Endpoints:
    def __init__(self, books: Books, repeats: Repeats, catalog: Catalog, subscriptions: Subscriptions) -> None:
        self._books = books
        self._repeats = repeats
        self._catalog = catalog
        self._subscriptions = subscriptions

    @property
    def routes(self) -> Table:
        one = "v1/billing/subscriptions/:id"
        return {
            "POST v1/catalogs/products": Route("products.create", self.create_product),
            "GET v1/catalogs/products": Route("products.list", self.list_products),
            "GET v1/catalogs/products/:id": Route("products.get", self.get_product),
            "POST v1/billing/plans": Route("plans.create", self.create_plan),
            "GET v1/billing/plans": Route("plans.list", self.list_plans),
            "GET v1/billing/plans/:id": Route("plans.get", self.get_plan),
            "POST v1/billing/plans/:id/activate": Route("plans.activate", self.activate_plan),
            "POST v1/billing/plans/:id/deactivate": Route("plans.deactivate", self.deactivate_plan),
            "POST v1/billing/subscriptions": Route("subscriptions.create", self.create),
            "GET v1/billing/subscriptions": Route("subscriptions.list", self.list),
            f"GET {one}": Route("subscriptions.get", self.get),
            f"GET {one}/transactions": Route("subscriptions.transactions", self.transactions),
            f"POST {one}/activate": Route("subscriptions.activate", self.activate),
            f"POST {one}/suspend": Route("subscriptions.suspend", self.suspend),
            f"POST {one}/cancel": Route("subscriptions.cancel", self.cancel),
            f"POST {one}/revise": Route("subscriptions.revise", self.revise),
            f"POST {one}/capture": Route("subscriptions.capture", self.capture),
        }

    def create_product(self, asked: Asked) -> Reply:
        body = parse_json(asked.request.body, "products.create")

        def make() -> str:
            facts = validation.product_request(body)
            key = asked.request_id("products.create")
            return self._catalog.create_product(asked.account, facts, asked.base, key).id

        def show(product_id: str) -> dict[str, Any]:
            return shapes.product(self._catalog.product(asked.account, product_id))

        minimal = ("id", "name", "description", "create_time", "links")
        return self._repeats.once("products.create", asked, KEPT_S, make, show, minimal=minimal)

    def list_products(self, asked: Asked) -> Reply:
        listing = parse_listing(asked, "products.list", most=20)
        shown = [shapes.product(one) for one in self._books.products.of(asked.account)]
        brief = ("id", "name", "description", "create_time", "links")
        return _listed(asked, listing, "products", [_only(one, brief) for one in shown])

    def get_product(self, asked: Asked) -> Reply:
        return answer(200, shapes.product(self._catalog.product(asked.account, asked.id)))

    def create_plan(self, asked: Asked) -> Reply:
        body = parse_json(asked.request.body, "plans.create")

        def make() -> str:
            request = validation.plan_request(body)
            return self._catalog.create_plan(asked.account, request, asked.base, asked.request_id("plans.create")).id

        def show(plan_id: str) -> dict[str, Any]:
            return shapes.plan(self._catalog.plan(asked.account, plan_id))

        return self._repeats.once("plans.create", asked, KEPT_S, make, show, minimal=_PLAN_MINIMAL)

    def list_plans(self, asked: Asked) -> Reply:
        listing = parse_listing(asked, "plans.list", most=20)
        product_id, ids = asked.query.get("product_id"), _words(asked, "plan_ids")
        found = [
            shapes.plan(one)
            for one in self._books.plans.of(asked.account)
            if product_id in (None, one.product_id) and (not ids or one.id in ids)
        ]
        if not asked.wants_all:
            found = [_only(one, _PLAN_MINIMAL) for one in found]
        return _listed(asked, listing, "plans", found)

    def get_plan(self, asked: Asked) -> Reply:
        return answer(200, shapes.plan(self._catalog.plan(asked.account, asked.id)))

    def activate_plan(self, asked: Asked) -> Reply:
        self._catalog.activate(self._catalog.plan(asked.account, asked.id))
        return NO_CONTENT

    def deactivate_plan(self, asked: Asked) -> Reply:
        self._catalog.deactivate(self._catalog.plan(asked.account, asked.id))
        return NO_CONTENT

    def create(self, asked: Asked) -> Reply:
        body = parse_json(asked.request.body, "subscriptions.create")

        def make() -> str:
            request = validation.subscription_request(body, self._subscriptions.now(asked.account))
            return self._subscriptions.create(asked.account, request, asked.base).id

        def show(subscription_id: str) -> dict[str, Any]:
            return shapes.subscription(self._subscriptions.get(asked.account, subscription_id))

        minimal = ("id", "status", "create_time", "links")
        return self._repeats.once("subscriptions.create", asked, KEPT_S, make, show, minimal=minimal)

    def list(self, asked: Asked) -> Reply:
        """Newer than the OpenAPI file of 2024: the names of its filters are those of the official SDK."""
        listing = parse_listing(asked, "subscriptions.list", most=20)
        query = Fields(asked.query, "subscriptions.list")
        after, before = query.moment("created_after"), query.moment("created_before")
        plans, statuses = _words(asked, "plan_ids"), _words(asked, "statuses")
        found = [
            shapes.subscription(one)
            for one in self._books.subscriptions.of(asked.account)
            if (not plans or one.plan_id in plans)
            and (not statuses or one.status in statuses)
            and (after is None or int(one.created_at) >= after)
            and (before is None or int(one.created_at) <= before)
        ]
        return _listed(asked, listing, "subscriptions", found)

    def get(self, asked: Asked) -> Reply:
        subscription = self._subscriptions.get(asked.account, asked.id)
        plan = self._books.plans.get(subscription.plan_id)
        return answer(200, shapes.subscription(subscription, _words(asked, "fields"), plan))

    def transactions(self, asked: Asked) -> Reply:
        subscription = self._subscriptions.get(asked.account, asked.id)
        query = Fields(asked.query, "subscriptions.transactions")
        query.need("start_time", "end_time")
        first, last = query.moment("start_time") or 0.0, query.moment("end_time") or 0.0
        found = [
            shapes.transaction(sale, subscription)
            for sale in self._books.sales.of(asked.account)
            if sale.subscription_id == subscription.id and first <= int(sale.at) <= last
        ]
        here = f"{asked.base}/v1/billing/subscriptions/{subscription.id}/transactions"
        shown = {"transactions": found, "total_items": len(found), "total_pages": 1, "links": [link(here, "self")]}
        return answer(200, shown)

    def activate(self, asked: Asked) -> Reply:
        return self._changed(asked, "activate", self._subscriptions.activate)

    def suspend(self, asked: Asked) -> Reply:
        return self._changed(asked, "suspend", self._subscriptions.suspend)

    def cancel(self, asked: Asked) -> Reply:
        return self._changed(asked, "cancel", self._subscriptions.cancel)

    def revise(self, asked: Asked) -> Reply:
        body = parse_json(asked.request.body, "subscriptions.revise")
        subscription = self._subscriptions.get(asked.account, asked.id, "subscriptions.revise")
        revision = self._subscriptions.revise(asked.account, subscription, body)
        return answer(200, shapes.revision(subscription, revision))

    def capture(self, asked: Asked) -> Reply:
        body = parse_json(asked.request.body, "subscriptions.capture")
        subscription = self._subscriptions.get(asked.account, asked.id)
        key = asked.request_id("subscriptions.capture")

        def make() -> str:
            return self._subscriptions.capture(subscription, body, key).id

        def show(sale_id: str) -> dict[str, Any]:
            sale = self._books.sales.get(sale_id)
            return {} if sale is None else shapes.transaction(sale, subscription)

        return self._repeats.once("subscriptions.capture", asked, KEPT_S, make, show, minimal=None, status=200)

    def _changed(self, asked: Asked, act: str, change: Callable[[Subscription, str | None], None]) -> Reply:
        operation = f"subscriptions.{act}"
        body = parse_json(asked.request.body, operation)
        subscription = self._subscriptions.get(asked.account, asked.id)
        change(subscription, validation.reason(body, operation, needed=act != "activate"))
        return NO_CONTENT


def _words(asked: Asked, name: str) -> Sequence[str]:
    return [word for word in asked.query.get(name, "").split(",") if word]


def _only(shown: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: shown[name] for name in names if name in shown}


def _listed(asked: Asked, listing: Listing, name: str, found: Sequence[dict[str, Any]]) -> Reply:
    here = f"{asked.base}{asked.request.path.removeprefix('/paypal')}"
    return answer(200, listing.page(name, found, here))
