"""PayPal's sales: what its subscriptions charge. They are of the older payments API, which has other money and other words.

Source: https://developer.paypal.com/docs/api/payments/v1/#sale
"""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import InvalidRequest, ProviderOutcomeUnknown
from onerouter_common.money import Money
from onerouter_providers.capability import (
    PaymentReference,
    PaymentSnapshot,
    PaymentStatus,
    RefundRequest,
    RefundSnapshot,
    RefundStatus,
)
from onerouter_providers.payments.paypal.amounts import check_amount, from_payout, from_sale, to_sale
from onerouter_providers.payments.paypal.errors import PROVIDER
from onerouter_providers.payments.paypal.part import Part
from onerouter_providers.payments.paypal.reading import Thing, text_of
from onerouter_providers.payments.paypal.wire import segment, strange

DESCRIPTION_CHARS: Final = 127

SALE_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "completed": "succeeded",
    "partially_refunded": "partially_refunded",
    "refunded": "refunded",
    "reversed": "refunded",  # PayPal took it back
    "pending": "processing",
    "denied": "failed",
}
REFUND_STATUS: Final[Mapping[str, RefundStatus]] = {
    "completed": "succeeded",
    "pending": "pending",
    "failed": "failed",
    "cancelled": "failed",
}
_TAKEN: Final = frozenset({"succeeded", "partially_refunded", "refunded"})


class Sales(Part):
    """Of a `PaymentProvider`, where the payment is a subscription's charge."""

    async def get_sale(self, reference: PaymentReference) -> PaymentSnapshot:
        return sale_snapshot(await self._sale("payment.get", reference, self._wire.deadline()))

    async def refund_sale(self, request: RefundRequest, *, key: str) -> RefundSnapshot:
        """PayPal answers a repeat under the key with the first refund."""
        body = sale_refund_body(request)
        path = f"{sale_path(request.payment)}/refund"
        refund = await self._wire.post("refund.create", path, body, self._wire.deadline(), key=key)
        if not refund.get("id"):
            raise strange("refund.create", "a refund without an id")
        return sale_refund_snapshot(refund)

    async def find_sale_refund(self, request: RefundRequest) -> None:
        """None while nothing at all was refunded. PayPal lists no refunds of a sale: once there are some, whether ours is
        among them it cannot tell, which is ProviderOutcomeUnknown.
        """
        sale = sale_snapshot(await self._sale("refund.find", request.payment, self._wire.deadline()))
        if sale.status != "succeeded":
            raise ProviderOutcomeUnknown(
                "PayPal does not tell which refunds of a subscription's charge it made.",
                provider=PROVIDER,
                reason="indeterminate",
            )

    async def get_sale_refund(self, provider_refund_id: str) -> RefundSnapshot:
        path = f"/v1/payments/refund/{segment(provider_refund_id)}"
        return sale_refund_snapshot(await self._wire.get("refund.get", path, self._wire.deadline()))

    async def _sale(self, capability: str, reference: PaymentReference, deadline: float) -> Mapping[str, Any]:
        return await self._wire.get(capability, sale_path(reference), deadline)


def sale_path(reference: PaymentReference) -> str:
    return f"/v1/payments/sale/{segment(reference.provider_payment_id)}"


def sale_snapshot(sale: Thing) -> PaymentSnapshot:
    """Pure. A word that we have not met is `unknown`."""
    status = SALE_STATUS.get((text_of(sale, "state") or "").lower(), "unknown")
    amount, fee = from_sale(sale.get("amount")), from_payout(sale.get("transaction_fee"))
    return PaymentSnapshot(
        status=status,
        provider_payment_id=text_of(sale, "id"),
        amount=amount,
        captured=amount if status in _TAKEN else None,
        amount_refunded_minor=amount.amount_minor if status == "refunded" and amount else 0,
        method="wallet",
        method_details={"wallet": "paypal"},
        fee_minor=fee.amount_minor if fee else None,
        fee_currency=fee.currency if fee else None,
    )


def sale_refund_body(request: RefundRequest) -> dict[str, Any]:
    """Of `POST /v1/payments/sale/:id/refund`. Raises InvalidRequest. Pure."""
    check_amount(request.amount)
    if request.amount.currency != request.payment.amount.currency:
        raise InvalidRequest.of("currency", "must be the payment's")
    if request.reason and len(request.reason) > DESCRIPTION_CHARS:
        raise InvalidRequest.of("reason", f"may have at most {DESCRIPTION_CHARS} characters at PayPal")
    described = {"description": request.reason} if request.reason else {}
    return {"amount": to_sale(request.amount), "invoice_number": request.refund_id, **described}


def sale_refund_snapshot(refund: Thing) -> RefundSnapshot:
    """Pure. A word that we have not met is `unknown`."""
    status = REFUND_STATUS.get((text_of(refund, "state") or "").lower(), "unknown")
    return RefundSnapshot(
        status=status,
        provider_refund_id=text_of(refund, "id") or "",
        amount=_returned(refund),
        error_reason="refund_rejected" if status == "failed" else None,
    )


def _returned(refund: Thing) -> Money | None:
    """Callbacks count it down, answers up."""
    amount = refund.get("amount")
    if not isinstance(amount, dict) or not isinstance(amount.get("total"), str):
        return None
    return from_sale({**amount, "total": amount["total"].removeprefix("-")})
