"""PayPal's refunds, of an order's capture."""

from collections.abc import Mapping
from typing import Any

from onerouter_common.errors import Conflict, ProviderDeclined, ProviderRefusedUs
from onerouter_providers.capability import PaymentReference, RefundRequest, RefundSnapshot
from onerouter_providers.payments.paypal import mapping, requests
from onerouter_providers.payments.paypal.orders import CAPTURED, MAYBE_BECAUSE_OF_US, Orders
from onerouter_providers.payments.paypal.part import after_refusal
from onerouter_providers.payments.paypal.wire import segment, strange


class Refunds(Orders):
    """Refunds of a `PaymentProvider`."""

    async def create_refund(self, request: RefundRequest, *, key: str) -> RefundSnapshot:
        """Of the capture. Made already under our refund id: that is the answer, also after PayPal forgot the key."""
        if request.payment.of_subscription:
            return await self.refund_sale(request, key=key)
        body = requests.refund_body(request)
        deadline = self._wire.deadline()
        order = await self._order_of("refund.create", request.payment, deadline)
        made = mapping.find_refund(order, request.refund_id)
        if made is not None:
            return mapping.refund_snapshot(made)
        path = f"/v2/payments/captures/{segment(_captured_id(order))}/refund"
        try:
            refund = await self._wire.post("refund.create", path, body, deadline, key=key)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in MAYBE_BECAUSE_OF_US:
                raise
            order = await after_refusal(self._order("refund.create", str(order.get("id")), deadline), refused)
            made = mapping.find_refund(order, request.refund_id)
            if made is None:
                raise
            return mapping.refund_snapshot(made)
        if not refund.get("id"):
            raise strange("refund.create", "a refund without an id")
        return mapping.refund_snapshot(refund)

    async def find_refund(self, request: RefundRequest) -> RefundSnapshot | None:
        if request.payment.of_subscription:
            await self.find_sale_refund(request)
            return None
        order = await self._order_of("refund.find", request.payment, self._wire.deadline())
        found = mapping.find_refund(order, request.refund_id)
        return None if found is None else mapping.refund_snapshot(found)

    async def get_refund(self, payment: PaymentReference, provider_refund_id: str) -> RefundSnapshot:
        if payment.of_subscription:
            return await self.get_sale_refund(provider_refund_id)
        path = f"/v2/payments/refunds/{segment(provider_refund_id)}"
        return mapping.refund_snapshot(await self._wire.get("refund.get", path, self._wire.deadline()))


def _captured_id(order: Mapping[str, Any]) -> str:
    capture = mapping.choose_capture(order)
    shown = None if capture is None else mapping.capture_snapshot(capture)
    if shown is None or shown.status not in CAPTURED or shown.provider_payment_id is None:
        status = "nothing was captured" if shown is None else shown.status
        raise Conflict(f"This payment is not captured, so there is nothing to refund ({status}).")
    return shown.provider_payment_id
