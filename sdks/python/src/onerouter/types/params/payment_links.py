"""Parameters: payment links.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from ._values import Amount
from .shared import CustomerDetails

__all__ = ["PaymentLinkCreate"]


class _PaymentLinkCreateRequired(TypedDict):
    amount: Amount
    """In major units: 499.00 is 499 rupees. At most as many decimals as the currency has."""


class PaymentLinkCreate(_PaymentLinkCreateRequired, total=False):
    """A page at the provider where somebody pays this amount once."""

    callback_url: str | None
    """Where the payer goes afterwards."""
    currency: str | None
    """Absent: the default of the key's connections."""
    customer: CustomerDetails | None
    customer_email: str | None
    """The same as `customer.email`."""
    description: str | None
    expires_at: datetime | str | int | None
    """Absent: the provider's own limit."""
    metadata: Mapping[str, str]
    """Yours; kept with it and in its events."""
    notes: Mapping[str, str]
    """Shown at the provider."""
    notify: bool
    """Whether the provider sends the link to the customer."""
    provider: str | None
    """Only this provider. Absent: your route decides."""
