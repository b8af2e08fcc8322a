"""Orders: made by the merchant's server, paid by the customer in Checkout."""

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.errors import refused
from onerouter_sandbox.razorpay.shelf import NAME
from onerouter_sandbox.razorpay.state import Order, State
from onerouter_sandbox.razorpay.validation import OrderRequest
from onerouter_sandbox.world import World


class Orders:
    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world

    def create(self, account: Account, request: OrderRequest) -> Order:
        """A new order, or with `unique_receipt` what this account does about a receipt that was used before."""
        if request.unique_receipt:
            earlier = self._earlier(account, request)
            if earlier is not None:
                return earlier
        now = self._world.clocks.of(account.key_id).now()
        order = Order(
            id=random_id("order_"),
            account=account.key_id,
            amount=request.amount,
            currency=request.currency,
            receipt=request.receipt,
            notes=request.notes,
            auto_capture=account.auto_capture if request.auto_capture is None else request.auto_capture,
            created_at=int(now),
        )
        self._state.add_order(order)
        self._world.ledger.record(
            provider=NAME,
            account=account.key_id,
            kind="order.created",
            reference=order.receipt,
            object_id=order.id,
            amount=order.amount,
            currency=order.currency,
            at=now,
        )
        return order

    def _earlier(self, account: Account, request: OrderRequest) -> Order | None:
        """Razorpay documents two behaviours, and accounts without the feature show a third."""
        if account.unique_receipt == "unsupported":
            raise refused(
                "unique_receipt is/are not required and should not be sent",
                field="unique_receipt",
                reason="extra_field_sent",
            )
        earlier = self._state.by_receipt.get((account.key_id, request.receipt or ""))
        if not earlier or request.receipt is None:
            return None
        order = self._state.orders[earlier[0]]
        same = (order.amount, order.currency) == (request.amount, request.currency)
        if account.unique_receipt == "refused" or not same:
            raise refused("Order receipt should be unique.", field="receipt")
        return order
