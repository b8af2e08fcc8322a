"""PayPal's money: a decimal string and a currency, some of which have no decimals there.

Source: https://developer.paypal.com/api/rest/reference/currency-codes/
"""

import re
from decimal import Decimal
from typing import Any, Final, NamedTuple

from onerouter_sandbox.paypal.errors import bad_request, unprocessable

_CODES: Final = "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD"
SUPPORTED: Final = frozenset(_CODES.split())
NO_DECIMALS: Final = frozenset({"HUF", "JPY", "TWD"})
_VALUE: Final = re.compile(r"^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))$")


class Money(NamedTuple):
    """`minor` counts what PayPal counts: whole forints, cents."""

    minor: int
    currency: str

    def shown(self) -> dict[str, str]:
        return {"currency_code": self.currency, "value": self.value}

    @property
    def value(self) -> str:
        places = decimals(self.currency)
        return f"{Decimal(self.minor).scaleb(-places):.{places}f}"


def decimals(currency: str) -> int:
    return 0 if currency in NO_DECIMALS else 2


def parse_money(given: Any, where: str, issues: str = "orders") -> Money:
    """Raises what PayPal raises. `where` is a JSON pointer; `issues` names the API, whose words differ a little."""
    if not isinstance(given, dict):
        raise bad_request("MISSING_REQUIRED_PARAMETER", where, issues)
    currency, value = given.get("currency_code"), given.get("value")
    if currency is None or value is None:
        raise bad_request("MISSING_REQUIRED_PARAMETER", f"{where}/{'value' if currency else 'currency_code'}", issues)
    if not isinstance(currency, str) or currency not in SUPPORTED:
        raise unprocessable("INVALID_CURRENCY_CODE", f"{where}/currency_code", issues)
    if not isinstance(value, str) or len(value) > 32 or not _VALUE.match(value):
        raise bad_request("INVALID_PARAMETER_SYNTAX", f"{where}/value", issues)
    amount = Decimal(value)
    if amount <= 0:
        raise unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE", f"{where}/value", issues)
    if amount >= Decimal("1e15"):
        raise unprocessable("MAX_VALUE_EXCEEDED", f"{where}/value", issues)
    scaled = amount.scaleb(decimals(currency))
    if scaled != int(scaled):
        # Orders know one word for both, refunds and captures two.
        no_decimals = currency in NO_DECIMALS and issues == "payments"
        raise unprocessable("DECIMALS_NOT_SUPPORTED" if no_decimals else "DECIMAL_PRECISION", f"{where}/value", issues)
    return Money(int(scaled), currency)
