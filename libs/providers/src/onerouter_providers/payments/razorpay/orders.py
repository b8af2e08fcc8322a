"""Orders and the tries to pay them: what payments, refunds and transfers stand on."""

from collections.abc import Mapping
from typing import Any, Final

import structlog

from onerouter_common.errors import Conflict
from onerouter_providers.capability import PaymentReference, PaymentRequest, PaymentSnapshot
from onerouter_providers.payments.razorpay import mapping
from onerouter_providers.payments.razorpay.part import Part
from onerouter_providers.payments.razorpay.wire import segment

log = structlog.get_logger()

CAPTURED: Final = frozenset({"succeeded", "partially_refunded", "refunded"})


class Orders(Part):
    async def _find_order(self, request: PaymentRequest, deadline: float) -> Mapping[str, Any] | None:
        orders = await self._wire.page("payment.find", "/v1/orders", {"receipt": request.payment_id}, deadline)
        order = mapping.choose_order(orders, request)
        if order is None and orders:
            log.warning("razorpay.receipt_of_another_order", payment_id=request.payment_id, orders=len(orders))
        return order

    async def _snapshot(
        self, capability: str, order: Mapping[str, Any], deadline: float, *, preferred_id: str | None = None
    ) -> PaymentSnapshot:
        """The order as its payments tell it. They are not asked for where the order says that there are none."""
        key_id = self._wire.key_id
        if order.get("status") == "created" and not order.get("attempts"):
            return mapping.order_snapshot(order, key_id=key_id)
        path = f"/v1/orders/{segment(order.get('id'))}/payments"
        payment = mapping.choose_payment(await self._wire.page(capability, path, {}, deadline), preferred_id)
        if payment is None:
            return mapping.order_snapshot(order, key_id=key_id)
        return mapping.payment_snapshot(order, payment, key_id=key_id)

    async def _relevant(self, capability: str, reference: PaymentReference, deadline: float) -> PaymentSnapshot:
        """What became of the order so far. The order is asked even where a payment is known: it may not be the last try."""
        key_id = self._wire.key_id
        if reference.provider_order_id is None:
            path = f"/v1/payments/{segment(reference.provider_payment_id)}"
            return mapping.payment_snapshot(None, await self._wire.get(capability, path, deadline), key_id=key_id)
        path = f"/v1/orders/{segment(reference.provider_order_id)}/payments"
        tries = await self._wire.page(capability, path, {}, deadline)
        chosen = mapping.choose_payment(tries, reference.provider_payment_id)
        if chosen is None:
            return PaymentSnapshot(status="created", provider_order_id=reference.provider_order_id)
        return mapping.payment_snapshot(None, chosen, key_id=key_id)

    async def _captured_id(self, capability: str, reference: PaymentReference, deadline: float, *, what: str) -> str:
        """The captured payment. Raises Conflict where there is none; `what`: what is therefore impossible."""
        if reference.provider_payment_id is not None:
            return reference.provider_payment_id
        current = await self._relevant(capability, reference, deadline)
        if current.provider_payment_id is None or current.status not in CAPTURED:
            raise Conflict(f"No payment of this order is captured, so there is nothing to {what} ({current.status}).")
        return current.provider_payment_id
