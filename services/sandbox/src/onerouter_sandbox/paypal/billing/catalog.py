"""Products and plans: made by the merchant's server, a plan switched on and off."""

from onerouter_sandbox.paypal import ids
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.billing.state import Books, Plan, Product
from onerouter_sandbox.paypal.billing.validation import PRODUCTS, PlanRequest
from onerouter_sandbox.paypal.errors import no_such_resource, unprocessable
from onerouter_sandbox.paypal.state import NAME
from onerouter_sandbox.world import World


class Catalog:
    def __init__(self, books: Books, world: World) -> None:
        self._books = books
        self._world = world

    def create_product(self, account: Account, facts: dict[str, str], base: str, reference: str | None) -> Product:
        own = facts.pop("id", None)
        if own is not None and self._books.products.get(own) is not None:
            raise unprocessable("DUPLICATE_RESOURCE_IDENTIFIER", "/id", PRODUCTS)
        product = Product(own or ids.product_id(), account.client_id, base, facts, self._now(account))
        self._books.products.put(product)
        self._record("product.created", account, own or reference or facts["name"], product.id)
        return product

    def create_plan(self, account: Account, request: PlanRequest, base: str, reference: str | None) -> Plan:
        """Its effect is known by the request id, or by its name: a plan has no field for the merchant's own id."""
        if self._books.products.owned(account, request.product_id) is None:
            raise no_such_resource("product_id")
        now = self._now(account)
        plan = Plan(
            id=ids.plan_id(),
            account=account.client_id,
            base=base,
            product_id=request.product_id,
            name=request.name,
            description=request.description,
            status=request.status,
            quantity_supported=request.quantity_supported,
            terms=request.terms,
            created_at=now,
            updated_at=now,
        )
        self._books.plans.put(plan)
        self._record("plan.created", account, reference or plan.name, plan.id)
        return plan

    def product(self, account: Account, product_id: str) -> Product:
        product = self._books.products.owned(account, product_id)
        if product is None:
            raise no_such_resource("product_id")
        return product

    def plan(self, account: Account, plan_id: str, operation: str = "plans.get") -> Plan:
        plan = self._books.plans.owned(account, plan_id)
        if plan is None:
            raise no_such_resource("id", operation)
        return plan

    def activate(self, plan: Plan) -> None:
        if plan.status == "ACTIVE":
            raise unprocessable("PLAN_STATUS_INVALID", None, "plans.activate")
        self._change(plan, "ACTIVE")

    def deactivate(self, plan: Plan) -> None:
        """Subscriptions to it go on."""
        if plan.status != "ACTIVE":
            raise unprocessable("PLAN_STATUS_INVALID", None, "plans.deactivate")
        self._change(plan, "INACTIVE")

    def require_active(self, account: Account, plan_id: str, operation: str, *, quantity: int | None) -> Plan:
        """The plan that a subscription is made of or changed to."""
        plan = self.plan(account, plan_id, operation)
        if plan.status != "ACTIVE":
            raise unprocessable("PLAN_STATUS_INVALID", "/plan_id", operation)
        if quantity is not None and not plan.quantity_supported:
            raise unprocessable("SUBSCRIPTION_CANNOT_HAVE_QUANTITY", "/quantity", operation)
        return plan

    def _change(self, plan: Plan, status: str) -> None:
        plan.status = status
        plan.updated_at = self._world.clocks.of(plan.account).now()
        self._books.plans.changed(plan)

    def _now(self, account: Account) -> float:
        return self._world.clocks.of(account.client_id).now()

    def _record(self, kind: str, account: Account, reference: str, object_id: str) -> None:
        self._world.ledger.record(
            provider=NAME,
            account=account.client_id,
            kind=kind,
            reference=reference,
            object_id=object_id,
            amount=0,
            currency="",
            at=self._now(account),
        )
