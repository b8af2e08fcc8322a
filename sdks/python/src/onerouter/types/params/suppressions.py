"""Parameters: suppressions.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = ["SuppressionCreate"]


class _SuppressionCreateRequired(TypedDict):
    address: str
    """An email address, or a number with its country code."""
    channel: Literal["sms", "email"]


class SuppressionCreate(_SuppressionCreateRequired, total=False):
    """Nothing is sent to the address any more, by any provider."""

    note: str | None
    reason: Literal["bounce", "complaint", "unsubscribe", "stop", "manual"]
