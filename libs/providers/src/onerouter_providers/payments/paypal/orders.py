"""PayPal's orders: made, approved by the payer on PayPal's page, completed by us; and the authorizations in them."""

from collections.abc import Mapping
from typing import Any, Final

import structlog

from onerouter_common.errors import CapabilityUnsupported, Conflict, ProviderDeclined, ProviderRefusedUs
from onerouter_providers.capability import (
    CaptureRequest,
    CompletionRequest,
    PaymentReference,
    PaymentRequest,
    PaymentSnapshot,
)
from onerouter_providers.payments.paypal import mapping, requests
from onerouter_providers.payments.paypal.errors import PROVIDER
from onerouter_providers.payments.paypal.part import after_refusal
from onerouter_providers.payments.paypal.sales import Sales
from onerouter_providers.payments.paypal.wire import segment, strange

log = structlog.get_logger()

CAPTURED: Final = frozenset({"succeeded", "partially_refunded", "refunded"})
MAYBE_BECAUSE_OF_US: Final = frozenset({"invalid_state", "duplicate", "refund_rejected"})
"""Refusals that an earlier, unanswered try of the same request, or its double, may be the cause of."""
NO_CANCEL: Final = (
    "PayPal has no call to cancel an order: one that nobody approved just ends after some hours, an approved one is given "
    "back when it is not captured, a captured one can be refunded. Only an authorized payment can be canceled."
)


class Orders(Sales):
    """Payments of a `PaymentProvider` that also `CompletesPayments`."""

    async def create_payment(self, request: PaymentRequest, *, key: str) -> PaymentSnapshot:
        """An order that waits for the payer's approval at `checkout_url`."""
        body = requests.order_body(request)
        order = await self._wire.post("payment.create", "/v2/checkout/orders", body, self._wire.deadline(), key=key)
        if not order.get("id") or mapping.order_amount(order) != request.amount:
            raise strange("payment.create", "an order that is not the one asked for")
        return mapping.order_snapshot(order, client_id=self._client_id)

    async def find_payment(self, request: PaymentRequest) -> PaymentSnapshot | None:  # noqa: ARG002 - see below
        """None: PayPal lists no orders. One whose id we never learned is as good as none, because nobody can approve it
        without the link that came with the id; it ends by itself."""
        return None

    async def get_payment(self, reference: PaymentReference) -> PaymentSnapshot:
        if reference.of_subscription:
            return await self.get_sale(reference)
        deadline = self._wire.deadline()
        if reference.provider_order_id is None:
            payment = await self._get_by_payment_id("payment.get", reference.provider_payment_id, deadline)
            if payment.provider_order_id is None:
                return payment
            return await self._current("payment.get", payment.provider_order_id, deadline)
        return await self._current("payment.get", reference.provider_order_id, deadline)

    async def complete_payment(self, request: CompletionRequest, *, key: str) -> PaymentSnapshot:
        """Capture the approved order, or authorize it for a capture later. Done already: that is the answer."""
        deadline = self._wire.deadline()
        order_id = await self._order_id("payment.complete", request.payment, deadline)
        order = await self._wire.get("payment.complete", order_path(order_id), deadline)
        if not mapping.awaits_completion(order):
            return self._already_completed(order)
        if mapping.order_amount(order) != request.payment.amount:
            # PayPal's JavaScript lets the payer's page change an order before it is captured.
            log.error("paypal.order_changed", payment_id=request.payment.payment_id)
            raise ProviderDeclined(
                "The order was changed after it was made; it is not captured.",
                provider=PROVIDER,
                reason="amount_invalid",
            )
        act = "authorize" if order.get("intent") == "AUTHORIZE" else "capture"
        try:
            done = await self._wire.post("payment.complete", f"{order_path(order_id)}/{act}", {}, deadline, key=key)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in MAYBE_BECAUSE_OF_US:
                raise
            current = await after_refusal(self._order("payment.complete", order_id, deadline), refused)
            if mapping.awaits_completion(current):
                raise
            return self._already_completed(current)
        if mapping.choose_capture(done) is None and mapping.choose_authorization(done) is None:
            raise strange("payment.complete", "an order without a payment")
        return mapping.order_snapshot(done, client_id=self._client_id)

    async def find_completion(self, request: CompletionRequest) -> PaymentSnapshot | None:
        deadline = self._wire.deadline()
        order_id = await self._order_id("payment.complete", request.payment, deadline)
        order = await self._wire.get("payment.complete", order_path(order_id), deadline)
        if mapping.choose_capture(order) is None and mapping.choose_authorization(order) is None:
            return None
        return mapping.order_snapshot(order, client_id=self._client_id)

    async def capture_payment(self, request: CaptureRequest, *, key: str) -> PaymentSnapshot:
        """Of the authorized payment; once. Captured already: that is the answer, however it came about."""
        body = requests.capture_body(request)
        deadline = self._wire.deadline()
        order = await self._order_of("payment.capture", request.payment, deadline)
        current = mapping.order_snapshot(order, client_id=self._client_id)
        if current.status in CAPTURED:
            return current
        authorization_id = current.provider_payment_id
        if current.status != "authorized" or authorization_id is None:
            raise Conflict(f"This payment is not authorized, so there is nothing to capture ({current.status}).")
        path = f"/v2/payments/authorizations/{segment(authorization_id)}/capture"
        try:
            capture = await self._wire.post("payment.capture", path, body, deadline, key=key)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in MAYBE_BECAUSE_OF_US:
                raise
            order = await after_refusal(self._order("payment.capture", str(order.get("id")), deadline), refused)
            current = mapping.order_snapshot(order, client_id=self._client_id)
            if current.status in CAPTURED:
                return current
            raise
        return self._captured(order, capture)

    async def find_capture(self, request: CaptureRequest) -> PaymentSnapshot | None:
        order = await self._order_of("payment.capture.find", request.payment, self._wire.deadline())
        current = mapping.order_snapshot(order, client_id=self._client_id)
        if current.status == "unknown":
            raise strange("payment.capture", "a status we do not know", effect=False)
        if current.status in CAPTURED:
            return current
        # A capture that is under way was made, too: what becomes of it is told later.
        return current if current.status == "processing" and mapping.choose_capture(order) is not None else None

    async def cancel_payment(self, reference: PaymentReference, *, key: str) -> PaymentSnapshot:
        """Let an authorized payment go."""
        deadline = self._wire.deadline()
        order = await self._order_of("payment.cancel", reference, deadline)
        current = mapping.order_snapshot(order, client_id=self._client_id)
        if current.status == "canceled":
            return current
        if current.status in CAPTURED:
            raise Conflict("This payment is captured: it can only be refunded.")
        if current.status != "authorized":
            raise CapabilityUnsupported(NO_CANCEL)
        path = f"/v2/payments/authorizations/{segment(current.provider_payment_id)}/void"
        try:
            await self._wire.post("payment.cancel", path, None, deadline, key=key)
        except ProviderDeclined as declined:
            if declined.reason != "invalid_state":
                raise
            order = await after_refusal(self._order("payment.cancel", str(order.get("id")), deadline), declined)
            current = mapping.order_snapshot(order, client_id=self._client_id)
            if current.status != "canceled":
                raise
            return current
        return PaymentSnapshot(
            status="canceled",
            provider_order_id=current.provider_order_id,
            provider_payment_id=current.provider_payment_id,
            amount=current.amount,
        )

    def _already_completed(self, order: Mapping[str, Any]) -> PaymentSnapshot:
        current = mapping.order_snapshot(order, client_id=self._client_id)
        if current.status in ("created", "requires_action"):
            # PayPal's own answer to a capture of it, and as certain: what a call before this one, unanswered, might have
            # begun would leave it approved until it ends. So it ends that doubt as well.
            raise ProviderDeclined(
                "The payer has not approved this payment, so there is nothing to capture.",
                provider=PROVIDER,
                reason="authentication_required",
            )
        if current.status == "unknown":
            raise strange("payment.complete", "a status we do not know")
        return current

    def _captured(self, order: Mapping[str, Any], capture: Mapping[str, Any]) -> PaymentSnapshot:
        told = mapping.capture_snapshot(capture)
        if told.provider_payment_id is None:
            raise strange("payment.capture", "a capture without an id")
        method, details = mapping.method_of(order.get("payment_source"))
        return PaymentSnapshot(
            status=told.status,
            provider_order_id=str(order.get("id")),
            provider_payment_id=told.provider_payment_id,
            amount=mapping.order_amount(order),
            method=method,
            method_details=details,
            captured=told.captured,
            fee_minor=told.fee_minor,
            fee_currency=told.fee_currency,
            error_reason=told.error_reason,
            error_code=told.error_code,
            error_message=told.error_message,
        )

    async def _current(self, capability: str, order_id: str, deadline: float) -> PaymentSnapshot:
        order = await self._wire.get(capability, order_path(order_id), deadline)
        return mapping.order_snapshot(order, client_id=self._client_id)

    async def _order_of(self, capability: str, reference: PaymentReference, deadline: float) -> Mapping[str, Any]:
        """The whole order: it shows its authorizations, captures and refunds."""
        order_id = await self._order_id(capability, reference, deadline)
        return await self._wire.get(capability, order_path(order_id), deadline)

    async def _order_id(self, capability: str, reference: PaymentReference, deadline: float) -> str:
        if reference.provider_order_id is not None:
            return reference.provider_order_id
        payment = await self._get_by_payment_id(capability, reference.provider_payment_id, deadline)
        if payment.provider_order_id is None:
            raise Conflict("PayPal does not say which order this payment belongs to.")
        return payment.provider_order_id

    async def _get_by_payment_id(self, capability: str, payment_id: str | None, deadline: float) -> PaymentSnapshot:
        """Ids do not show whether they are of a capture or of an authorization."""
        path = segment(payment_id)
        try:
            capture = await self._wire.get(capability, f"/v2/payments/captures/{path}", deadline)
        except ProviderRefusedUs as refused:
            if refused.reason != "not_found":
                raise
            return mapping.authorization_snapshot(
                await self._wire.get(capability, f"/v2/payments/authorizations/{path}", deadline)
            )
        return mapping.capture_snapshot(capture)

    async def _order(self, capability: str, order_id: str, deadline: float) -> Mapping[str, Any]:
        return await self._wire.get(capability, order_path(order_id), deadline)


def order_path(order_id: str) -> str:
    return f"/v2/checkout/orders/{segment(order_id)}"
