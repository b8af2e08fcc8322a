"""Moments as callers write them: ISO 8601 with an offset, or Unix seconds. One moment, one form."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, WithJsonSchema

_SECONDS: Final = re.compile(r"^[0-9]{1,12}$", re.ASCII)
_LATEST_S: Final = 253_402_300_799
"""The last second of the year 9999."""
NO_MOMENT: Final = "must be a moment such as 2026-01-31T09:30:00Z, or in Unix seconds"


def _read(value: Any) -> Any:
    """Numbers are seconds, never milliseconds: pydantic would guess."""
    if isinstance(value, str) and _SECONDS.match(value) is not None:
        value = int(value)
    if isinstance(value, Decimal) and value.adjusted() < len(str(_LATEST_S)) and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str | datetime):
        raise ValueError(NO_MOMENT)  # noqa: TRY004 - pydantic's protocol
    if not isinstance(value, int):
        return value
    if not 0 < value <= _LATEST_S:
        raise ValueError(NO_MOMENT)
    return datetime.fromtimestamp(value, UTC)


def _in_utc(value: datetime) -> datetime:
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise ValueError(NO_MOMENT) from None
    if moment.year < 1970:
        raise ValueError(NO_MOMENT)
    return moment


AnyMoment = Annotated[
    AwareDatetime,
    BeforeValidator(_read),
    AfterValidator(_in_utc),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "integer", "minimum": 1, "maximum": _LATEST_S},
            ],
            "examples": ["2026-01-31T09:30:00Z", 1_769_851_800],
        }
    ),
]
"""In UTC."""
