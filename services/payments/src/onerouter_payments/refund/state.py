"""A refund and the rule by which it only ever moves forward. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from onerouter_common.money import Money
from onerouter_providers.capability import RefundSnapshot

RANK: Final[Mapping[str, int]] = {
    "pending": 0,
    "failed": 1,
    # Highest, so that money once known to be returned is never counted as available again.
    "succeeded": 2,
}

FIRST_POLL: Final = timedelta(minutes=1)

EffectGuarantee = Literal["exactly_once", "at_most_once"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    id: str
    payment_id: str
    tenant_id: str
    environment: str
    connection_id: str
    provider: str
    amount_minor: int
    currency: str
    created_at: datetime
    updated_at: datetime
    status: str = "pending"
    provider_refund_id: str | None = None
    reason: str | None = None
    speed: Literal["normal", "optimum"] = "normal"
    notes: Mapping[str, str] = field(default_factory=dict)
    failure_code: str | None = None
    failure_message: str | None = None
    effect_guarantee: EffectGuarantee = "exactly_once"
    version: int = 0
    """Counts what a tenant can see change; 0 until the provider has answered. Each version is one event."""
    revision: int = 1
    poll_at: datetime | None = None
    polls: int = 0
    stored_revision: int = field(default=0, compare=False)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def may_count(self) -> bool:
        """Whether the provider may hold this amount against the payment: not when it never took the refund."""
        return self.status != "failed" or self.provider_refund_id is not None

    @property
    def visible(self) -> tuple[object, ...]:
        return self.status, self.provider_refund_id, self.failure_code, self.failure_message


def merge(refund: Refund, told: RefundSnapshot, *, message: str | None = None) -> Refund:
    """The refund that knows what it knew and what it is told now. Versions are not counted here."""
    return _moved(
        replace(refund, provider_refund_id=_larger(refund.provider_refund_id, told.provider_refund_id or None)),
        told.status,
        told.error_reason,
        message,
    )


def fail(refund: Refund, code: str, message: str) -> Refund:
    """The refund that the provider never took."""
    return _moved(refund, "failed", code, message)


def stamped(before: Refund, after: Refund, at: datetime) -> Refund:
    """The next version when a tenant can see a difference, else as before."""
    return before if after.visible == before.visible else next_version(before, after, at)


def next_version(before: Refund, after: Refund, at: datetime) -> Refund:
    return replace(
        after,
        version=before.version + 1,
        revision=before.revision + 1,
        updated_at=max(before.updated_at, at),
        poll_at=at + FIRST_POLL if after.status == "pending" and after.provider_refund_id else None,
        polls=0,
    )


def _moved(refund: Refund, status: str, code: str | None, message: str | None) -> Refund:
    told = status if status in RANK else "pending"  # a word we have not met says no more than that it is under way
    if RANK[told] < RANK[refund.status]:
        return refund
    if told != "failed":
        return replace(refund, status=told, failure_code=None, failure_message=None)
    code = code or "unknown"
    failure = code, message or f"The provider reported the refund as failed ({code})."
    # Of two reasons the choice must not depend on which came first.
    code, text = max(failure, (refund.failure_code or "", refund.failure_message or ""))
    return replace(refund, status="failed", failure_code=code, failure_message=text)


def _larger(held: str | None, told: str | None) -> str | None:
    return max((value for value in (held, told) if value is not None), default=None)
