"""JSON from outside, made storable."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

# An escaped NUL: `\u0000` after an even number of backslashes (after an odd number it is text that looks like one).
_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def without_nul(raw: bytes) -> bytes:
    """The same JSON without NUL characters in its strings: PostgreSQL can store every other one.

    For what a provider says; what a caller sends is refused instead, so that nothing is changed unseen.
    """
    return _NUL.sub(rb"\1", raw) if b"\\u0000" in raw else raw


def strings_without_nul(value: Any) -> Any:
    """The same value without NUL characters in its strings, also those of mappings, lists, tuples and dataclasses in it."""
    match value:
        case str():
            return value.replace("\0", "")
        case Mapping():
            return {strings_without_nul(name): strings_without_nul(each) for name, each in value.items()}
        case list():
            return [strings_without_nul(each) for each in value]
        case tuple() if type(value) is tuple:
            return tuple(strings_without_nul(each) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        changes = {one.name: strings_without_nul(getattr(value, one.name)) for one in fields(value) if one.init}
        return replace(value, **changes)
    return value
