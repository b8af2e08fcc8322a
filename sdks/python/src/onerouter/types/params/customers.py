"""Parameters: customers.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

__all__ = ["CustomerCreate"]


class CustomerCreate(TypedDict, total=False):
    """A payer to remember at the provider. One of name, email and phone at least."""

    email: str | None
    metadata: Mapping[str, str]
    """Yours; kept with it and in its events."""
    name: str | None
    notes: Mapping[str, str]
    """Shown at the provider."""
    phone: str | None
    provider: str | None
    """Only this provider. Absent: your route decides."""
