"""What a message costs at its provider: as it says itself, else as its price list makes one expect. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from pydantic import JsonValue

from onerouter_common.money import exponent_of
from onerouter_messaging.message.state import Cost, Message
from onerouter_providers.cost import CostFacts

Prices = Mapping[tuple[str, str], Sequence[CostFacts]]
"""(Category, provider) → its price list, from its manifest."""

NO_PRICES: Final[Prices] = {}


def estimate(message: Message, prices: Prices) -> Cost | None:
    """Segments, or recipients of an email, times the price; None where the price list says nothing of it."""
    capability = f"{message.channel}.send"
    listed = prices.get((message.channel, message.provider or ""), ())
    price = next(
        (
            one
            for one in listed
            if one.of == capability and one.when.holds(method=None, international=False, country=message.country)
        ),
        None,
    )
    if price is None:
        return None
    count = _segments(message) if message.channel == "sms" else _sent_to(message)
    return Cost(price.fixed_minor.scaleb(-exponent_of(price.currency)) * count, price.currency, is_estimated=True)


def cost_view(cost: Cost | None) -> dict[str, JsonValue] | None:
    """As an operation shows it. A message costs fractions of a cent: `amount_minor` may be one."""
    if cost is None:
        return None
    return {
        "amount": number(cost.amount),
        "amount_minor": number(cost.amount.scaleb(exponent_of(cost.currency))),
        "currency": cost.currency,
        "estimated": cost.is_estimated,
    }


def number(amount: Decimal) -> int | float:
    """As a JSON number; prices have few digits, so the shortest float is exact."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _segments(message: Message) -> int:
    return message.segments or 1


def _sent_to(message: Message) -> int:
    return max(1, sum(one.status != "suppressed" for one in message.recipients))
