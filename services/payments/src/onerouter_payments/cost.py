"""What a payment cost at its provider: as it says itself, else as its price list makes one expect. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP
from typing import Final

from pydantic import JsonValue

from onerouter_common.money import Money
from onerouter_payments.payment.state import Payment
from onerouter_providers.cost import CostFacts, find_cost

Prices = Mapping[str, Sequence[CostFacts]]
"""Provider → its price list, from its manifest."""

NO_PRICES: Final[Prices] = {}
_CHARGED_FOR: Final = "payment.create"
"""Providers charge once for a payment, when it succeeds: the operation that made it bears the cost, its capture none."""
_HOME: Final[Mapping[str, str]] = {"USD": "US", "INR": "IN"}
"""A price list is for accounts at home in its currency's country; a card of another is from abroad."""


@dataclass(frozen=True, slots=True)
class Cost:
    money: Money
    estimated: bool
    """By the price list; the provider has not said."""


def cost_of(payment: Payment, prices: Prices) -> Cost | None:
    """None before money was taken, and where neither the provider nor a price list tells."""
    received = payment.amount_received
    if received is None:
        return None
    if payment.fee is not None:
        return Cost(payment.fee, estimated=False)
    price = find_cost(
        prices.get(payment.provider, ()),
        _CHARGED_FOR,
        currency=received.currency,
        method=payment.used_method,
        international=_is_international(payment, received.currency),
    )
    expected = None if price is None else price.estimate(received)
    if expected is None:
        return None
    minor = int(expected.to_integral_value(rounding=ROUND_HALF_UP))
    return Cost(Money(minor, received.currency), estimated=True)


def cost_view(cost: Cost | None) -> dict[str, JsonValue] | None:
    if cost is None:
        return None
    return {
        "amount": cost.money.to_json_number(),
        "amount_minor": cost.money.amount_minor,
        "currency": cost.money.currency,
        "estimated": cost.estimated,
    }


def _is_international(payment: Payment, currency: str) -> bool:
    """As the provider says it, else by the card's country."""
    details = payment.used_method_details
    if details.get("international") == "true":
        return True
    country, home = details.get("card_country"), _HOME.get(currency)
    return home is not None and isinstance(country, str) and country.upper() != home
