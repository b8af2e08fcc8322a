"""Parameters: payment methods.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

__all__ = ["PaymentMethodCreate", "PaymentMethodUpdate"]


class _PaymentMethodCreateRequired(TypedDict):
    payment_method_id: str
    """The provider's own id of it."""


class PaymentMethodCreate(_PaymentMethodCreateRequired, total=False):
    """Keep a method that a payer has entrusted to the provider."""

    customer_id: str | None
    """Of a customer made with us; some providers need one."""
    metadata: Mapping[str, str]
    nickname: str | None
    provider: str | None
    """Where it is. Absent: where the customer is."""


class PaymentMethodUpdate(TypedDict, total=False):
    """Payment method update."""

    metadata: Mapping[str, str] | None
    """Takes the place of what was there."""
    nickname: str | None
