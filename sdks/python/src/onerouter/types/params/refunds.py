"""Parameters: refunds.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from ._values import Amount

__all__ = ["RefundCreate"]


class _RefundCreateRequired(TypedDict):
    payment_id: str
    """Ours, or the provider's order id or payment id."""


class RefundCreate(_RefundCreateRequired, total=False):
    """Money to be returned for a payment."""

    amount: Amount | None
    """Absent: all that is left to refund."""
    notes: Mapping[str, str]
    reason: str | None
    speed: Literal["normal", "optimum"]
