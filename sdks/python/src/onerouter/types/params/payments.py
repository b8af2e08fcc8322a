"""Parameters: payments.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from ._values import Amount
from .shared import CustomerDetails

__all__ = ["PaymentCapture", "PaymentCreate"]


class PaymentCapture(TypedDict, total=False):
    """Payment capture."""

    amount: Amount | None
    """Absent: all that is authorized."""


class _PaymentCreateRequired(TypedDict):
    amount: Amount
    """In major units: 499.00 is 499 rupees. At most as many decimals as the currency has."""


class PaymentCreate(_PaymentCreateRequired, total=False):
    """A payment to be made."""

    bank_code: str | None
    cancel_url: str | None
    """Where the customer goes after giving up."""
    capture: Literal["automatic", "manual"]
    """`manual` only authorizes; capture or cancel it later."""
    card_network: str | None
    channel: str | None
    """Where the sale is made, in your own words; for your routing rules."""
    country: str | None
    """Of the customer, ISO 3166 alpha-2; for your routing rules. Absent: `customer.address.country`."""
    currency: str | None
    """Absent: the default of the key's connections."""
    customer: CustomerDetails | None
    description: str | None
    emi_plan: str | None
    metadata: Mapping[str, str]
    """Yours; kept with the payment and in its events."""
    method: Literal["upi", "card", "netbanking", "wallet", "emi", "paylater"] | None
    """Absent: the customer chooses at the provider's checkout."""
    notes: Mapping[str, str]
    """Shown at the provider."""
    provider: str | None
    """Only this provider may serve it. Absent: the route of the environment decides."""
    receipt: str | None
    """Your own number of the order."""
    return_url: str | None
    """Where the customer goes after paying."""
    save_card: bool
    upi_app: str | None
    wallet_provider: str | None
