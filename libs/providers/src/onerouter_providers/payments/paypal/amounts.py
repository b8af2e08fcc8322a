"""How PayPal counts money: a decimal text and a currency, of which HUF, JPY and TWD have no decimals.

Conversion is exact or refused; nothing is rounded. The older APIs name the two differently.
"""

import re
from decimal import Decimal
from typing import Final

from onerouter_common.errors import InvalidRequest
from onerouter_common.money import MAX_MINOR, Money, exponent_of

CURRENCIES: Final = frozenset(
    {
        *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS"),
        *("JPY", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD"),
    }
)
NO_DECIMALS: Final = frozenset({"HUF", "JPY", "TWD"})
_VALUE: Final = re.compile(r"^[0-9]{1,15}(\.[0-9]{1,4})?$")


def check_amount(money: Money) -> None:
    """Raises InvalidRequest for what PayPal's decimal cannot say; nothing is rounded."""
    if money.currency not in CURRENCIES:
        raise InvalidRequest.of("currency", f"'{money.currency}' is not one that PayPal takes")
    step = 10 ** (exponent_of(money.currency) - exponent(money.currency))
    if money.amount_minor % step:
        raise InvalidRequest.of("amount", f"must be a whole number of {money.currency} at PayPal")


def exponent(currency: str) -> int:
    """Decimals that PayPal counts with."""
    return 0 if currency in NO_DECIMALS else 2


def to_wire(money: Money) -> dict[str, str]:
    """PayPal's money: `{"currency_code": "USD", "value": "12.99"}`."""
    return {"currency_code": money.currency, "value": f"{money.major:.{exponent(money.currency)}f}"}


def to_money(value: object) -> Money | None:
    """None for what is missing or strange, including more decimals than the currency has."""
    return _money(value, "value", "currency_code")


def to_sale(money: Money) -> dict[str, str]:
    """Of sales: `{"currency": "USD", "total": "12.99"}`."""
    return {"currency": money.currency, "total": to_wire(money)["value"]}


def from_payout(value: object) -> Money | None:
    """Of payouts: `{"currency": "USD", "value": "12.99"}`."""
    return _money(value, "value", "currency")


def from_sale(value: object) -> Money | None:
    """Of sales: `{"currency": "USD", "total": "12.99"}`."""
    return _money(value, "total", "currency")


def _money(value: object, amount: str, code: str) -> Money | None:
    if not isinstance(value, dict):
        return None
    text, currency = value.get(amount), value.get(code)
    if not isinstance(text, str) or not isinstance(currency, str) or not _VALUE.match(text):
        return None
    try:
        minor = Decimal(text).scaleb(exponent_of(currency))
    except InvalidRequest:
        return None
    if minor != int(minor) or minor > MAX_MINOR:
        return None
    return Money(int(minor), currency)
