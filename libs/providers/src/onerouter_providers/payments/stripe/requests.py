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
from onerouter_providers.payments.stripe.metadata import META_PAYMENT, META_REASON, META_RECEIPT, META_REFUND, metadata

DESCRIPTION_CHARS: Final = 1_000
REFUND_REASONS: Final = frozenset({"duplicate", "fraudulent", "requested_by_customer"})

METHODS: Final[Mapping[str, tuple[str, ...]]] = {"card": ("card",), "upi": ("upi",), "paylater": ("klarna",)}
"""Ours → Stripe's payment method types. Other methods: `_WALLETS`, `_BANKS`, or not at Stripe (`emi`).

The payer chooses the UPI app on Stripe's page or in its element, so `upi_app` is a preference that cannot be told.
"""
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

_BANKS: Final[Mapping[str, tuple[str, ...]]] = {"MYR": ("fpx",), "PLN": ("p24", "blik")}
"""What pays from a bank's own pages, by currency."""
_EURO_BANKS: Final = frozenset({"ideal", "bancontact", "eps"})
"""In euro each country has its own: it has to be named as `bank_code`."""
_NETWORKS: Final[Mapping[str, str]] = {
    **{name: name for name in ("visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay", "girocard")},
    **{"interac": "interac", "cartesbancaires": "cartes_bancaires", "eftposau": "eftpos_au"},
    **{"americanexpress": "amex", "dinersclub": "diners"},
}
"""Letters of our `card_network` → Stripe's name."""


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
    if request.provider_customer_id:
        params["customer"] = request.provider_customer_id
    if network := _network(request):
        params["payment_method_options"] = {"card": {"network": network}}
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
    if request.provider_customer_id:
        params["customer"] = request.provider_customer_id  # whose address Stripe knows
    elif email := request.customer.get("email"):
        params["customer_email"] = email
    if request.save_card and not request.provider_customer_id:
        params["customer_creation"] = "always"  # what is kept is kept for somebody
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
        return {**params, "metadata": metadata(ours, request.notes)}
    return {**params, "metadata": metadata(ours, request.notes, {META_REASON: request.reason})}


def _of_the_payment(amount: Money, whole: Money) -> Money:
    if amount.currency != whole.currency:
        raise InvalidRequest.of("currency", "must be the payment's")
    return amount


def _intent_data(request: PaymentRequest) -> dict[str, Value]:
    data: dict[str, Value] = {
        "capture_method": "manual" if request.capture == "manual" else "automatic_async",
        "metadata": _payment_metadata(request),
        "transfer_group": request.payment_id,
    }
    if request.save_card:
        data["setup_future_usage"] = "off_session"
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
    if request.method == "netbanking":
        scheme = request.method_details.get("bank_code", "").lower()
        euro = (scheme,) if scheme in _EURO_BANKS and request.amount.currency == "EUR" else None
        types = euro or _BANKS.get(request.amount.currency)
    if types is None:
        named = request.method_details.get("wallet_provider") or request.method
        raise CapabilityUnsupported(
            f"Stripe has no payment method '{named[:40]}': leave the method out, and Stripe offers what the account has."
        )
    return {"payment_method_types": types}


def _network(request: PaymentRequest) -> str | None:
    """The network that a card with two of them is charged through. Checkout asks the payer, a preference of ours cannot be
    told there; and one that Stripe has no name for is a preference like any other.
    """
    word = "".join(char for char in request.method_details.get("card_network", "").lower() if char.isalnum())
    return _NETWORKS.get(word) if request.method == "card" else None


def _payment_metadata(request: PaymentRequest) -> dict[str, Value]:
    return metadata({META_PAYMENT: request.payment_id}, request.notes, {META_RECEIPT: request.receipt})


def _short(description: str | None) -> str:
    return (description or "")[:DESCRIPTION_CHARS]
