"""Results: shared.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object

__all__ = [
    "Amount",
    "AmountMismatch",
    "BatchCanceled",
    "BatchMessage",
    "Cost",
    "Dispute",
    "Engagement",
    "MessageFailure",
    "PaymentFailure",
    "RejectedRecipient",
    "TemplateOfMessage",
]


class Amount(Object):
    """Amount."""

    amount: float
    """Major units."""
    amount_minor: int
    currency: str


class AmountMismatch(Object):
    """Amount mismatch."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    expected: Amount
    received: Amount


class BatchCanceled(Object):
    """Batch canceled."""

    canceling: int
    """Messages that had not left; each is canceled by itself."""
    id: str
    object: Literal["sms_batch", "email_batch"] | str
    status: Literal["canceled"]


class BatchMessage(Object):
    """Batch message."""

    id: str
    index: int
    """Its recipient's place in `recipients`, from 0."""
    status: str
    to: str


class Cost(Object):
    """What the provider keeps of a payment, taxes included where it says so."""

    amount: float
    """Major units."""
    amount_minor: int
    currency: str
    estimated: bool
    """By the provider's public price list; it has not said itself."""


class Dispute(Object):
    """What a payer or a bank contests. Won: the money is yours; closed: it ended without a decision."""

    amount: float | None
    amount_minor: int | None
    created: int
    created_at: str
    currency: str | None
    due_by: str | None
    """Until when the provider takes an answer."""
    environment: Literal["test", "live"] | str
    id: str
    object: Literal["dispute"]
    payment_id: str
    provider: str
    provider_dispute_id: str
    reason: str | None
    """In the provider's words."""
    status: Literal["warning", "needs_response", "under_review", "won", "lost", "closed"] | str
    updated_at: str
    version: int


class Engagement(Object):
    """Engagement."""

    count: int
    first_at: str


class MessageFailure(Object):
    """Message failure."""

    code: str
    message: str
    provider_code: str | None
    """The provider's own word for it, where it has one."""


class PaymentFailure(Object):
    """Payment failure."""

    code: str
    message: str


class RejectedRecipient(Object):
    """Rejected recipient."""

    index: int
    """Its place in `recipients`, from 0."""
    message: str
    to: str


class TemplateOfMessage(Object):
    """Template of message."""

    id: str
    version: int


AmountMismatch._nested = {"expected": Amount, "received": Amount}
