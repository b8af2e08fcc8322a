"""What every feature checks alike. Raises InvalidRequest that names the field."""

from typing import cast

from onerouter_common.contracts.base import Environment
from onerouter_common.errors import InvalidRequest

_NAME_MAX = 100


def environment_of(value: str) -> Environment:
    if value not in ("test", "live"):
        raise InvalidRequest.of("environment", "must be test or live")
    return cast("Environment", value)


def name_of(field: str, value: str) -> str:
    """A name for people: trimmed, 1 to 100 printable characters."""
    name = value.strip()
    if not 1 <= len(name) <= _NAME_MAX or not name.isprintable():
        raise InvalidRequest.of(field, f"must have 1 to {_NAME_MAX} printable characters")
    return name


def count_of(field: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise InvalidRequest.of(field, f"must be between 1 and {most}")
    return value
