"""How Stripe counts money: integers of the smallest unit, with decimals that differ from ISO 4217 for three currencies.

| | ISO | Stripe | |
|---|---|---|---|
| ISK, UGX | 0 | 2 | 5 ISK are `500`: only whole units exist |
| MGA | 2 | 0 | MGA 5.00 are `5`: a fraction cannot be said |
| BHD, JOD, KWD, OMR, TND | 3 | 3 | the last digit must be 0 |

Conversion is exact or refused; nothing is rounded.
"""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import CapabilityUnsupported, InvalidRequest
from onerouter_common.money import Money, exponent_of

NO_DECIMALS: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
THREE_DECIMALS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
CONVERTED: Final[Mapping[str, int]] = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Decimals at Stripe where they differ from ISO 4217 in a way that Stripe documents."""
MOST_WIRE: Final = 999_999_999_999
"""Twelve digits: the most that Stripe takes in any currency; most end earlier, which it says itself."""


def exponent(currency: str) -> int:
    """Decimals that Stripe counts with."""
    if currency in CONVERTED:
        return CONVERTED[currency]
    if currency in NO_DECIMALS:
        return 0
    return 3 if currency in THREE_DECIMALS else 2


def to_wire(money: Money) -> int:
    """Stripe's integer. Raises InvalidRequest or CapabilityUnsupported for what it cannot say."""
    theirs, iso = exponent(money.currency), exponent_of(money.currency)
    if theirs != iso and money.currency not in CONVERTED:
        raise CapabilityUnsupported(f"Stripe does not take {money.currency}.")
    if theirs == 3 and money.amount_minor % 10:
        raise InvalidRequest.of("amount", f"must not use the third decimal of {money.currency} at Stripe")
    if theirs >= iso:
        amount = money.amount_minor * _ten_to(theirs - iso)
    else:
        amount, fraction = divmod(money.amount_minor, _ten_to(iso - theirs))
        if fraction:
            raise InvalidRequest.of("amount", f"must be in whole {money.currency} at Stripe")
    if amount <= 0 or amount > MOST_WIRE:
        raise InvalidRequest.of("amount", "is not an amount that Stripe takes")
    return amount


def from_wire(amount: int, currency: str) -> int | None:
    """ISO minor units of Stripe's integer; None where they cannot say it (half an Icelandic króna)."""
    theirs = exponent(currency)
    try:
        iso = exponent_of(currency)
    except InvalidRequest:
        return None
    if iso >= theirs:
        return amount * _ten_to(iso - theirs)
    minor, fraction = divmod(amount, _ten_to(theirs - iso))
    return None if fraction else minor


def money_of(thing: Mapping[str, Any], name: str) -> Money | None:
    """An amount of an object that has a `currency` beside it; None when either is missing or strange."""
    amount, currency = thing.get(name), thing.get("currency")
    if not isinstance(amount, int) or isinstance(amount, bool) or amount < 0 or not isinstance(currency, str):
        return None
    code = currency.upper()
    minor = from_wire(amount, code)
    return None if minor is None else Money(minor, code)


def minor_of(thing: Mapping[str, Any], name: str) -> int:
    """The same in minor units, 0 when it is missing or strange."""
    money = money_of(thing, name)
    return 0 if money is None else money.amount_minor


def _ten_to(power: int) -> int:
    return int(10**power)
