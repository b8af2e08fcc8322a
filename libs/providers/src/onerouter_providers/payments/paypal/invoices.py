"""PayPal's invoices as payment links: bodies and snapshots. Pure.

An invoice that nobody is mailed has an address where it can be paid. It is made as a draft and takes no request id; its
number, which PayPal takes once, is made of our id.
Source: https://developer.paypal.com/docs/api/invoicing/v2/
"""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import CapabilityUnsupported, InvalidRequest
from onerouter_providers.payments.paypal.amounts import check_amount, to_money, to_wire
from onerouter_providers.payments.paypal.reading import Thing, known, text_of, things_of
from onerouter_providers.resources import PaymentLinkRequest, PaymentLinkStatus, ResourceSnapshot

NUMBER_CHARS: Final = 25
NAME_CHARS: Final = 200

STATUS: Final[Mapping[str, PaymentLinkStatus]] = {
    "DRAFT": "created",
    "SENT": "created",
    "SCHEDULED": "created",
    "UNPAID": "created",
    "PAYMENT_PENDING": "created",
    "PARTIALLY_PAID": "partially_paid",
    "PAID": "paid",
    "MARKED_AS_PAID": "paid",
    "REFUNDED": "paid",
    "PARTIALLY_REFUNDED": "paid",
    "CANCELLED": "canceled",
}
_NO_RETURN: Final = (
    "PayPal's invoices send the payer nowhere afterwards: leave callback_url out, or use Razorpay or Stripe."
)
_NO_EXPIRY: Final = (
    "PayPal's invoices do not expire: leave expires_at out and cancel the link, or use Razorpay or Stripe."
)


def number_of(link_id: str) -> str:
    """The invoice number of a link: what of our id fits. Its first characters are the type and the century."""
    return link_id[-NUMBER_CHARS:]


def invoice_body(request: PaymentLinkRequest) -> dict[str, Any]:
    """The body of `POST /v2/invoicing/invoices`. Raises a CallerError for what PayPal cannot be told."""
    check_amount(request.amount)
    if request.callback_url:
        raise CapabilityUnsupported(_NO_RETURN)
    if request.expires_at is not None:
        raise CapabilityUnsupported(_NO_EXPIRY)
    name = request.description or "Payment"
    if len(name) > NAME_CHARS:
        raise InvalidRequest.of("description", f"may have at most {NAME_CHARS} characters at PayPal")
    recipient = _recipient(request.customer)
    if request.notify and "email_address" not in recipient:
        raise InvalidRequest.of("customer_email", "is required for PayPal to mail the link")
    return known(
        detail={
            "invoice_number": number_of(request.link_id),
            "reference": request.link_id,
            "currency_code": request.amount.currency,
        },
        primary_recipients=[{"billing_info": recipient}] if recipient else None,
        items=[{"name": name, "quantity": "1", "unit_amount": to_wire(request.amount)}],
        configuration={"partial_payment": {"allow_partial_payment": False}, "allow_tip": False},
    )


def _recipient(customer: Mapping[str, str]) -> dict[str, Any]:
    given, _, surname = customer.get("name", "").strip().partition(" ")
    name = {part: text for part, text in (("given_name", given), ("surname", surname)) if text}
    return known(name=name or None, email_address=customer.get("email") or None)


def is_of(request: PaymentLinkRequest, invoice: Thing) -> bool:
    """Whether it was made for this request."""
    return text_of(invoice, "detail", "reference") == request.link_id


def is_draft(invoice: Thing) -> bool:
    """Made, and cannot be paid before it is sent."""
    return invoice.get("status") == "DRAFT"


def invoice_id(answer: Thing) -> str | None:
    """What was made: PayPal answers with the invoice, or with a link to it."""
    href = text_of(answer, "href")
    return text_of(answer, "id") or (href.rpartition("/")[2] or None if href else None)


def invoice_snapshot(invoice: Thing) -> ResourceSnapshot:
    payments = invoice.get("payments")
    paid = to_money(payments.get("paid_amount")) if isinstance(payments, dict) else None
    transactions = things_of(payments, "transactions")
    return ResourceSnapshot(
        status=STATUS.get(text_of(invoice, "status") or "", "unchanged"),
        provider_id=text_of(invoice, "id") or "",
        facts=known(
            short_url=text_of(invoice, "detail", "metadata", "recipient_view_url"),
            provider_payment_id=text_of(transactions[-1], "payment_id") if transactions else None,
            amount_paid_minor=paid.amount_minor if paid else None,
        ),
    )
