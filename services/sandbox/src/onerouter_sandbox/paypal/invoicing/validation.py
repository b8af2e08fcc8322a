"""PayPal's rules for invoices; what does not fit is raised as `Refused`."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

from onerouter_sandbox.paypal.fields import Fields

CREATE: Final = "invoices.create"
_SHOWN: Final = ("invoicer", "primary_recipients", "additional_recipients", "items", "configuration")


@dataclass(frozen=True, slots=True)
class InvoiceRequest:
    number: str | None
    currency: str
    amount: int
    given: dict[str, Any]


def invoice_request(body: dict[str, Any]) -> InvoiceRequest:
    fields = Fields(body, CREATE)
    detail = fields.needed("detail")
    currency = detail.needed_text("currency_code", 3, least=3)
    for name, most in (("reference", 120), ("note", 4_000), ("memo", 500), ("terms_and_conditions", 4_000)):
        detail.text(name, most)
    number = detail.raw.get("invoice_number")
    if isinstance(number, str) and len(number) > 25:
        description = "Invoice number length should be less than 25 characters."
        raise detail.wrong("invoice_number", "INVALID_STRING_MAX_LENGTH", number[:100], description)
    amount = sum(_line(item, currency) for item in fields.each("items", 1, 100))
    return InvoiceRequest(
        number=detail.text("invoice_number", 25),
        currency=currency,
        amount=amount,
        given={"detail": detail.raw, **{name: body[name] for name in _SHOWN if fields.has(name)}},
    )


def _line(item: Fields, currency: str) -> int:
    item.needed_text("name", 200)
    item.text("description", 1_000)
    text = item.needed_text("quantity", 14)
    item.need("unit_amount")
    price = item.money("unit_amount")
    try:
        quantity = Decimal(text)
    except InvalidOperation:
        quantity = Decimal(0)
    if price is None or not quantity.is_finite() or quantity <= 0:
        raise item.wrong("quantity", "INVALID_PARAMETER_VALUE", text)
    if price.currency != currency:
        raise item.wrong("unit_amount/currency_code", "INVALID_PARAMETER_VALUE", price.currency)
    return int((price.minor * quantity).quantize(Decimal(1), ROUND_HALF_UP))
