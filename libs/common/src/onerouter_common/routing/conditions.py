"""Whether what an operation says of itself matches. What it does not say matches no condition."""

from decimal import Decimal

from onerouter_common.contracts.routing import AmountRange, Conditions
from onerouter_common.routing.route import Facts


def matches(when: Conditions, facts: Facts) -> bool:
    """Whether every condition does. One of a later version than ours never does."""
    return (
        not when.model_extra
        and (not when.currency or facts.currency in when.currency)
        and (not when.country or facts.country in when.country)
        and (not when.method or facts.method in when.method)
        and (not when.channel or facts.channel in when.channel)
        and (when.amount is None or within(when.amount, facts.amount))
        and all(facts.metadata.get(name) == value for name, value in when.metadata.items())
    )


def within(wanted: AmountRange, amount: Decimal | None) -> bool:
    if amount is None:
        return False
    return (wanted.min is None or amount >= wanted.min) and (wanted.max is None or amount <= wanted.max)
