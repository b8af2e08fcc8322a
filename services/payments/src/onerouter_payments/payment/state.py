"""A payment and the rule by which it only ever moves forward. Pure.

What a provider says reaches us late, twice and in any order: as the answer of a call, as a callback, as the answer to a
poll. So a payment is the *join* of all it was told: each part (status, refunded amount, each fact) only grows in a total
order, and therefore the end is the same whatever the order and however often.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

import orjson
from pydantic import JsonValue

from onerouter_common.money import Money, is_currency
from onerouter_payments.resource.state import Resource
from onerouter_providers.capability import PaymentReference, PaymentSnapshot

RANK: Final[Mapping[str, int]] = {
    "created": 0,
    "requires_action": 1,
    "processing": 2,
    # A failed attempt may be followed by an authorization (the bank answered late, the payer tried again), never the
    # other way round: a late "failed" of an earlier attempt says nothing about the one that went through.
    "failed": 3,
    "authorized": 4,
    "expired": 5,
    "canceled": 6,
    # Money that was taken outranks whatever was said about the attempt before.
    "succeeded": 7,
    "partially_refunded": 8,
    "refunded": 9,
}
"""The monotonic rule: a status is only ever replaced by one of higher rank."""

OPEN: Final = frozenset({"created", "requires_action", "processing", "authorized"})
"""States the provider will leave: worth asking about when no callback comes."""
CAPTURED: Final = frozenset({"succeeded", "partially_refunded", "refunded"})

_SHOWN_AS_TOLD: Final = ("provider_order_id", "provider_payment_id", "client_secret", "checkout", "checkout_url")

FIRST_POLL: Final = timedelta(minutes=1)

EffectGuarantee = Literal["exactly_once", "at_most_once"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing we were told, and by what: the status it came with and the provider's payment it speaks of.

    One order can see several payments (a failed try, then a good one). The fact that came with the higher status wins;
    at the same status that of the later payment, so that facts of different tries are never mixed.
    """

    rank: int
    attempt: str
    value: JsonValue

    @property
    def strength(self) -> tuple[int, str, int, bytes]:
        """Of two amounts the larger one wins; of other values any order will do."""
        size = self.value.get("amount_minor") if isinstance(self.value, dict) else None
        written = orjson.dumps(self.value, option=orjson.OPT_SORT_KEYS)
        return self.rank, self.attempt, size if isinstance(size, int) else 0, written


@dataclass(frozen=True, slots=True)
class AmountMismatch:
    """The provider took something else than was asked for (at PayPal, say, a payer's page can change the order)."""

    expected: Money
    received: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    id: str
    tenant_id: str
    environment: str
    connection_id: str
    provider: str
    amount_minor: int
    currency: str
    created_at: datetime
    updated_at: datetime
    effect_guarantee: EffectGuarantee = "exactly_once"
    status: str = "created"
    capture: str = "automatic"
    method: str | None = None
    """As asked for; what the payer then used is a fact."""
    method_details: Mapping[str, str] = field(default_factory=dict)
    receipt: str | None = None
    description: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    customer: Mapping[str, str] | None = None
    split: Sequence[Mapping[str, JsonValue]] | None = None
    """Its parts, for vendors and ourselves (`contracts.payments.SplitItem`); None: it is not split."""
    subscription_id: str | None = None
    """Whose charge it is; None: it was asked for by itself."""
    disputes: tuple[Resource, ...] = ()
    """What its payer or a bank contested, in the order we heard of it."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    captured_minor: int | None = None
    """Set when less than the whole may have been captured; None: the whole amount."""
    reported_refunded_minor: int = 0
    """The most the provider ever said was refunded, including refunds made elsewhere."""
    amount_refunded_minor: int = 0
    """What is shown: the larger of that and the refunds known to have succeeded."""
    version: int = 0
    """Counts what a tenant can see change; 0 until the provider has answered. Each version is one event."""
    revision: int = 1
    """Counts every change of the record: what decides between two writers."""
    poll_at: datetime | None = None
    polls: int = 0
    stored_revision: int = field(default=0, compare=False)
    """The revision that was loaded; 0 for a record not stored yet."""

    def fact(self, name: str) -> JsonValue:
        found = self.facts.get(name)
        return None if found is None else found.value

    def text(self, name: str) -> str | None:
        """A fact that is a string."""
        value = self.fact(name)
        return value if isinstance(value, str) else None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def expected(self) -> Money:
        """What has to be received once it is captured: all of it, or the part that we captured."""
        minor = self.amount_minor if self.captured_minor is None else self.captured_minor
        return Money(minor, self.currency)

    @property
    def told_received(self) -> Money | None:
        """What the provider says it took; None while it has not said."""
        return _money_of(self.fact("received"))

    @property
    def amount_received(self) -> Money | None:
        """What was taken: as the provider says, else as it was asked. None: nothing was yet."""
        return (self.told_received or self.expected) if self.status in CAPTURED else None

    @property
    def amount_mismatch(self) -> AmountMismatch | None:
        """None also where somebody captured a part of what was only authorized: that is what `manual` is for."""
        received = self.told_received
        if self.status not in CAPTURED or received is None or received == self.expected:
            return None
        is_part = received.currency == self.currency and received.amount_minor < self.amount_minor
        if self.capture == "manual" and self.captured_minor is None and is_part:
            return None
        return AmountMismatch(self.expected, received)

    @property
    def refundable_minor(self) -> int:
        """The most that can ever be refunded: what was received (in its own currency, should that be another)."""
        return (self.told_received or self.expected).amount_minor

    @property
    def fee(self) -> Money | None:
        """What the provider says it kept of a captured payment; None while it has not said."""
        return _money_of(self.fact("fee")) if self.status in CAPTURED else None

    @property
    def is_at_provider(self) -> bool:
        return self.text("provider_order_id") is not None or self.text("provider_payment_id") is not None

    @property
    def reference(self) -> PaymentReference:
        return PaymentReference(
            payment_id=self.id,
            amount=self.amount,
            provider_order_id=self.text("provider_order_id"),
            provider_payment_id=self.text("provider_payment_id"),
            of_subscription=self.subscription_id is not None,
        )

    @property
    def used_method(self) -> str | None:
        """How it was or will be paid: what the payer used, else what was asked for."""
        return self.text("method") or self.method

    @property
    def used_method_details(self) -> dict[str, JsonValue]:
        used = self.fact("method_details")
        return {**self.method_details, **(used if isinstance(used, dict) else {})}

    @property
    def failure(self) -> JsonValue:
        """Why it failed; kept, but not shown, when a later try went through."""
        return self.fact("failure") if self.status == "failed" else None

    @property
    def visible(self) -> tuple[object, ...]:
        """What a tenant sees of a payment that changes after its creation."""
        return (
            self.status,
            self.amount_refunded_minor,
            self.used_method,
            self.used_method_details,
            self.failure,
            self.amount_received,
            self.amount_mismatch,
            self.fee,
            [(dispute.id, dispute.version) for dispute in self.disputes],
            *(self.fact(name) for name in _SHOWN_AS_TOLD),
        )


def later(held: str, told: str) -> str:
    """The status of the two that ranks higher; a word we do not know changes nothing."""
    return told if RANK.get(told, -1) > RANK[held] else held


def merge(payment: Payment, told: PaymentSnapshot, *, captured_minor: int | None = None) -> Payment:
    """The payment that knows what it knew and what it is told now. Versions are not counted here."""
    rank = RANK.get(told.status, 0)
    facts = dict(payment.facts)
    for name, value in _facts_of(payment, told):
        fact = Fact(rank, told.provider_payment_id or "", value)
        held = facts.get(name)
        if held is None or fact.strength > held.strength:
            facts[name] = fact
    knowing = replace(payment, facts=facts, captured_minor=_most(payment.captured_minor, captured_minor))
    reported = told.amount_refunded_minor
    if told.status == "refunded" and not reported:
        reported = knowing.refundable_minor
    return replace(
        knowing,
        # Whether it counts as refunded follows from the amounts (`aggregate.py`), so that the word and they agree.
        status=later(payment.status, "succeeded" if told.status in CAPTURED else told.status),
        reported_refunded_minor=max(payment.reported_refunded_minor, reported),
    )


def with_refunded(payment: Payment, succeeded_minor: int) -> Payment:
    """The payment whose refunded amount and status follow from its refunds."""
    refunded = max(payment.reported_refunded_minor, succeeded_minor, payment.amount_refunded_minor)
    status = payment.status
    if status in CAPTURED and refunded:
        status = later(status, "refunded" if refunded >= payment.refundable_minor else "partially_refunded")
    return replace(payment, status=status, amount_refunded_minor=refunded)


def stamped(before: Payment, after: Payment, at: datetime) -> Payment:
    """The next version when a tenant can see a difference, else the next revision when there is any, else as before."""
    if after == before:
        return before
    if after.visible == before.visible:
        return replace(after, revision=before.revision + 1)
    return next_version(before, after, at)


def next_version(before: Payment, after: Payment, at: datetime) -> Payment:
    return replace(
        after,
        version=before.version + 1,
        revision=before.revision + 1,
        updated_at=max(before.updated_at, at),
        poll_at=at + FIRST_POLL if after.status in OPEN and after.is_at_provider else None,
        polls=0,
    )


def _facts_of(payment: Payment, told: PaymentSnapshot) -> Iterator[tuple[str, JsonValue]]:
    named: dict[str, JsonValue] = {
        "provider_order_id": told.provider_order_id,
        "provider_payment_id": told.provider_payment_id,
        "method": told.method,
        "method_details": dict(told.method_details),
        "client_secret": told.client_secret,
        "checkout": dict(told.checkout),
        "checkout_url": told.checkout_url,
        "failure": _failure_of(told),
        "received": _fact_of(told.captured) if told.status in CAPTURED else None,
        "fee": _fact_of(_fee_of(payment, told)),
    }
    return ((name, value) for name, value in named.items() if value)


def _failure_of(told: PaymentSnapshot) -> JsonValue:
    if told.status != "failed":
        return None
    code = told.error_reason or "unknown"
    return {"code": code, "message": told.error_message or f"The provider reported the payment as failed ({code})."}


def _fee_of(payment: Payment, told: PaymentSnapshot) -> Money | None:
    return None if told.fee_minor is None else Money(told.fee_minor, told.fee_currency or payment.currency)


def _fact_of(money: Money | None) -> JsonValue:
    if money is None or not is_currency(money.currency):  # what cannot be counted cannot be shown
        return None
    return {"amount_minor": money.amount_minor, "currency": money.currency}


def _money_of(fact: JsonValue) -> Money | None:
    if not isinstance(fact, dict):
        return None
    minor, currency = fact.get("amount_minor"), fact.get("currency")
    return Money(minor, currency) if isinstance(minor, int) and isinstance(currency, str) else None


def _most(held: int | None, told: int | None) -> int | None:
    known = [amount for amount in (held, told) if amount is not None]
    return max(known, default=None)
