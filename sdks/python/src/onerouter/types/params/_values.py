"""Values that several parameters take.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

Amount = Decimal | int | float | str
"""Money in major units: `Decimal("499.00")`, `"499.00"`, `499`. A float is written as it prints."""


class _AddressRequired(TypedDict):
    email: str


class Address(_AddressRequired, total=False):
    """Somebody to write to."""

    name: str
