"""Razorpay's webhooks: which event says what, and how it is signed.

A body is a snapshot at the time of the event. The event id travels in a header only.
"""

from typing import Any

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.razorpay import shapes
from onerouter_sandbox.razorpay.shelf import NAME
from onerouter_sandbox.razorpay.state import Order, Payment, Refund, State
from onerouter_sandbox.world import World


class Webhooks:
    """Makes and signs events and owes them to the account's endpoint, if it has one."""

    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world

    def payment(self, event: str, payment: Payment) -> None:
        """payment.authorized, payment.captured, payment.failed."""
        self.emit(event, payment.account, payment.order_id, {"payment": shapes.payment(payment)})

    def order_paid(self, order: Order, payment: Payment) -> None:
        entities = {"payment": shapes.payment(payment), "order": shapes.order(order)}
        self.emit("order.paid", order.account, order.id, entities)

    def refund(self, event: str, refund: Refund, payment: Payment) -> None:
        """refund.created, refund.processed, refund.failed."""
        entities = {"refund": shapes.refund(refund), "payment": shapes.payment(payment)}
        self.emit(event, refund.account, refund.id, entities)

    def emit(
        self,
        event: str,
        key_id: str,
        group: str,
        entities: dict[str, dict[str, Any]],
        *,
        concerns: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Owe one event. `concerns` is the account that it names where that is not the merchant's own (a linked one);
        `data` stands beside the entities in those events that have it.
        """
        account = self._state.accounts.get(key_id)
        if account is None or account.webhook_url is None:
            return
        body = shapes.encode(
            {
                "entity": "event",
                "account_id": concerns or account.account_id,
                "event": event,
                "contains": list(entities),
                "payload": {name: {"entity": entity} | (data or {}) for name, entity in entities.items()},
                "created_at": int(self._world.clocks.of(key_id).now()),
            }
        )
        event_id = random_id("")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Razorpay-Webhook/v1",
            "x-razorpay-event-id": event_id,
            "X-Razorpay-Signature": shapes.signature(account.webhook_secret or "", body),
        }
        self._world.callbacks.emit(
            provider=NAME,
            account=key_id,
            event=event,
            event_id=event_id,
            group=group,
            body=body,
            headers=headers,
        )
