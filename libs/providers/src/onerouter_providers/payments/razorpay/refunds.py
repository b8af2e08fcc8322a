"""Refunds, under Razorpay's own idempotency key."""

from onerouter_common.errors import (
    Conflict,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.capability import PaymentReference, RefundRequest, RefundSnapshot
from onerouter_providers.payments.razorpay import mapping
from onerouter_providers.payments.razorpay.errors import MAYBE_BECAUSE_OF_US, PROVIDER
from onerouter_providers.payments.razorpay.orders import Orders
from onerouter_providers.payments.razorpay.wire import segment, strange


class Refunds(Orders):
    async def create_refund(self, request: RefundRequest, *, key: str) -> RefundSnapshot:
        """`key` goes out as X-Refund-Idempotency: a repeat is answered with the first refund."""
        body = mapping.refund_body(request)
        deadline = self._wire.deadline()
        payment_id = await self._captured_id("refund.create", request.payment, deadline, what="refund")
        path = f"/v1/payments/{segment(payment_id)}/refund"
        try:
            refund = await self._wire.post("refund.create", path, body, deadline, {"X-Refund-Idempotency": key})
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in MAYBE_BECAUSE_OF_US:
                raise
            made = await self._find_refunded(payment_id, request.refund_id, deadline)
            if made is None:
                raise
            return made
        if not refund.get("id"):
            raise strange("refund.create", "a refund without an id", effect=True)
        return mapping.refund_snapshot(refund)

    async def find_refund(self, request: RefundRequest) -> RefundSnapshot | None:
        deadline = self._wire.deadline()
        try:
            payment_id = await self._captured_id("refund.find", request.payment, deadline, what="refund")
        except Conflict:
            return None  # nothing was captured, so nothing can have been refunded
        return await self._find_refund(payment_id, request.refund_id, deadline)

    async def get_refund(self, payment: PaymentReference, provider_refund_id: str) -> RefundSnapshot:  # noqa: ARG002
        path = f"/v1/refunds/{segment(provider_refund_id, 'refund')}"
        return mapping.refund_snapshot(await self._wire.get("refund.get", path, self._wire.deadline()))

    async def _find_refund(self, payment_id: str, refund_id: str, deadline: float) -> RefundSnapshot | None:
        path = f"/v1/payments/{segment(payment_id)}/refunds"
        async for refunds in self._wire.pages("refund.find", path, {}, deadline):
            found = mapping.find_refund(refunds, refund_id)
            if found is not None:
                return mapping.refund_snapshot(found)
        return None

    async def _find_refunded(self, payment_id: str, refund_id: str, deadline: float) -> RefundSnapshot | None:
        """Whether a refusal speaks of a refund that we made before (a repeat after Razorpay forgot the key, say)."""
        try:
            return await self._find_refund(payment_id, refund_id, deadline)
        except (ProviderUnavailable, ProviderThrottled) as error:
            raise ProviderOutcomeUnknown(
                "Razorpay refused the refund, perhaps because it was made before, and cannot be asked right now.",
                provider=PROVIDER,
                reason="duplicate",
                retry_after_s=error.retry_after_s,
            ) from error
