"""PayPal's webhooks: which event says what. A body is a snapshot at the time of the event."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from onerouter_sandbox.paypal import shapes
from onerouter_sandbox.paypal.ids import event_id
from onerouter_sandbox.paypal.signing import Signer
from onerouter_sandbox.paypal.state import NAME, Order, Payment, Refund, State
from onerouter_sandbox.world import World


@dataclass(frozen=True, slots=True)
class Event:
    """One event: about which object (`group`) of which app, made under which address (`base`)."""

    name: str
    account: str
    base: str
    group: str
    resource_type: str
    resource: dict[str, Any]
    version: str = "2.0"


class Webhooks:
    """Makes and signs events and owes them to the app's endpoint, if it has one."""

    def __init__(self, state: State, world: World, signer: Signer) -> None:
        self._state = state
        self._world = world
        self._signer = signer

    def approved(self, order: Order) -> None:
        self._about(order, "CHECKOUT.ORDER.APPROVED", "checkout-order", shapes.order(order, self._state))

    def approval_reversed(self, order: Order) -> None:
        unit = {name: value for name, value in order.unit.items() if name in ("custom_id", "invoice_id")}
        resource = {"order_id": order.id, "purchase_units": [{"reference_id": "default", **unit}]}
        self._about(order, "CHECKOUT.PAYMENT-APPROVAL.REVERSED", "payment-approval", resource)

    def payment(self, event: str, payment: Payment) -> None:
        """PAYMENT.AUTHORIZATION.* and PAYMENT.CAPTURE.* but refunds."""
        order = self._state.orders[payment.order_id]
        self._about(order, event, payment.kind, shapes.lone_payment(payment, order.base))

    def refund(self, event: str, refund: Refund, capture: Payment) -> None:
        order = self._state.orders[capture.order_id]
        self._about(order, event, "refund", shapes.refund(refund, order.base))

    def emit(self, event: Event) -> None:
        account = self._state.accounts.get(event.account)
        if account is None or account.webhook_url is None:
            return
        event_id_ = event_id()
        body = shapes.encode(
            {
                "id": event_id_,
                "event_version": "1.0",
                "create_time": shapes.moment(self._world.clocks.of(event.account).now()),
                "resource_type": event.resource_type,
                "resource_version": event.version,
                "event_type": event.name,
                "summary": f"{event.name} for {event.resource.get('id') or event.group}",
                "resource": event.resource,
                "links": [
                    {
                        "href": f"{event.base}/v1/notifications/webhooks-events/{event_id_}",
                        "rel": "self",
                        "method": "GET",
                    }
                ],
            }
        )
        signed = self._signer.headers(
            base=event.base, transmission_id=str(uuid4()), webhook_id=account.webhook_id, body=body
        )
        self._world.callbacks.emit(
            provider=NAME,
            account=account.client_id,
            event=event.name,
            event_id=event_id_,
            group=event.group,
            body=body,
            headers={"Content-Type": "application/json", "User-Agent": "PayPal/AUHR-214.0-58843536", **signed},
        )

    def _about(self, order: Order, event: str, resource_type: str, resource: dict[str, Any]) -> None:
        self.emit(Event(event, order.account, order.base, order.id, resource_type, resource))
