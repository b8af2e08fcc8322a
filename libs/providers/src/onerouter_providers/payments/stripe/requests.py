"""What we ask of Stripe, as its parameters. Pure; the same request gives the same bytes, or its key would be refused.

With a `return_url` the payer pays on Stripe's own page (a Checkout Session); without one in Stripe's elements on the
tenant's page (a PaymentIntent and its client secret).

Stripe knows one speed of refunds, so `optimum` asks for what it does anyway.
"""

from collections.abc import Mapping
from typing import Final

from onerouter_common.errors import CapabilityUnsupported, InvalidRequest
from onerouter_common.money import Money
from onerouter_providers.capability import CaptureRequest, PaymentRequest, RefundRequest
from onerouter_providers.payments.stripe.amounts import to_wire
from onerouter_providers.payments.stripe.form import Value

META_PAYMENT: Final = "onerouter_payment_id"
META_REFUND: Final = "onerouter_refund_id"
META_RECEIPT: Final = "receipt"
META_REASON: Final = "reason"
METADATA_PAIRS: Final = 50
METADATA_NAME_CHARS: Final = 40
METADATA_VALUE_CHARS: Final = 500
DESCRIPTION_CHARS: Final = 1_000
REFUND_REASONS: Final = frozenset({"duplicate", "fraudulent", "requested_by_customer"})

METHODS: Final[Mapping[str, tuple[str, ...]]] = {"card": ("card",), "upi": ("upi",), "paylater": ("klarna",)}
"""Ours → Stripe's payment method types. Other methods: `_WALLETS`, or not at Stripe."""
_WALLETS: Final[Mapping[str, str]] = {
    # Apple's and Google's wallets carry cards: Stripe shows them wherever it takes cards.
    "": "card",
    "applepay": "card",
    "googlepay": "card",
    "link": "link",
    "paypal": "paypal",
    "cashapp": "cashapp",
    "amazonpay": "amazon_pay",
    "alipay": "alipay",
    "grabpay": "grabpay",
    "revolutpay": "revolut_pay",
    "mobilepay": "mobilepay",
}


def is_hosted(request: PaymentRequest) -> bool:
    return request.return_url is not None


def intent_params(request: PaymentRequest) -> dict[str, Value]:
    """The body of `POST /v1/payment_intents`."""
    params: dict[str, Value] = {
        "amount": to_wire(request.amount),
        "currency": request.amount.currency.lower(),
        **_methods(request, {"automatic_payment_methods": {"enabled": True}}),
        **_intent_data(request),
    }
    if email := request.customer.get("email"):
        params["receipt_email"] = email
    return params


def session_params(request: PaymentRequest) -> dict[str, Value]:
    """The body of `POST /v1/checkout/sessions`: one item, the whole amount."""
    price: dict[str, Value] = {
        "currency": request.amount.currency.lower(),
        "unit_amount": to_wire(request.amount),
        "product_data": {"name": _short(request.description) or request.receipt or request.payment_id},
    }
    params: dict[str, Value] = {
        "mode": "payment",
        "success_url": request.return_url or "",
        "client_reference_id": request.payment_id,
        "line_items": ({"quantity": 1, "price_data": price},),
        **_methods(request, {}),
        "metadata": _payment_metadata(request),
        "payment_intent_data": _intent_data(request),
    }
    if request.cancel_url:
        params["cancel_url"] = request.cancel_url
    if email := request.customer.get("email"):
        params["customer_email"] = email
    return params


def capture_params(request: CaptureRequest) -> dict[str, Value]:
    """The body of `POST /v1/payment_intents/:id/capture`: what is not captured is released."""
    return {"amount_to_capture": to_wire(_of_the_payment(request.amount, request.payment.amount))}


def refund_params(request: RefundRequest, intent_id: str) -> dict[str, Value]:
    """The body of `POST /v1/refunds`. A reason in the tenant's own words goes to the metadata."""
    ours = {META_REFUND: request.refund_id, META_PAYMENT: request.payment.payment_id}
    amount = to_wire(_of_the_payment(request.amount, request.payment.amount))
    params: dict[str, Value] = {"payment_intent": intent_id, "amount": amount}
    if request.reason in REFUND_REASONS:
        params["reason"] = request.reason
        return {**params, "metadata": _metadata(ours, request.notes)}
    return {**params, "metadata": _metadata(ours, request.notes, {META_REASON: request.reason})}


def _of_the_payment(amount: Money, whole: Money) -> Money:
    if amount.currency != whole.currency:
        raise InvalidRequest.of("currency", "must be the payment's")
    return amount


def _intent_data(request: PaymentRequest) -> dict[str, Value]:
    data: dict[str, Value] = {
        "capture_method": "manual" if request.capture == "manual" else "automatic_async",
        "metadata": _payment_metadata(request),
    }
    if description := _short(request.description):
        data["description"] = description
    return data


def _methods(request: PaymentRequest, whichever: dict[str, Value]) -> dict[str, Value]:
    """The methods the payer may use; `whichever` leaves it to the account's settings."""
    if request.method is None:
        return whichever
    wallet = "".join(char for char in request.method_details.get("wallet_provider", "").lower() if char.isalnum())
    types = METHODS.get(request.method)
    if request.method == "wallet" and wallet in _WALLETS:
        types = (_WALLETS[wallet],)
    if types is None:
        named = request.method_details.get("wallet_provider") or request.method
        raise CapabilityUnsupported(
            f"Stripe has no payment method '{named[:40]}': leave the method out, and Stripe offers what the account has."
        )
    return {"payment_method_types": types}


def _payment_metadata(request: PaymentRequest) -> dict[str, Value]:
    return _metadata({META_PAYMENT: request.payment_id}, request.notes, {META_RECEIPT: request.receipt})


def _metadata(
    ours: Mapping[str, str], tenants: Mapping[str, str], more: Mapping[str, str | None] | None = None
) -> dict[str, Value]:
    """Ours and the tenant's; `more` where there is room for it. An empty value means "none" at Stripe."""
    if len(ours) + len(tenants) > METADATA_PAIRS:
        raise InvalidRequest.of("notes", f"may have at most {METADATA_PAIRS - len(ours)} pairs at Stripe")
    for name, value in tenants.items():
        if name in ours:
            raise InvalidRequest.of("notes", f"must not contain '{name}', which is ours")
        if not name or len(name) > METADATA_NAME_CHARS or "[" in name or "]" in name:
            raise InvalidRequest.of(
                "notes", f"may only have names of 1 to {METADATA_NAME_CHARS} characters without brackets"
            )
        if len(value) > METADATA_VALUE_CHARS:
            raise InvalidRequest.of("notes", f"may only have values of at most {METADATA_VALUE_CHARS} characters")
    metadata: dict[str, Value] = {**ours, **{name: value for name, value in tenants.items() if value}}
    for name, text in (more or {}).items():
        if text and name not in metadata and len(metadata) < METADATA_PAIRS:
            metadata[name] = text[:METADATA_VALUE_CHARS]
    return metadata


def _short(description: str | None) -> str:
    return (description or "")[:DESCRIPTION_CHARS]
