"""PayPal's REST API: Orders v2 and Payments v2. All I/O of this provider is here and in `token.py`."""

from collections.abc import Mapping
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
    CompletionRequest,
    PaymentReference,
    PaymentRequest,
    PaymentSnapshot,
    RefundRequest,
    RefundSnapshot,
)
from onerouter_providers.http import Answer, ProviderHttp
from onerouter_providers.payments.paypal import mapping
from onerouter_providers.payments.paypal.errors import PROVIDER, refusal
from onerouter_providers.payments.paypal.token import AccessTokens

log = structlog.get_logger()

_CAPTURED: Final = frozenset({"succeeded", "partially_refunded", "refunded"})
_MAYBE_BECAUSE_OF_US: Final = frozenset({"invalid_state", "duplicate", "refund_rejected"})
"""Refusals that an earlier, unanswered try of the same request, or its double, may be the cause of."""
NO_CANCEL: Final = (
    "PayPal has no call to cancel an order: one that nobody approved just ends after some hours, an approved one is given "
    "back when it is not captured, a captured one can be refunded. Only an authorized payment can be canceled."
)


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "PayPalPayments":
    """One connection's client."""
    return PayPalPayments(
        http,
        base_url=base_url,
        client_id=credentials["client_id"].get_secret_value(),
        client_secret=credentials["client_secret"],
    )


class PayPalPayments:
    """A `PaymentProvider` that also `CompletesPayments`. Each method shares one deadline among its wire calls."""

    def __init__(self, http: ProviderHttp, *, base_url: str, client_id: str, client_secret: SecretStr) -> None:
        self._http = http
        self._base_url = base_url
        self._client_id = client_id
        self._tokens = AccessTokens(
            http, url=f"{base_url}/v1/oauth2/token", client_id=client_id, client_secret=client_secret
        )

    def __repr__(self) -> str:
        return f"PayPalPayments(client_id={self._client_id!r})"

    async def create_payment(self, request: PaymentRequest, *, key: str) -> PaymentSnapshot:
        """An order that waits for the payer's approval at `checkout_url`."""
        body = mapping.order_body(request)
        order = await self._post("payment.create", "/v2/checkout/orders", body, self._http.deadline(), key)
        if not order.get("id") or mapping.order_amount(order) != request.amount:
            raise self._strange("payment.create", "an order that is not the one asked for")
        return mapping.order_snapshot(order, client_id=self._client_id)

    async def find_payment(self, request: PaymentRequest) -> PaymentSnapshot | None:  # noqa: ARG002 - see below
        """None: PayPal lists no orders. One whose id we never learned is as good as none, because nobody can approve it
        without the link that came with the id; it ends by itself."""
        return None

    async def get_payment(self, reference: PaymentReference) -> PaymentSnapshot:
        deadline = self._http.deadline()
        if reference.provider_order_id is None:
            payment = await self._get_by_payment_id("payment.get", reference.provider_payment_id, deadline)
            if payment.provider_order_id is None:
                return payment
            return await self._current("payment.get", payment.provider_order_id, deadline)
        return await self._current("payment.get", reference.provider_order_id, deadline)

    async def complete_payment(self, request: CompletionRequest, *, key: str) -> PaymentSnapshot:
        """Capture the approved order, or authorize it for a capture later. Done already: that is the answer."""
        deadline = self._http.deadline()
        order_id = await self._order_id("payment.complete", request.payment, deadline)
        order = await self._get("payment.complete", _order_path(order_id), deadline)
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
            done = await self._post("payment.complete", f"{_order_path(order_id)}/{act}", {}, deadline, key)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in _MAYBE_BECAUSE_OF_US:
                raise
            current = await self._after_refusal("payment.complete", order_id, refused, deadline)
            if mapping.awaits_completion(current):
                raise
            return self._already_completed(current)
        if mapping.choose_capture(done) is None and mapping.choose_authorization(done) is None:
            raise self._strange("payment.complete", "an order without a payment")
        return mapping.order_snapshot(done, client_id=self._client_id)

    async def find_completion(self, request: CompletionRequest) -> PaymentSnapshot | None:
        deadline = self._http.deadline()
        order_id = await self._order_id("payment.complete", request.payment, deadline)
        order = await self._get("payment.complete", _order_path(order_id), deadline)
        if mapping.choose_capture(order) is None and mapping.choose_authorization(order) is None:
            return None
        return mapping.order_snapshot(order, client_id=self._client_id)

    async def capture_payment(self, request: CaptureRequest, *, key: str) -> PaymentSnapshot:
        """Of the authorized payment; once. Captured already: that is the answer, however it came about."""
        body = mapping.capture_body(request)
        deadline = self._http.deadline()
        order = await self._order_of("payment.capture", request.payment, deadline)
        current = mapping.order_snapshot(order, client_id=self._client_id)
        if current.status in _CAPTURED:
            return current
        authorization_id = current.provider_payment_id
        if current.status != "authorized" or authorization_id is None:
            raise Conflict(f"This payment is not authorized, so there is nothing to capture ({current.status}).")
        path = f"/v2/payments/authorizations/{_id(authorization_id)}/capture"
        try:
            capture = await self._post("payment.capture", path, body, deadline, key)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in _MAYBE_BECAUSE_OF_US:
                raise
            order = await self._after_refusal("payment.capture", str(order.get("id")), refused, deadline)
            current = mapping.order_snapshot(order, client_id=self._client_id)
            if current.status in _CAPTURED:
                return current
            raise
        return self._captured(order, capture)

    async def find_capture(self, request: CaptureRequest) -> PaymentSnapshot | None:
        order = await self._order_of("payment.capture.find", request.payment, self._http.deadline())
        current = mapping.order_snapshot(order, client_id=self._client_id)
        if current.status == "unknown":
            raise self._strange("payment.capture.find", "a status we do not know")
        if current.status in _CAPTURED:
            return current
        # A capture that is under way was made, too: what becomes of it is told later.
        return current if current.status == "processing" and mapping.choose_capture(order) is not None else None

    async def cancel_payment(self, reference: PaymentReference, *, key: str) -> PaymentSnapshot:
        """Let an authorized payment go."""
        deadline = self._http.deadline()
        order = await self._order_of("payment.cancel", reference, deadline)
        current = mapping.order_snapshot(order, client_id=self._client_id)
        if current.status == "canceled":
            return current
        if current.status in _CAPTURED:
            raise Conflict("This payment is captured: it can only be refunded.")
        if current.status != "authorized":
            raise CapabilityUnsupported(NO_CANCEL)
        path = f"/v2/payments/authorizations/{_id(current.provider_payment_id)}/void"
        try:
            await self._post("payment.cancel", path, None, deadline, key)
        except ProviderDeclined as declined:
            if declined.reason != "invalid_state":
                raise
            order = await self._after_refusal("payment.cancel", str(order.get("id")), declined, deadline)
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

    async def create_refund(self, request: RefundRequest, *, key: str) -> RefundSnapshot:
        """Of the capture. Made already under our refund id: that is the answer, also after PayPal forgot the key."""
        body = mapping.refund_body(request)
        deadline = self._http.deadline()
        order = await self._order_of("refund.create", request.payment, deadline)
        made = mapping.find_refund(order, request.refund_id)
        if made is not None:
            return mapping.refund_snapshot(made)
        path = f"/v2/payments/captures/{_id(_captured_id(order))}/refund"
        try:
            refund = await self._post("refund.create", path, body, deadline, key)
        except (ProviderDeclined, ProviderRefusedUs) as refused:
            if refused.reason not in _MAYBE_BECAUSE_OF_US:
                raise
            order = await self._after_refusal("refund.create", str(order.get("id")), refused, deadline)
            made = mapping.find_refund(order, request.refund_id)
            if made is None:
                raise
            return mapping.refund_snapshot(made)
        if not refund.get("id"):
            raise self._strange("refund.create", "a refund without an id")
        return mapping.refund_snapshot(refund)

    async def find_refund(self, request: RefundRequest) -> RefundSnapshot | None:
        order = await self._order_of("refund.find", request.payment, self._http.deadline())
        found = mapping.find_refund(order, request.refund_id)
        return None if found is None else mapping.refund_snapshot(found)

    async def get_refund(self, payment: PaymentReference, provider_refund_id: str) -> RefundSnapshot:  # noqa: ARG002
        path = f"/v2/payments/refunds/{_id(provider_refund_id)}"
        return mapping.refund_snapshot(await self._get("refund.get", path, self._http.deadline()))

    async def probe(self) -> None:
        """A fresh token proves the credentials: a cached one may outlive a change of the secret."""
        await self._tokens.renew(self._http.deadline())

    def _already_completed(self, order: Mapping[str, Any]) -> PaymentSnapshot:
        current = mapping.order_snapshot(order, client_id=self._client_id)
        if current.status in ("created", "requires_action"):
            raise Conflict("The payer has not approved this payment, so there is nothing to capture.")
        if current.status == "unknown":
            raise self._strange("payment.complete", "a status we do not know")
        return current

    def _captured(self, order: Mapping[str, Any], capture: Mapping[str, Any]) -> PaymentSnapshot:
        told = mapping.capture_snapshot(capture)
        if told.provider_payment_id is None:
            raise self._strange("payment.capture", "a capture without an id")
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
        order = await self._get(capability, _order_path(order_id), deadline)
        return mapping.order_snapshot(order, client_id=self._client_id)

    async def _order_of(self, capability: str, reference: PaymentReference, deadline: float) -> Mapping[str, Any]:
        """The whole order: it shows its authorizations, captures and refunds."""
        order_id = await self._order_id(capability, reference, deadline)
        return await self._get(capability, _order_path(order_id), deadline)

    async def _order_id(self, capability: str, reference: PaymentReference, deadline: float) -> str:
        if reference.provider_order_id is not None:
            return reference.provider_order_id
        payment = await self._get_by_payment_id(capability, reference.provider_payment_id, deadline)
        if payment.provider_order_id is None:
            raise Conflict("PayPal does not say which order this payment belongs to.")
        return payment.provider_order_id

    async def _get_by_payment_id(self, capability: str, payment_id: str | None, deadline: float) -> PaymentSnapshot:
        """Ids do not show whether they are of a capture or of an authorization."""
        path = _id(payment_id)
        try:
            capture = await self._get(capability, f"/v2/payments/captures/{path}", deadline)
        except ProviderRefusedUs as refused:
            if refused.reason != "not_found":
                raise
            return mapping.authorization_snapshot(
                await self._get(capability, f"/v2/payments/authorizations/{path}", deadline)
            )
        return mapping.capture_snapshot(capture)

    async def _after_refusal(
        self, capability: str, order_id: str, refused: ProviderError, deadline: float
    ) -> Mapping[str, Any]:
        """The order, to see whether a refusal speaks of what we did before. No answer is a doubt then, not a no."""
        try:
            return await self._get(capability, _order_path(order_id), deadline)
        except (ProviderUnavailable, ProviderThrottled) as error:
            raise ProviderOutcomeUnknown(
                "PayPal refused, perhaps because it was done before, and cannot be asked right now.",
                provider=PROVIDER,
                reason=refused.reason,
                retry_after_s=error.retry_after_s,
            ) from error

    async def _get(self, capability: str, path: str, deadline: float) -> Mapping[str, Any]:
        return await self._call(capability, "GET", path, deadline, effect=False)

    async def _post(
        self, capability: str, path: str, body: Mapping[str, Any] | None, deadline: float, key: str
    ) -> Mapping[str, Any]:
        headers = {"PayPal-Request-Id": key, "Prefer": "return=representation"}
        return await self._call(capability, "POST", path, deadline, effect=True, headers=headers, body=body)

    async def _call(
        self,
        capability: str,
        method: str,
        path: str,
        deadline: float,
        *,
        effect: bool,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        answer: Answer | None = None
        for _ in range(2):
            token = await self._tokens.get(deadline)
            answer = await self._http.send(
                capability,
                method,
                self._base_url + path,
                effect=effect,
                headers={"Authorization": f"Bearer {token.get_secret_value()}", **(headers or {})},
                body=body,
                deadline=deadline,
            )
            if answer.status != 401:
                break
            self._tokens.drop(token)  # it ended early: refused before anything was done, so once more with a new one
        assert answer is not None  # noqa: S101 - the loop runs
        if not answer.ok:
            raise refusal(answer.status, answer.body, capability, effect=effect)
        return answer.body

    def _strange(self, capability: str, what: str) -> ProviderError:
        """An answer in a shape that PayPal does not document: no base for saying what was done."""
        log.warning("paypal.strange_answer", capability=capability, what=what)
        kind = ProviderUnavailable if capability.endswith(".find") else ProviderOutcomeUnknown
        return kind(f"PayPal answered with {what}.", provider=PROVIDER, reason="indeterminate")


def _captured_id(order: Mapping[str, Any]) -> str:
    capture = mapping.choose_capture(order)
    shown = None if capture is None else mapping.capture_snapshot(capture)
    if shown is None or shown.status not in _CAPTURED or shown.provider_payment_id is None:
        status = "nothing was captured" if shown is None else shown.status
        raise Conflict(f"This payment is not captured, so there is nothing to refund ({status}).")
    return shown.provider_payment_id


def _order_path(order_id: str) -> str:
    return f"/v2/checkout/orders/{_id(order_id)}"


def _id(value: object) -> str:
    """An id as one segment of a path."""
    if not isinstance(value, str) or not value:
        raise Conflict("The payment has no id at PayPal yet.")
    return quote(value, safe="")
