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


_FIXED_FEE: Final = 49


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


def fee_of(amount: int) -> int:
    """What PayPal keeps of a payment: 3.49 % and 49 of the smallest unit, as its price list for the US has it for cents."""
    return min(amount, round(amount * 349 / 10_000) + _FIXED_FEE)


def decimals(currency: str) -> int:
    return 0 if currency in NO_DECIMALS else 2


class NotMoney(Exception):
    """`why`: missing, currency, syntax, low, high or decimals; `part` is the field of the money."""

    def __init__(self, why: str, part: str | None) -> None:
        super().__init__(why)
        self.why = why
        self.part = part


def read_money(given: Any, *, least: int = 1, currency_name: str = "currency_code") -> Money:
    """`least` is in minor units. Raises NotMoney."""
    if not isinstance(given, dict):
        raise NotMoney("missing", None)
    currency, value = given.get(currency_name), given.get("value")
    if currency is None or value is None:
        raise NotMoney("missing", "value" if currency else currency_name)
    if not isinstance(currency, str) or currency not in SUPPORTED:
        raise NotMoney("currency", currency_name)
    if not isinstance(value, str) or len(value) > 32 or not _VALUE.match(value):
        raise NotMoney("syntax", "value")
    amount = Decimal(value)
    scaled = amount.scaleb(decimals(currency))
    if scaled < least and (amount <= 0 or scaled == int(scaled)):
        raise NotMoney("low", "value")
    if amount >= Decimal("1e15"):
        raise NotMoney("high", "value")
    if scaled != int(scaled):
        raise NotMoney("decimals", "value")
    return Money(int(scaled), currency)


def parse_money(given: Any, where: str, issues: str = "orders") -> Money:
    """Raises what PayPal raises. `where` is a JSON pointer; `issues` names the API, whose words differ a little."""
    try:
        return read_money(given)
    except NotMoney as problem:
        field = where if problem.part is None else f"{where}/{problem.part}"
        if problem.why == "missing":
            raise bad_request("MISSING_REQUIRED_PARAMETER", field, issues) from problem
        if problem.why == "syntax":
            raise bad_request("INVALID_PARAMETER_SYNTAX", field, issues) from problem
        issue = _ISSUES[problem.why]
        if problem.why == "decimals" and given["currency_code"] in NO_DECIMALS and issues == "payments":
            issue = "DECIMALS_NOT_SUPPORTED"  # orders know one word for both, refunds and captures two
        raise unprocessable(issue, field, issues) from problem


_ISSUES: Final = {
    "currency": "INVALID_CURRENCY_CODE",
    "low": "CANNOT_BE_ZERO_OR_NEGATIVE",
    "high": "MAX_VALUE_EXCEEDED",
    "decimals": "DECIMAL_PRECISION",
}
