"""Whether a rule can ever decide. Pure."""

from collections.abc import Sequence

from onerouter_common.contracts.routing import AmountRange, Conditions


def is_covered(when: Conditions, by: Conditions) -> bool:
    """Whether all that matches `when` matches `by` too."""
    return (
        _within(when.currency, by.currency)
        and _within(when.country, by.country)
        and _within(when.method, by.method)
        and _within(when.channel, by.channel)
        and _inside(when.amount, by.amount)
        and by.metadata.items() <= when.metadata.items()
    )


def _within(words: Sequence[str], by: Sequence[str]) -> bool:
    return not by or (bool(words) and set(words) <= set(by))


def _inside(wanted: AmountRange | None, by: AmountRange | None) -> bool:
    if by is None:
        return True
    if wanted is None:
        return False
    above = by.min is None or (wanted.min is not None and wanted.min >= by.min)
    below = by.max is None or (wanted.max is not None and wanted.max <= by.max)
    return above and below
