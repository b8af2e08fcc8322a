"""Razorpay's REST API. All I/O of this provider is here."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import structlog
from pydantic import SecretStr

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.capability import (
    CaptureRequest,
    PaymentReference,
    PaymentRequest,
    PaymentSnapshot,
    RefundRequest,
    RefundSnapshot,
)
from onerouter_providers.http import Answer, ProviderHttp
from onerouter_providers.payments.razorpay import mapping
from onerouter_providers.payments.razorpay.errors import PROVIDER, refusal

log = structlog.get_logger()

_PAGE: Final = 100
_PAGES: Final = 50
"""A payment with more than 5,000 refunds is nobody's; a list that does not end is a fault."""
_CAPTURED: Final = frozenset({"succeeded", "partially_refunded", "refunded"})
_MAYBE_BECAUSE_OF_US: Final = frozenset({"refund_rejected", "duplicate", "idempotency_conflict", "invalid_state"})
"""Refusals of a refund that an earlier, unanswered try of the same refund may be the cause of."""
NO_CANCEL: Final = (
    "Razorpay has no void call: an order that nobody paid just stops being used, an authorized payment is refunded by "
    "Razorpay when it is not captured in time, a captured one can be refunded."
)


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "RazorpayPayments":
    """One connection's client."""
    unique_receipt = credentials.get("unique_receipt")
    return RazorpayPayments(
        http,
        base_url=base_url,
        key_id=credentials["key_id"].get_secret_value(),
        key_secret=credentials["key_secret"],
        unique_receipt=unique_receipt is not None and unique_receipt.get_secret_value() == "true",
    )


class RazorpayPayments:
    """A `PaymentProvider`. Each method shares one deadline among its wire calls."""

    def __init__(
        self, http: ProviderHttp, *, base_url: str, key_id: str, key_secret: SecretStr, unique_receipt: bool = False
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._key_id = key_id
        self._key_secret = key_secret
        self._unique_receipt = unique_receipt

    def __repr__(self) -> str:
        return f"RazorpayPayments(key_id={self._key_id!r})"

    async def create_payment(self, request: PaymentRequest, *, key: str) -> PaymentSnapshot:  # noqa: ARG002 - no header
        """An order. Its receipt is our payment id, by which `find_payment` finds it again."""
        body = mapping.order_body(request, unique_receipt=self._unique_receipt)
        deadline = self._http.deadline()
        try:
            order = await self._post("payment.create", "/v1/orders", body, deadline)
        except ProviderRefusedUs as refused:
            if refused.reason != "duplicate":
                raise
            # An earlier try of ours got through: that order is the answer, if it is what we ask for.
            found = await self._find_made(request, deadline)
            if found is None:
                raise
            return found
        if mapping.choose_order([order], request) is None or not order.get("id"):
            raise self._strange("payment.create", "an order that is not the one asked for")
        return mapping.order_snapshot(order, key_id=self._key_id)

    async def find_payment(self, request: PaymentRequest) -> PaymentSnapshot | None:
        deadline = self._http.deadline()
        order = await self._find_order(request, deadline)
        return None if order is None else await self._snapshot("payment.find", order, deadline)

    async def get_payment(self, reference: PaymentReference) -> PaymentSnapshot:
        deadline = self._http.deadline()
        if reference.provider_order_id is None:
            payment = await self._get("payment.get", f"/v1/payments/{_id(reference.provider_payment_id)}", deadline)
            return mapping.payment_snapshot(None, payment, key_id=self._key_id)
        order = await self._get("payment.get", f"/v1/orders/{_id(reference.provider_order_id)}", deadline)
        return await self._snapshot("payment.get", order, deadline, preferred_id=reference.provider_payment_id)

    async def capture_payment(self, request: CaptureRequest, *, key: str) -> PaymentSnapshot:  # noqa: ARG002 - no header
        """All of the authorized payment. Captured already: that is the answer, however it came about."""
        if request.amount != request.payment.amount:
            raise CapabilityUnsupported(
                "Razorpay captures a payment in full or not at all: leave the amount out, and refund what is too much."
            )
        mapping.check_amount(request.amount)
        deadline = self._http.deadline()
        current = await self._relevant("payment.capture", request.payment, deadline)
        if current.status in _CAPTURED:
            return current
        if current.status != "authorized" or current.provider_payment_id is None:
            raise Conflict(
                f"No payment of this order is authorized, so there is nothing to capture ({current.status})."
            )
        path = f"/v1/payments/{_id(current.provider_payment_id)}/capture"
        body = {"amount": request.amount.amount_minor, "currency": request.amount.currency}
        try:
            payment = await self._post("payment.capture", path, body, deadline)
        except ProviderDeclined as declined:
            # Razorpay or a person was faster between our look and our call.
            current = await self._relevant("payment.capture", request.payment, deadline)
            if declined.reason == "invalid_state" and current.status in _CAPTURED:
                return current
            raise
        return mapping.payment_snapshot(None, payment, key_id=self._key_id)

    async def find_capture(self, request: CaptureRequest) -> PaymentSnapshot | None:
        current = await self._relevant("payment.capture.find", request.payment, self._http.deadline())
        if current.status == "unknown":
            raise self._strange("payment.capture.find", "a status we do not know")
        return current if current.status in _CAPTURED else None

    async def cancel_payment(self, reference: PaymentReference, *, key: str) -> PaymentSnapshot:  # noqa: ARG002
        raise CapabilityUnsupported(NO_CANCEL)

    async def create_refund(self, request: RefundRequest, *, key: str) -> RefundSnapshot:
        """`key` goes out as X-Refund-Idempotency: a repeat is answered with the first refund."""
        body = mapping.refund_body(request)
        deadline = self._http.deadline()
        payment_id = await self._captured_id("refund.create", request.payment, deadline)
        path = f"/v1/payments/{_id(payment_id)}/refund"
        try:
            refund = await self._post("refund.create", path, body, deadline, {"X-Refund-Idempotency": key})
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in _MAYBE_BECAUSE_OF_US:
                raise
            made = await self._find_refunded(payment_id, request.refund_id, deadline)
            if made is None:
                raise
            return made
        if not refund.get("id"):
            raise self._strange("refund.create", "a refund without an id")
        return mapping.refund_snapshot(refund)

    async def find_refund(self, request: RefundRequest) -> RefundSnapshot | None:
        deadline = self._http.deadline()
        try:
            payment_id = await self._captured_id("refund.find", request.payment, deadline)
        except Conflict:
            return None  # nothing was captured, so nothing can have been refunded
        return await self._find_refund(payment_id, request.refund_id, deadline)

    async def get_refund(self, payment: PaymentReference, provider_refund_id: str) -> RefundSnapshot:  # noqa: ARG002
        deadline = self._http.deadline()
        return mapping.refund_snapshot(
            await self._get("refund.get", f"/v1/refunds/{_id(provider_refund_id)}", deadline)
        )

    async def probe(self) -> None:
        await self._get("probe", "/v1/orders", self._http.deadline(), {"count": "1"})

    async def _find_made(self, request: PaymentRequest, deadline: float) -> PaymentSnapshot | None:
        """What a refusal as a duplicate speaks of. That there is something is said already, so no answer is a doubt."""
        try:
            order = await self._find_order(request, deadline)
            return None if order is None else await self._snapshot("payment.find", order, deadline)
        except (ProviderUnavailable, ProviderThrottled) as error:
            raise ProviderOutcomeUnknown(
                "Razorpay has made this order before and cannot be asked for it right now.",
                provider=PROVIDER,
                reason="duplicate",
                retry_after_s=error.retry_after_s,
            ) from error

    async def _find_order(self, request: PaymentRequest, deadline: float) -> Mapping[str, Any] | None:
        orders = await self._list("payment.find", "/v1/orders", {"receipt": request.payment_id}, deadline)
        order = mapping.choose_order(orders, request)
        if order is None and orders:
            log.warning("razorpay.receipt_of_another_order", payment_id=request.payment_id, orders=len(orders))
        return order

    async def _snapshot(
        self, capability: str, order: Mapping[str, Any], deadline: float, *, preferred_id: str | None = None
    ) -> PaymentSnapshot:
        """The order as its payments tell it. They are not asked for where the order says that there are none."""
        if order.get("status") == "created" and not order.get("attempts"):
            return mapping.order_snapshot(order, key_id=self._key_id)
        payments = await self._list(capability, f"/v1/orders/{_id(order.get('id'))}/payments", {}, deadline)
        payment = mapping.choose_payment(payments, preferred_id)
        if payment is None:
            return mapping.order_snapshot(order, key_id=self._key_id)
        return mapping.payment_snapshot(order, payment, key_id=self._key_id)

    async def _relevant(self, capability: str, reference: PaymentReference, deadline: float) -> PaymentSnapshot:
        """What became of the order so far. The order is asked even where a payment is known: it may not be the last try."""
        if reference.provider_order_id is None:
            payment = await self._get(capability, f"/v1/payments/{_id(reference.provider_payment_id)}", deadline)
            return mapping.payment_snapshot(None, payment, key_id=self._key_id)
        path = f"/v1/orders/{_id(reference.provider_order_id)}/payments"
        chosen = mapping.choose_payment(await self._list(capability, path, {}, deadline), reference.provider_payment_id)
        if chosen is None:
            return PaymentSnapshot(status="created", provider_order_id=reference.provider_order_id)
        return mapping.payment_snapshot(None, chosen, key_id=self._key_id)

    async def _find_refund(self, payment_id: str, refund_id: str, deadline: float) -> RefundSnapshot | None:
        for page in range(_PAGES):
            refunds = await self._list("refund.find", f"/v1/payments/{_id(payment_id)}/refunds", {}, deadline, page)
            found = mapping.find_refund(refunds, refund_id)
            if found is not None:
                return mapping.refund_snapshot(found)
            if len(refunds) < _PAGE:
                return None
        raise self._strange("refund.find", "a list without an end")

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

    async def _captured_id(self, capability: str, reference: PaymentReference, deadline: float) -> str:
        if reference.provider_payment_id is not None:
            return reference.provider_payment_id
        current = await self._relevant(capability, reference, deadline)
        if current.provider_payment_id is None or current.status not in _CAPTURED:
            raise Conflict(f"No payment of this order is captured, so there is nothing to refund ({current.status}).")
        return current.provider_payment_id

    async def _get(
        self, capability: str, path: str, deadline: float, params: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        answer = await self._http.send(
            capability,
            "GET",
            self._base_url + path,
            effect=False,
            headers=self._authorization(),
            params=params,
            deadline=deadline,
        )
        return self._accept(answer, capability, effect=False)

    async def _list(
        self, capability: str, path: str, params: Mapping[str, str], deadline: float, page: int = 0
    ) -> Sequence[Mapping[str, Any]]:
        window = {**params, "count": str(_PAGE), **({"skip": str(page * _PAGE)} if page else {})}
        items = (await self._get(capability, path, deadline, window)).get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self._strange(capability, "a collection without items")
        return items

    async def _post(
        self,
        capability: str,
        path: str,
        body: Mapping[str, Any],
        deadline: float,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        answer = await self._http.send(
            capability,
            "POST",
            self._base_url + path,
            effect=True,
            headers={**self._authorization(), **(headers or {})},
            body=body,
            deadline=deadline,
        )
        return self._accept(answer, capability, effect=True)

    def _accept(self, answer: Answer, capability: str, *, effect: bool) -> Mapping[str, Any]:
        if not answer.ok:
            raise refusal(answer.status, answer.body, capability, effect=effect)
        return answer.body

    def _authorization(self) -> dict[str, str]:
        # Made for each call, so that the only lasting copy of the secret is a SecretStr.
        pair = f"{self._key_id}:{self._key_secret.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def _strange(self, capability: str, what: str) -> ProviderError:
        """An answer in a shape that Razorpay does not document: no base for saying what was done."""
        log.warning("razorpay.strange_answer", capability=capability, what=what)
        kind = ProviderOutcomeUnknown if capability in ("payment.create", "refund.create") else ProviderUnavailable
        return kind(f"Razorpay answered with {what}.", provider=PROVIDER, reason="indeterminate")


def _id(value: object) -> str:
    """An id as one segment of a path."""
    if not isinstance(value, str) or not value:
        raise Conflict("The payment has no id at Razorpay yet.")
    return quote(value, safe="")
