"""What every feature checks alike. Raises InvalidRequest that names the field."""

from typing import cast

from onerouter_common.contracts.base import Environment
from onerouter_common.countries import COUNTRIES
from onerouter_common.errors import InvalidRequest

_NAME_MAX = 100
_REASON_MAX = 500


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


def reason_of(field: str, value: str) -> str:
    """Why something was done, for people: one line, trimmed, 1 to 500 printable characters."""
    reason = value.strip()
    if not 1 <= len(reason) <= _REASON_MAX or not reason.isprintable():
        raise InvalidRequest.of(field, f"must have 1 to {_REASON_MAX} printable characters on one line")
    return reason


def region_of(field: str, value: str | None) -> str | None:
    """A country, in capitals; None: none."""
    if value is None:
        return None
    region = value.strip().upper()
    if region not in COUNTRIES:
        raise InvalidRequest.of(field, "must be a country by ISO 3166, two letters (IN, US)")
    return region


def count_of(field: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise InvalidRequest.of(field, f"must be between 1 and {most}")
    return value
