"""Parameters: shared.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from typing import TypedDict

__all__ = ["CustomerAddress", "CustomerDetails", "SuppressionOverride"]


class CustomerAddress(TypedDict, total=False):
    """Customer address."""

    country: str | None
    """ISO 3166 alpha-2; what is not one is ignored."""


class CustomerDetails(TypedDict, total=False):
    """Customer details."""

    address: CustomerAddress | None
    """Its country counts for routing where the payment names none."""
    email: str | None
    id: str | None
    name: str | None
    phone: str | None


class SuppressionOverride(TypedDict):
    """Suppression override."""

    reason: str
    """Why it is sent all the same; kept with the operation."""
