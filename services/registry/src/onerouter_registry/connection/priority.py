"""The order of a route, as a list."""

from collections.abc import Sequence


def moved(ordered: Sequence[str], one: str, priority: int) -> list[str]:
    """`ordered` with `one` (in it, or new) at this place, 1 being the first; past the end it is the last.

    The others keep their order.
    """
    others = [other for other in ordered if other != one]
    place = max(priority - 1, 0)
    return [*others[:place], one, *others[place:]]
