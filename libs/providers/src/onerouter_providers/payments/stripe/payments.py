"""Payments and refunds: what the category asks, in calls of `wire.py`.

Every POST carries the operation's key. Stripe answers a repeat with what it answered first, also with a 500: therefore
after a 5xx the object is looked for, or the same 500 would come back for a day.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from onerouter_common.errors import Conflict, ProviderDeclined, ProviderOutcomeUnknown, ProviderRefusedUs
from onerouter_providers.capability import (
    CaptureRequest,
    PaymentReference,
    PaymentRequest,
    PaymentSnapshot,
    RefundRequest,
    RefundSnapshot,
)
from onerouter_providers.payments.stripe import mapping, requests
from onerouter_providers.payments.stripe.amounts import to_wire
from onerouter_providers.payments.stripe.doubt import is_stored, looked_up, made_before
from onerouter_providers.payments.stripe.finding import INTENTS, REFUNDS, SESSIONS
from onerouter_providers.payments.stripe.part import Part
from onerouter_providers.payments.stripe.things import id_of, items, part
from onerouter_providers.payments.stripe.wire import segment, strange

_CAPTURED: Final = frozenset({"succeeded", "partially_refunded", "refunded"})
_OVER: Final = frozenset({"canceled", "expired"})
_SESSION: Final = "cs_"
_INVOICE: Final = "in_"
INVOICE_PAYMENTS: Final = "/v1/invoice_payments"
_IN_INTENT: Final = "latest_charge.balance_transaction"
_MAYBE_BECAUSE_OF_US: Final = frozenset({"refund_rejected", "duplicate", "idempotency_conflict"})
"""Refusals of a refund that an earlier, unanswered try of the same refund may be the cause of."""


class Payments(Part):
    """A `PaymentProvider`. Each method shares one deadline among its wire calls."""

    async def create_payment(self, request: PaymentRequest, *, key: str) -> PaymentSnapshot:
        """A Checkout Session where the payer is to come back to a `return_url`, else a PaymentIntent."""
        hosted = requests.is_hosted(request)
        path = SESSIONS if hosted else INTENTS
        params = requests.session_params(request) if hosted else requests.intent_params(request)
        deadline = self._wire.deadline()

        async def look() -> PaymentSnapshot | None:
            return await self._find_payment(request, deadline)

        try:
            made = await self._wire.post("payment.create", path, params, deadline, key=key)
        except ProviderOutcomeUnknown as doubt:
            return await looked_up(doubt, look)
        except ProviderRefusedUs as refused:
            if refused.reason != "idempotency_conflict":
                raise
            return await made_before(refused, look)
        if not made.get("id") or not mapping.fits(made, request):
            raise strange("payment.create", "a payment that is not the one asked for", effect=True)
        return self._session(made) if hosted else self._intent(made)

    async def find_payment(self, request: PaymentRequest) -> PaymentSnapshot | None:
        return await self._find_payment(request, self._wire.deadline())

    async def get_payment(self, reference: PaymentReference) -> PaymentSnapshot:
        return await self._get_payment("payment.get", reference, self._wire.deadline())

    async def capture_payment(self, request: CaptureRequest, *, key: str) -> PaymentSnapshot:
        """All of the authorized payment or a part; the rest is released. Captured already to this amount: the answer."""
        params = requests.capture_params(request)
        deadline = self._wire.deadline()
        intent_id = await self._intent_id("payment.capture", request.payment, deadline)
        path = f"{INTENTS}/{segment(intent_id)}/capture"

        async def look() -> PaymentSnapshot | None:
            return await self._find_capture(request, deadline)

        try:
            intent = await self._wire.post(
                "payment.capture", path, {**params, "expand": (_IN_INTENT,)}, deadline, key=key
            )
        except ProviderOutcomeUnknown as doubt:
            return await looked_up(doubt, look)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in ("invalid_state", "idempotency_conflict"):
                raise
            return await made_before(refused, look)
        return self._intent(intent, request.payment)

    async def find_capture(self, request: CaptureRequest) -> PaymentSnapshot | None:
        return await self._find_capture(request, self._wire.deadline())

    async def cancel_payment(self, reference: PaymentReference, *, key: str) -> PaymentSnapshot:
        """Nobody can pay any more, and a hold is released. What Stripe has ended already is the answer."""
        deadline = self._wire.deadline()
        if _is_session(reference.provider_order_id):
            expired = await self._expire(reference, deadline, key=key)
            if expired is not None:
                return expired
        intent_id = await self._intent_id("payment.cancel", reference, deadline)
        path = f"{INTENTS}/{segment(intent_id)}/cancel"

        async def look() -> PaymentSnapshot | None:
            current = await self._get_payment("payment.cancel", reference, deadline)
            return replace(current, status="canceled") if current.status in _OVER else None

        try:
            intent = await self._wire.post("payment.cancel", path, {}, deadline, key=key)
        except ProviderOutcomeUnknown as doubt:
            return await looked_up(doubt, look)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in ("invalid_state", "idempotency_conflict"):
                raise
            return await made_before(refused, look)
        return self._intent(intent, reference)

    async def create_refund(self, request: RefundRequest, *, key: str) -> RefundSnapshot:
        deadline = self._wire.deadline()
        intent_id = await self._intent_id("refund.create", request.payment, deadline)
        params = requests.refund_params(request, intent_id)

        async def look() -> RefundSnapshot | None:
            return await self._find_refund(intent_id, request.refund_id, deadline)

        try:
            refund = await self._wire.post("refund.create", REFUNDS, params, deadline, key=key)
        except ProviderOutcomeUnknown as doubt:
            return await looked_up(doubt, look)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in _MAYBE_BECAUSE_OF_US:
                raise
            return await made_before(refused, look)
        if not refund.get("id"):
            raise strange("refund.create", "a refund without an id", effect=True)
        return mapping.refund_snapshot(refund)

    async def find_refund(self, request: RefundRequest) -> RefundSnapshot | None:
        deadline = self._wire.deadline()
        try:
            intent_id = await self._intent_id("refund.find", request.payment, deadline)
        except Conflict:
            return None  # nobody has tried to pay, so nothing can have been refunded
        return await self._find_refund(intent_id, request.refund_id, deadline)

    async def get_refund(self, payment: PaymentReference, provider_refund_id: str) -> RefundSnapshot:  # noqa: ARG002
        path = f"{REFUNDS}/{segment(provider_refund_id)}"
        return mapping.refund_snapshot(await self._wire.get("refund.get", path, self._wire.deadline()))

    async def probe(self) -> None:
        await self._wire.get("probe", INTENTS, self._wire.deadline(), {"limit": "1"})

    async def _find_payment(self, request: PaymentRequest, deadline: float) -> PaymentSnapshot | None:
        if requests.is_hosted(request):
            session = await self._finder.session(request, deadline)
            if session is not None:
                return await self._get_session("payment.find", session.get("id"), deadline)
        intent = await self._finder.intent(request, deadline)
        if intent is None:
            return None
        shown = await self._get_intent("payment.find", intent.get("id"), deadline)
        return self._intent(shown, hosted=requests.is_hosted(request))

    async def _find_capture(self, request: CaptureRequest, deadline: float) -> PaymentSnapshot | None:
        intent_id = await self._intent_id("payment.capture.find", request.payment, deadline)
        intent = await self._get_intent("payment.capture.find", intent_id, deadline)
        shown = self._intent(intent, request.payment)
        if shown.status == "unknown":
            raise strange("payment.capture.find", "a status we do not know")
        # Captured to another amount, by somebody else: this capture was surely not made, and will be refused.
        done = shown.status in _CAPTURED and intent.get("amount_received") == to_wire(request.amount)
        return shown if done else None

    async def _find_refund(self, intent_id: str, refund_id: str, deadline: float) -> RefundSnapshot | None:
        found = await self._finder.refund(intent_id, refund_id, deadline)
        return None if found is None else mapping.refund_snapshot(found)

    async def _expire(self, reference: PaymentReference, deadline: float, *, key: str) -> PaymentSnapshot | None:
        """End a session that is open or over; None for one that was completed: its intent is what can be canceled."""
        current = await self._get_payment("payment.cancel", reference, deadline)
        if current.status in _OVER:
            return replace(current, status="canceled")
        if current.checkout_url is None:  # only an open session has its address
            return None
        path = f"{SESSIONS}/{segment(reference.provider_order_id)}/expire"
        try:
            # Another path than the intent's cancellation, so another key.
            session = await self._wire.post("payment.cancel", path, {}, deadline, key=f"{key}-session")
        except (ProviderDeclined, ProviderRefusedUs, ProviderOutcomeUnknown) as refused:
            if isinstance(refused, ProviderOutcomeUnknown) and not is_stored(refused):
                raise
            current = await self._get_payment("payment.cancel", reference, deadline)
            if current.status in _OVER:
                return replace(current, status="canceled")
            if current.checkout_url is not None:
                raise
            return None  # the payer was faster
        return replace(self._session(session), status="canceled")

    async def _get_payment(self, capability: str, reference: PaymentReference, deadline: float) -> PaymentSnapshot:
        if _is_session(reference.provider_order_id):
            return await self._get_session(capability, reference.provider_order_id, deadline)
        intent_id = reference.provider_payment_id or reference.provider_order_id
        if _is_invoice(reference):
            # Kept as what the payer was to pay, so that the payment is found by it, too.
            reference = replace(reference, provider_order_id=intent_id)
            intent_id = await self._intent_of_invoice(capability, intent_id, deadline)
        return self._intent(await self._get_intent(capability, intent_id, deadline), reference)

    async def _get_intent(self, capability: str, intent_id: object, deadline: float) -> Mapping[str, Any]:
        return await self._wire.get(capability, f"{INTENTS}/{segment(intent_id)}", deadline, {"expand[]": _IN_INTENT})

    async def _get_session(self, capability: str, session_id: object, deadline: float) -> PaymentSnapshot:
        expand = {"expand[]": f"payment_intent.{_IN_INTENT}"}
        return self._session(await self._wire.get(capability, f"{SESSIONS}/{segment(session_id)}", deadline, expand))

    async def _intent_id(self, capability: str, reference: PaymentReference, deadline: float) -> str:
        """Raises Conflict when a session was made and nobody has tried to pay in it."""
        if _is_invoice(reference):
            return await self._intent_of_invoice(capability, reference.provider_payment_id, deadline)
        if reference.provider_payment_id is not None:
            return reference.provider_payment_id
        if reference.provider_order_id is not None and not _is_session(reference.provider_order_id):
            return reference.provider_order_id
        path = f"{SESSIONS}/{segment(reference.provider_order_id)}"
        intent_id = mapping.intent_id_of(await self._wire.get(capability, path, deadline))
        if intent_id is None:
            raise Conflict("Nobody has tried to pay at Stripe yet, so there is nothing to do this with.")
        return intent_id

    async def _intent_of_invoice(self, capability: str, invoice_id: str | None, deadline: float) -> str:
        """By which intent a subscription's invoice was paid. Raises Conflict where it was by none."""
        asked = {"invoice": invoice_id or "", "status": "paid"}
        payments = items({"found": await self._wire.get(capability, INVOICE_PAYMENTS, deadline, asked)}, "found")
        intents = [id_of(part(one, "payment"), "payment_intent") for one in payments]
        found = next((intent_id for intent_id in intents if intent_id is not None), None)
        if found is None:
            raise Conflict("This charge was not paid at Stripe by a payment, so there is nothing to do this with.")
        return found

    def _intent(
        self, intent: Mapping[str, Any], reference: PaymentReference | None = None, *, hosted: bool = False
    ) -> PaymentSnapshot:
        """`reference` None: the intent itself is what was made, unless it was `hosted` in a session."""
        intent_id = intent.get("id") if isinstance(intent.get("id"), str) and not hosted else None
        order_id = intent_id if reference is None else reference.provider_order_id
        return mapping.intent_snapshot(intent, order_id=order_id, publishable_key=self._publishable_key)

    def _session(self, session: Mapping[str, Any]) -> PaymentSnapshot:
        return mapping.session_snapshot(session, now=self._now(), publishable_key=self._publishable_key)


def _is_invoice(reference: PaymentReference) -> bool:
    """Whether it names a subscription's charge as its callback does: by the invoice."""
    return reference.of_subscription and (reference.provider_payment_id or "").startswith(_INVOICE)


def _is_session(order_id: str | None) -> bool:
    return order_id is not None and order_id.startswith(_SESSION)
