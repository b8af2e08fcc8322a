"""PayPal's rules for saved methods; what does not fit is raised as `Refused`."""

import re
from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.paypal.fields import Fields

_CUSTOMER: Final = re.compile(r"^[0-9a-zA-Z_-]{1,22}$")
_BRANDS: Final = {"4": "VISA", "5": "MASTERCARD", "2": "MASTERCARD", "3": "AMEX", "6": "DISCOVER"}
_WALLET: Final = ("description", "usage_type", "customer_type", "permit_multiple_payment_tokens")


@dataclass(frozen=True, slots=True)
class SourceRequest:
    kind: str
    shown: dict[str, Any]
    context: dict[str, Any]


def customer_of(fields: Fields) -> str | None:
    customer = fields.inner("customer")
    text = None if customer is None else customer.text("id", 22)
    if customer is not None and text is not None and not _CUSTOMER.match(text):
        raise customer.wrong("id", "INVALID_PARAMETER_SYNTAX", text)
    return text


def source_request(source: Fields) -> SourceRequest:
    wallet, card = source.inner("paypal"), source.inner("card")
    if wallet is not None:
        context = wallet.inner("experience_context")
        shown = {name: wallet.raw[name] for name in _WALLET if wallet.has(name)}
        return SourceRequest("paypal", shown, {} if context is None else context.raw)
    if card is not None:
        context = card.inner("experience_context")
        return SourceRequest("card", _card(card), {} if context is None else context.raw)
    if source.raw:
        raise source.wrong(next(iter(source.raw)), "NOT_SUPPORTED")
    raise source.wrong("paypal", "MISSING_REQUIRED_PARAMETER")


def setup_token_id(source: Fields) -> str | None:
    """The setup token that is to become a payment token, if it is one."""
    token = source.inner("token")
    if token is None:
        return None
    token.word("type", ("SETUP_TOKEN",))
    return token.needed_text("id", 255)


def _card(card: Fields) -> dict[str, Any]:
    number, expiry = card.needed_text("number", 19, least=13), card.needed_text("expiry", 7, least=7)
    if not number.isascii() or not number.isdigit():
        raise card.wrong("number", "INVALID_PARAMETER_SYNTAX")
    if not re.match(r"^[0-9]{4}-(0[1-9]|1[0-2])$", expiry):
        raise card.wrong("expiry", "INVALID_PARAMETER_SYNTAX")
    shown = {"last_digits": number[-4:], "brand": _BRANDS.get(number[0], "VISA"), "expiry": expiry}
    name = card.text("name", 300)
    return shown if name is None else {"name": name, **shown}
