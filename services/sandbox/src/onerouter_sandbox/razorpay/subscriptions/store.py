"""What all who work on subscriptions share: the shelves, time, the ledger, callbacks."""

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay import fields, shapes
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.books import Books
from onerouter_sandbox.razorpay.callbacks import Webhooks
from onerouter_sandbox.razorpay.shelf import Shelf
from onerouter_sandbox.razorpay.state import Payment
from onerouter_sandbox.razorpay.subscriptions import shapes as own_shapes
from onerouter_sandbox.razorpay.subscriptions.model import Plan, Subscription
from onerouter_sandbox.razorpay.subscriptions.requests import PlanRequest
from onerouter_sandbox.world import World


class Store:
    def __init__(self, world: World, webhooks: Webhooks) -> None:
        self._world = world
        self._books = Books(world)
        self._webhooks = webhooks
        self.plans = Shelf(world.journal, "plan", Plan)
        self.subscriptions = Shelf(world.journal, "subscription", Subscription)

    def now(self, key_id: str) -> int:
        return int(self._world.clocks.of(key_id).now())

    def create_plan(self, account: Account, request: PlanRequest) -> Plan:
        plan = Plan(
            id=random_id("plan_"),
            account=account.key_id,
            item_id=random_id("item_"),
            period=request.period,
            interval=request.interval,
            name=request.name,
            description=request.description,
            amount=request.amount,
            currency=request.currency,
            notes=request.notes,
            created_at=self.now(account.key_id),
        )
        self.plans.add(plan)
        self._books.record(
            plan.account,
            "plan.created",
            fields.reference(plan.notes),
            plan.id,
            amount=plan.amount,
            currency=plan.currency,
        )
        return plan

    def plan_of(self, subscription: Subscription) -> Plan:
        return self.plans[subscription.plan_id]

    def record(self, subscription: Subscription, kind: str) -> None:
        plan = self.plan_of(subscription)
        self._books.record(
            subscription.account,
            f"subscription.{kind}",
            fields.reference(subscription.notes),
            subscription.id,
            amount=plan.amount * subscription.quantity,
            currency=plan.currency,
        )

    def tell(self, event: str, subscription: Subscription, payment: Payment | None = None) -> None:
        entities = {"subscription": own_shapes.entity(subscription, self.plan_of(subscription))}
        if payment is not None:
            entities["payment"] = shapes.payment(payment)
        self._webhooks.emit(f"subscription.{event}", subscription.account, subscription.id, entities)
