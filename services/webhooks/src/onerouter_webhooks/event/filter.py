"""Which events an endpoint takes by what is in them: a small language of conditions on the event's body. Pure.

    {"type": "payment.succeeded", "data": {"amount": {"$gte": 1000}, "currency": {"$in": ["INR", "USD"]}}}

A name leads into an object, a plain value must be equal, `$…` compares. All that is in one object must hold. Where the body
has a list of plain values, one of them must match. What is compared with a value of another kind does not match.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

MOST_OPERATORS: Final = 50
DEEPEST: Final = 6
"""Objects inside one another."""
_MOST_CHOICES: Final = 100
"""Of `$in` and `$nin`, all of a filter together."""
_MOST_ENTRIES: Final = 100
"""Of a list in a body. With these bounds a filter takes at most some milliseconds."""
_LONGEST: Final = 500
_NOTHING: Final = object()

_Plain = str | int | float | bool | None


class FilterWrong(ValueError):
    """What was given is no filter. The text says where and why."""


def check(given: object) -> None:
    """Whether it is a filter, within the bounds. Raises FilterWrong."""
    if not isinstance(given, dict) or not given:
        raise FilterWrong("must be an object with at least one condition")
    if (count := _count(given, "", 1)) > MOST_OPERATORS:
        raise FilterWrong(f"must have at most {MOST_OPERATORS} conditions, this has {count}")
    if (count := _choices(given)) > _MOST_CHOICES:
        raise FilterWrong(f"must have at most {_MOST_CHOICES} values in its $in and $nin, this has {count}")


def passes(wanted: Mapping[str, Any] | None, body: object) -> bool:
    """Whether an event with this body matches. Never raises: a filter that cannot be carried out lets everything through,
    for a surplus event can be ignored and a lost one cannot be asked for.
    """
    if wanted is None:
        return True
    try:
        return _holds(wanted, body, DEEPEST)
    except FilterWrong:
        return True


def _count(given: Any, at: str, depth: int) -> int:
    if not isinstance(given, dict):
        _check_plain(given, at)
        return 1
    if depth > DEEPEST:
        raise FilterWrong(f"{at}: must be at most {DEEPEST} levels deep")
    if not given:
        raise FilterWrong(f"{at}: must not be empty")
    return sum(_count_one(key, value, f"{at}.{key}" if at else key, depth) for key, value in given.items())


def _count_one(key: str, value: Any, at: str, depth: int) -> int:
    _check_text(key, at)
    if not key.startswith("$"):
        return _count(value, at, depth + 1)
    if key in ("$and", "$or"):
        if not isinstance(value, list) or not value or len(value) > MOST_OPERATORS:
            raise FilterWrong(f"{at}: must be a list of 1 to {MOST_OPERATORS} filters")
        return 1 + sum(_count_filter(one, at, depth) for one in value)
    if key == "$not":
        return 1 + _count_filter(value, at, depth)
    if key not in _OPERATORS:
        raise FilterWrong(f"{at}: must be one of {', '.join(sorted((*_OPERATORS, '$and', '$or', '$not')))}")
    _check_operand(key, value, at)
    return 1


def _count_filter(given: Any, at: str, depth: int) -> int:
    if not isinstance(given, dict):
        raise FilterWrong(f"{at}: must hold filters, which are objects")
    return _count(given, at, depth + 1)


def _choices(given: Any) -> int:
    if isinstance(given, list):
        return sum(_choices(one) for one in given)
    if not isinstance(given, dict):
        return 0
    return sum(len(value) if key in ("$in", "$nin") else _choices(value) for key, value in given.items())


def _check_operand(operator: str, value: Any, at: str) -> None:
    if operator in ("$in", "$nin"):
        if not isinstance(value, list) or not value or len(value) > _MOST_CHOICES:
            raise FilterWrong(f"{at}: must be a list of 1 to {_MOST_CHOICES} values")
        for one in value:
            _check_plain(one, at)
    elif operator == "$exist":
        if not isinstance(value, bool):
            raise FilterWrong(f"{at}: must be true or false")
    elif operator in ("$startsWith", "$endsWith"):
        if not isinstance(value, str):
            raise FilterWrong(f"{at}: must be a text")
        _check_plain(value, at)
    elif operator in ("$gt", "$gte", "$lt", "$lte"):
        if not isinstance(value, str) and not _is_number(value):
            raise FilterWrong(f"{at}: must be a number or a text")
        _check_plain(value, at)
    else:
        _check_plain(value, at)


def _check_plain(value: Any, at: str) -> None:
    if isinstance(value, str):
        _check_text(value, at)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise FilterWrong(f"{at}: must be a number of 64 bits")
    elif isinstance(value, float) and not math.isfinite(value):
        raise FilterWrong(f"{at}: must be a finite number")
    elif not isinstance(value, _Plain):
        raise FilterWrong(f"{at}: must be a text, a number, true, false or null")


def _check_text(text: str, at: str) -> None:
    where = at[:100].encode("utf-8", "replace").decode()
    if not text or len(text) > _LONGEST:
        raise FilterWrong(f"{where}: names and texts must have 1 to {_LONGEST} characters")
    if "\0" in text or not _is_unicode(text):
        raise FilterWrong(f"{where}: names and texts must be valid Unicode without NUL")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _holds(wanted: Any, value: object, depth: int) -> bool:
    if not isinstance(wanted, Mapping):
        return _any_entry(_equal, value, wanted)
    if depth < 1:
        raise FilterWrong("too deep")
    return all(_holds_one(key, operand, value, depth) for key, operand in wanted.items())


def _holds_one(key: str, operand: Any, value: object, depth: int) -> bool:
    if not key.startswith("$"):
        return _holds(operand, value.get(key, _NOTHING) if isinstance(value, Mapping) else _NOTHING, depth - 1)
    if key == "$not":
        return not _holds(operand, value, depth - 1)
    if key in ("$and", "$or"):
        if not isinstance(operand, list):
            raise FilterWrong(f"{key} without a list")
        held = (_holds(one, value, depth - 1) for one in operand)
        return all(held) if key == "$and" else any(held)
    if key not in _OPERATORS:
        raise FilterWrong(f"{key} is unknown")
    return _OPERATORS[key](value, operand)


def _any_entry(compare: Callable[[object, Any], bool], value: object, operand: Any) -> bool:
    """The value itself or, where it is a list, one of its entries."""
    if isinstance(value, list):
        if len(value) > _MOST_ENTRIES:
            raise FilterWrong("too long a list")
        return any(compare(entry, operand) for entry in value)
    return compare(value, operand)


def _equal(value: object, operand: object) -> bool:
    if _is_number(value) and _is_number(operand):
        return value == operand
    return type(value) is type(operand) and not isinstance(value, dict | list) and value == operand


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _among(value: object, operand: Any) -> bool:
    return isinstance(operand, list) and any(_equal(value, one) for one in operand)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[object, Any], bool]:
    def holds(value: object, operand: Any) -> bool:
        comparable = (_is_number(value) and _is_number(operand)) or (
            isinstance(value, str) and isinstance(operand, str)
        )
        return comparable and compare(value, operand)

    return lambda value, operand: _any_entry(holds, value, operand)


def _starts(value: object, operand: Any) -> bool:
    return isinstance(value, str) and isinstance(operand, str) and value.startswith(operand)


def _ends(value: object, operand: Any) -> bool:
    return isinstance(value, str) and isinstance(operand, str) and value.endswith(operand)


_OPERATORS: Final[Mapping[str, Callable[[object, Any], bool]]] = {
    "$eq": lambda value, operand: _any_entry(_equal, value, operand),
    "$ne": lambda value, operand: not _any_entry(_equal, value, operand),
    "$gt": _ordered(lambda value, operand: value > operand),
    "$gte": _ordered(lambda value, operand: value >= operand),
    "$lt": _ordered(lambda value, operand: value < operand),
    "$lte": _ordered(lambda value, operand: value <= operand),
    "$in": lambda value, operand: _any_entry(_among, value, operand),
    "$nin": lambda value, operand: not _any_entry(_among, value, operand),
    "$startsWith": lambda value, operand: _any_entry(_starts, value, operand),
    "$endsWith": lambda value, operand: _any_entry(_ends, value, operand),
    "$exist": lambda value, operand: (value is not _NOTHING) is bool(operand),
}
