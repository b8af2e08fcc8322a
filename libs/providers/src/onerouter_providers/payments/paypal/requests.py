"""What PayPal is asked for payments: the bodies. Pure.

Notes, receipt and the payer's details have no place at PayPal: they stay with us, and the payment that we return shows
them.
"""

from typing import Any, Final

from onerouter_common.errors import CapabilityUnsupported, InvalidRequest
from onerouter_providers.capability import CaptureRequest, PaymentRequest, RefundRequest
from onerouter_providers.payments.paypal.amounts import check_amount, to_wire

REFERENCE_CHARS: Final = 127
DESCRIPTION_CHARS: Final = 127
NOTE_CHARS: Final = 255
URL_CHARS: Final = 4_000

METHODS: Final = frozenset({"wallet", "card", "paylater"})
"""What a payer can choose on PayPal's page."""
WALLETS: Final = frozenset({"paypal", "venmo"})
NOT_OFFERED: Final = frozenset({"upi_app", "emi_plan", "bank_code"})
"""Details of methods that PayPal does not have."""


def order_body(request: PaymentRequest) -> dict[str, Any]:
    """The body of `POST /v2/checkout/orders`; the same request gives the same bytes."""
    check_amount(request.amount)
    _check_method(request)
    if len(request.payment_id) > REFERENCE_CHARS:
        raise InvalidRequest.of("payment_id", f"is longer than the {REFERENCE_CHARS} characters of a reference")
    unit: dict[str, Any] = {
        "reference_id": "default",
        "custom_id": request.payment_id,
        # PayPal takes one payment for an invoice id: a second lock against paying twice.
        "invoice_id": request.payment_id,
        "amount": to_wire(request.amount),
    }
    if request.description:
        if len(request.description) > DESCRIPTION_CHARS:
            raise InvalidRequest.of("description", f"may have at most {DESCRIPTION_CHARS} characters at PayPal")
        unit["description"] = request.description
    return {
        "intent": "AUTHORIZE" if request.capture == "manual" else "CAPTURE",
        "purchase_units": [unit],
        "payment_source": {"paypal": _wallet(request)},
    }


def _check_method(request: PaymentRequest) -> None:
    """Raises CapabilityUnsupported for what PayPal's page does not offer."""
    if request.method is not None and request.method not in METHODS:
        raise CapabilityUnsupported(
            f"PayPal does not offer the method '{request.method}': leave it out, or use another provider."
        )
    wallet = request.method_details.get("wallet_provider")
    if wallet and wallet.lower() not in WALLETS:
        raise CapabilityUnsupported(f"PayPal does not offer the wallet '{wallet}': use another provider.")
    # `card_network` is what a payer is expected to use, and stays a hint: on PayPal's page any card can be entered.
    strangers = sorted(request.method_details.keys() & NOT_OFFERED)
    if strangers:
        raise CapabilityUnsupported(
            f"PayPal has no use for {', '.join(strangers)}: leave it out, or use another provider."
        )


def _wallet(request: PaymentRequest) -> dict[str, Any]:
    context = {"user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING"}
    if request.method == "card":
        context["landing_page"] = "GUEST_CHECKOUT"
    for name, url in (("return_url", request.return_url), ("cancel_url", request.cancel_url)):
        if url:
            if len(url) > URL_CHARS:
                raise InvalidRequest.of(name, f"may have at most {URL_CHARS} characters at PayPal")
            context[name] = url
    email = request.customer.get("email")
    wallet: dict[str, Any] = {"experience_context": context, **({"email_address": email} if email else {})}
    if request.save_card:
        # The payer is asked for consent on PayPal's page; what is kept then is told by a callback.
        wallet["attributes"] = {"vault": {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT"}}
    return wallet


def capture_body(request: CaptureRequest) -> dict[str, Any]:
    """The body of `POST /v2/payments/authorizations/:id/capture`. One capture a payment: what is left is let go."""
    check_amount(request.amount)
    return {"amount": to_wire(request.amount), "invoice_id": request.payment.payment_id, "final_capture": True}


def refund_body(request: RefundRequest) -> dict[str, Any]:
    """The body of `POST /v2/payments/captures/:id/refund`."""
    check_amount(request.amount)
    if request.amount.currency != request.payment.amount.currency:
        raise InvalidRequest.of("currency", "must be the payment's")
    body: dict[str, Any] = {
        "amount": to_wire(request.amount),
        "custom_id": request.refund_id,
        "invoice_id": request.refund_id,
    }
    if request.reason:
        if len(request.reason) > NOTE_CHARS:
            raise InvalidRequest.of("reason", f"may have at most {NOTE_CHARS} characters at PayPal")
        body["note_to_payer"] = request.reason
    return body
