"""Amounts as callers write them: a JSON number or a decimal string, never through float."""

import re
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

_DECIMAL: Final = re.compile(r"^[+-]?[0-9]{1,40}(\.[0-9]{1,40})?$", re.ASCII)


def _to_decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise ValueError('must be a number such as 499 or a decimal string such as "499.00"')  # noqa: TRY004 - pydantic's protocol
    if isinstance(value, str) and _DECIMAL.match(value) is None:
        raise ValueError("must be a decimal number such as 499.00")
    return Decimal(value)


MajorAmount = Annotated[
    Decimal,
    BeforeValidator(_to_decimal),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}],
            "description": "In major units: 499.00 is 499 rupees. At most as many decimals as the currency has.",
            "examples": [499.0, "499.00"],
        }
    ),
]
"""Whether it fits its currency is checked once the currency is known (`money.parse_major`)."""


def canonical(value: Decimal) -> str:
    """One spelling for one amount: 499, 499.0 and 4.99e2 are the same request."""
    return format(value.normalize(), "f") if value.adjusted() < 40 else str(value)
