"""What the payer's page tells Razorpay Checkout of one payment. Pure.

An order has no place for a method, a bank or a customer: they are options of Checkout on the tenant's page
(`checkout` of the payment). They are preferences: Checkout shows them first, and the payer may choose another method.
Source: https://razorpay.com/docs/payments/payment-gateway/web-integration/standard/integration-steps/
"""

from collections.abc import Mapping
from typing import Final

from onerouter_common.errors import InvalidRequest
from onerouter_providers.capability import PaymentRequest

OPTIONS: Final[Mapping[str, str]] = {
    "upi_app": "upi_app",
    "emi_plan": "emi_plan",
    "card_network": "card_network",
    "wallet_provider": "wallet",
    "bank_code": "bank",
}
"""A field of ours → the option of Checkout that it prefills."""


def check(request: PaymentRequest) -> None:
    """Raises InvalidRequest for a card that is to be kept for nobody."""
    if request.save_card and not request.provider_customer_id:
        raise InvalidRequest.of(
            "customer.id", "is needed to save a card with Razorpay: create the customer first (POST /v1/customers)"
        )


def options(request: PaymentRequest) -> dict[str, str | int]:
    """Beside `{key_id, order_id, amount, currency}`: method, instrument, and whose card is to be kept."""
    given: dict[str, str | int] = {"method": request.method} if request.method else {}
    given |= {OPTIONS[name]: value for name, value in request.method_details.items() if name in OPTIONS and value}
    if request.provider_customer_id:
        given["customer_id"] = request.provider_customer_id
    if request.save_card:
        # `save` is custom Checkout's word for it, `remember_customer` that of standard Checkout.
        given |= {"save": 1, "remember_customer": 1}
    return given
