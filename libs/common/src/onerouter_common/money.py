"""Money: an integer of minor units and an ISO 4217 code. Nothing here ever goes through float.

Exponents (how many decimals a currency has) come from the `iso4217` package, which follows the ISO maintenance agency's
table. A provider that differs from ISO (Stripe's ISK, PayPal's HUF) says so in its own mapping.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from iso4217 import Currency

from onerouter_common.errors import InvalidRequest

MAX_MINOR: Final = 10**15 - 1  # fifteen digits: exact in every JSON reader, also in those that only have doubles
_FLOAT_NOISE: Final = Decimal("1e-9")  # 0.1 + 0.2 arrives as 0.30000000000000004: noise, not a fraction of a cent


@lru_cache(maxsize=512)
def exponent_of(currency: str) -> int:
    """How many decimals a currency has: 0 for JPY, 2 for INR, 3 for KWD. Raises InvalidRequest (field `currency`)."""
    try:
        exponent = Currency(currency).exponent
    except ValueError:
        exponent = None
    if exponent is None:
        raise InvalidRequest.of("currency", f"'{currency[:16]}' is not an ISO 4217 currency that money can be held in")
    return int(exponent)


def is_currency(code: str) -> bool:
    """Whether money can be held in it."""
    try:
        exponent_of(code)
    except InvalidRequest:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Money:
    amount_minor: int
    currency: str

    @property
    def major(self) -> Decimal:
        return Decimal(self.amount_minor).scaleb(-exponent_of(self.currency))

    def to_json_number(self) -> int | float:
        """The major amount as a JSON number. Exact: at most fifteen digits survive the shortest float representation."""
        major = self.major
        return int(major) if exponent_of(self.currency) == 0 else float(major)


def parse_currency(value: str) -> str:
    """An upper-case ISO 4217 code from what a caller sent. Raises InvalidRequest (field `currency`)."""
    code = value.strip().upper()
    exponent_of(code)
    return code


def parse_major(value: Decimal | int | str, currency: str, *, field: str = "amount") -> Money:
    """Money from major units ("499.00"). Raises InvalidRequest that names the field.

    Positive only. More decimals than the currency has are refused, never rounded, unless the excess is float noise
    (less than 1e-9 away from a representable amount).
    """
    try:
        amount = value if isinstance(value, Decimal) else Decimal(value)
    except InvalidOperation:
        raise InvalidRequest.of(field, "must be a decimal number such as 499.00") from None
    if not amount.is_finite():
        raise InvalidRequest.of(field, "must be a finite decimal number")
    if amount <= 0:
        raise InvalidRequest.of(field, "must be greater than zero")
    exponent = exponent_of(currency)
    if amount.adjusted() > 15:  # before any arithmetic: 1e999999 would be expanded digit by digit
        raise InvalidRequest.of(field, f"is larger than the largest amount accepted, {MAX_MINOR} minor units")
    scaled = amount.scaleb(exponent)
    minor = scaled.to_integral_value(rounding=ROUND_HALF_EVEN)
    if abs(scaled - minor) > _FLOAT_NOISE * 10**exponent:
        raise InvalidRequest.of(field, f"has more decimals than {currency} has ({exponent})")
    return parse_minor(int(minor), currency, field=field)


def parse_minor(value: int, currency: str, *, field: str = "amount") -> Money:
    """Money from integer minor units. Raises InvalidRequest that names the field."""
    if value <= 0:
        raise InvalidRequest.of(field, "must be greater than zero")
    if value > MAX_MINOR:
        raise InvalidRequest.of(field, f"is larger than the largest amount accepted, {MAX_MINOR} minor units")
    exponent_of(currency)
    return Money(value, currency)
