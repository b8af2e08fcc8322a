"""Pairs in a query string: `metadata[order]=1042`. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from onerouter_common.errors import InvalidRequest

MOST_PAIRS: Final = 5
_KEY_CHARS: Final = 100
_VALUE_CHARS: Final = 2_000
_ASKED: Final = re.compile(r"([a-z_]+)\[(.*)\]", re.DOTALL)


def asked_pairs(field: str, query: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those of the field `field`; of other parameters nothing. Raises InvalidRequest for what is no pair."""
    found: dict[str, str] = {}
    for name, value in query:
        match = _ASKED.fullmatch(name)
        if (match is None and name != field) or (match is not None and match[1] != field):
            continue
        if match is None or not 0 < len(match[2]) <= _KEY_CHARS:
            raise InvalidRequest.of(
                field, f"is asked for as {field}[name]=value, the name in 1 to {_KEY_CHARS} characters"
            )
        if "\x00" in match[2] or "\x00" in value:  # PostgreSQL has no text with NUL
            raise InvalidRequest.of(field, "must not contain NUL, in a name or a value")
        if len(value) > _VALUE_CHARS:
            raise InvalidRequest.of(field, f"must have values of at most {_VALUE_CHARS} characters")
        if found.setdefault(match[2], value) != value:
            raise InvalidRequest.of(field, "names one thing with two values, which nothing can have")
    if len(found) > MOST_PAIRS:
        raise InvalidRequest.of(field, f"may name {MOST_PAIRS} pairs at most")
    return found
