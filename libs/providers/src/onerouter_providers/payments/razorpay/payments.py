"""Payments: an order, which the customer pays in Checkout, and its capture."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.capability import CaptureRequest, PaymentReference, PaymentRequest, PaymentSnapshot
from onerouter_providers.payments.razorpay import checkout, mapping
from onerouter_providers.payments.razorpay.errors import PROVIDER
from onerouter_providers.payments.razorpay.orders import CAPTURED, Orders
from onerouter_providers.payments.razorpay.wire import Wire, segment, strange

NO_CANCEL: Final = (
    "Razorpay has no void call: an order that nobody paid just stops being used, an authorized payment is refunded by "
    "Razorpay when it is not captured in time, a captured one can be refunded."
)


class Payments(Orders):
    def __init__(self, wire: Wire, now: Callable[[], float], *, unique_receipt: bool) -> None:
        super().__init__(wire, now)
        self._unique_receipt = unique_receipt

    async def create_payment(self, request: PaymentRequest, *, key: str) -> PaymentSnapshot:  # noqa: ARG002 - no header
        """An order. Its receipt is our payment id, by which `find_payment` finds it again."""
        checkout.check(request)
        body = mapping.order_body(request, unique_receipt=self._unique_receipt)
        deadline = self._wire.deadline()
        try:
            order = await self._wire.post("payment.create", "/v1/orders", body, deadline)
        except ProviderRefusedUs as refused:
            if refused.reason != "duplicate":
                raise
            # An earlier try of ours got through: that order is the answer, if it is what we ask for.
            found = await self._find_made(request, deadline)
            if found is None:
                raise
            return found
        if mapping.choose_order([order], request) is None or not order.get("id"):
            raise strange("payment.create", "an order that is not the one asked for", effect=True)
        return _preferring(request, mapping.order_snapshot(order, key_id=self._wire.key_id))

    async def find_payment(self, request: PaymentRequest) -> PaymentSnapshot | None:
        deadline = self._wire.deadline()
        order = await self._find_order(request, deadline)
        return None if order is None else _preferring(request, await self._snapshot("payment.find", order, deadline))

    async def get_payment(self, reference: PaymentReference) -> PaymentSnapshot:
        """Without `checkout`: what the payer's page needs was told when the order was made, and wishes are not in it."""
        return replace(await self._read_payment(reference, self._wire.deadline()), checkout={})

    async def _read_payment(self, reference: PaymentReference, deadline: float) -> PaymentSnapshot:
        if reference.provider_order_id is None:
            path = f"/v1/payments/{segment(reference.provider_payment_id)}"
            payment = await self._wire.get("payment.get", path, deadline)
            return mapping.payment_snapshot(None, payment, key_id=self._wire.key_id)
        order = await self._wire.get("payment.get", f"/v1/orders/{segment(reference.provider_order_id)}", deadline)
        return await self._snapshot("payment.get", order, deadline, preferred_id=reference.provider_payment_id)

    async def capture_payment(self, request: CaptureRequest, *, key: str) -> PaymentSnapshot:  # noqa: ARG002 - no header
        """All of the authorized payment. Captured already: that is the answer, however it came about."""
        if request.amount != request.payment.amount:
            raise CapabilityUnsupported(
                "Razorpay captures a payment in full or not at all: leave the amount out, and refund what is too much."
            )
        mapping.check_amount(request.amount)
        deadline = self._wire.deadline()
        current = await self._relevant("payment.capture", request.payment, deadline)
        if current.status in CAPTURED:
            return current
        if current.status != "authorized" or current.provider_payment_id is None:
            raise Conflict(
                f"No payment of this order is authorized, so there is nothing to capture ({current.status})."
            )
        path = f"/v1/payments/{segment(current.provider_payment_id)}/capture"
        body = {"amount": request.amount.amount_minor, "currency": request.amount.currency}
        try:
            payment = await self._wire.post("payment.capture", path, body, deadline)
        except ProviderDeclined as declined:
            # Razorpay or a person was faster between our look and our call.
            current = await self._relevant("payment.capture", request.payment, deadline)
            if declined.reason == "invalid_state" and current.status in CAPTURED:
                return current
            raise
        return mapping.payment_snapshot(None, payment, key_id=self._wire.key_id)

    async def find_capture(self, request: CaptureRequest) -> PaymentSnapshot | None:
        current = await self._relevant("payment.capture.find", request.payment, self._wire.deadline())
        if current.status == "unknown":
            raise strange("payment.capture.find", "a status we do not know")
        return current if current.status in CAPTURED else None

    async def cancel_payment(self, reference: PaymentReference, *, key: str) -> PaymentSnapshot:  # noqa: ARG002
        raise CapabilityUnsupported(NO_CANCEL)

    async def probe(self) -> None:
        await self._wire.get("probe", "/v1/orders", self._wire.deadline(), {"count": "1"})

    async def _find_made(self, request: PaymentRequest, deadline: float) -> PaymentSnapshot | None:
        """What a refusal as a duplicate speaks of. That there is something is said already, so no answer is a doubt."""
        try:
            order = await self._find_order(request, deadline)
            if order is None:
                return None
            return _preferring(request, await self._snapshot("payment.find", order, deadline))
        except (ProviderUnavailable, ProviderThrottled) as error:
            raise ProviderOutcomeUnknown(
                "Razorpay has made this order before and cannot be asked for it right now.",
                provider=PROVIDER,
                reason="duplicate",
                retry_after_s=error.retry_after_s,
            ) from error


def _preferring(request: PaymentRequest, shown: PaymentSnapshot) -> PaymentSnapshot:
    """The payment with what its page has to tell Checkout of the payer's wishes: an order has no place for them."""
    return replace(shown, checkout={**shown.checkout, **checkout.options(request)})
