"""Parameters: marketplace.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from ._values import Amount
from .shared import CustomerDetails

__all__ = ["BulkSplit", "SplitConfig", "SplitPart", "SplitPaymentCreate", "VendorCreate", "VendorSplitUpdate"]


class _BulkSplitRequired(TypedDict):
    payments: Sequence[SplitPaymentCreate]
    """Each as of `POST /v1/marketplace/payments/split`."""


class BulkSplit(_BulkSplitRequired, total=False):
    """Several split payments; each is an operation of its own, and one that is wrong stops no other."""

    process_immediately: bool
    """False: accept them all and do not wait for the provider."""


class SplitConfig(TypedDict, total=False):
    """A vendor's usual part, where a payment does not say: a percentage of it, a fixed amount, or both."""

    currency: str | None
    """Of the fixed amount."""
    fixed: Amount | None
    percent: Amount | None


class SplitPart(TypedDict, total=False):
    """Split part."""

    account_id: str | None
    """A vendor: our id, yours, or its account at the provider. Not needed for `fee` and `tax`."""
    amount: Amount | None
    """Absent: by the vendor's `split_config`."""
    type: Literal["vendor", "fee", "tax"]


class _SplitPaymentCreateRequired(TypedDict):
    amount: Amount
    """In major units: 499.00 is 499 rupees. At most as many decimals as the currency has."""
    splits: Sequence[SplitPart]


class SplitPaymentCreate(_SplitPaymentCreateRequired, total=False):
    """A payment whose money goes to vendors, fees and taxes. The parts add up to the amount."""

    cancel_url: str | None
    currency: str | None
    """Absent: the default of the key's connections."""
    customer: CustomerDetails | None
    description: str | None
    metadata: Mapping[str, str]
    """Yours; kept with it and in its events."""
    notes: Mapping[str, str]
    """Shown at the provider."""
    provider: str | None
    """Only this provider. Absent: your route decides."""
    receipt: str | None
    return_url: str | None


class _VendorCreateRequired(TypedDict):
    name: str


class VendorCreate(_VendorCreateRequired, total=False):
    """Somebody to be paid through you."""

    account_details: Mapping[str, object] | None
    """Bank data (`account_number`, `ifsc`, `routing_number`, `iban`, `account_holder`, …). Sealed at once, opened
    for the provider alone, then erased; what is shown is masked. PayPal takes `paypal_email` or `payer_id`
    instead: which account it is, no secret, and shown as it is (`account_id`).
    """
    business_type: str | None
    country: str | None
    email: str | None
    metadata: Mapping[str, str]
    """Yours; kept with it and in its events."""
    notes: Mapping[str, str]
    """Shown at the provider."""
    phone: str | None
    provider: str | None
    """Only this provider. Absent: your route decides."""
    refresh_url: str | None
    """Where it goes when the sign-up link has expired."""
    return_url: str | None
    """Where the vendor goes after signing up at the provider."""
    split_config: SplitConfig | None
    vendor_id: str | None
    """Your own id of it: letters, digits, `_` and `-`."""


class VendorSplitUpdate(TypedDict, total=False):
    """The vendor's usual part from now on."""

    currency: str | None
    """Of the fixed amount."""
    fixed: Amount | None
    percent: Amount | None
