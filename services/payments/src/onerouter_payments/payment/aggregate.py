"""A payment with its refunds: what operations of one payment change together, under one lock. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from onerouter_common.errors import Conflict, InvalidRequest
from onerouter_common.money import Money
from onerouter_payments.payment import state as payments
from onerouter_payments.payment.state import CAPTURED, RANK, Payment
from onerouter_payments.refund import state as refunds
from onerouter_payments.refund.state import Refund
from onerouter_payments.resource.change import observe
from onerouter_payments.resource.state import Resource
from onerouter_providers.capability import PaymentSnapshot, RefundSnapshot
from onerouter_providers.resources import ResourceSnapshot

MISMATCH: Final = "payment.amount_mismatch"
"""In place of `payment.succeeded` where something else was received than was asked for: who hands out goods upon success
must not be told of one. Also when that turns out later."""
UPDATED: Final = "payment.updated"
"""Something a tenant sees changed, but not the status: the method became known, a refund preceded its
capture, it is disputed."""


@dataclass(frozen=True, slots=True)
class PaymentAggregate:
    """The heart's resource: its key is the payment's id."""

    payment: Payment
    refunds: tuple[Refund, ...] = ()

    @property
    def tenant_id(self) -> str:
        return self.payment.tenant_id

    @property
    def environment(self) -> str:
        return self.payment.environment

    def find_refund(self, refund_id: str) -> Refund | None:
        return next((refund for refund in self.refunds if refund.id == refund_id), None)

    def find_refund_at_provider(self, provider_refund_id: str) -> Refund | None:
        return next((refund for refund in self.refunds if refund.provider_refund_id == provider_refund_id), None)

    @property
    def left_minor(self) -> int:
        """What can still be refunded. Refunds under way and of unknown outcome are taken as done."""
        held = sum(refund.amount_minor for refund in self.refunds if refund.status != "failed")
        known = sum(refund.amount_minor for refund in self.refunds if refund.may_count)
        elsewhere = max(0, self.payment.reported_refunded_minor - known)
        return max(0, self.payment.refundable_minor - held - elsewhere)


@dataclass(frozen=True, slots=True)
class Happened:
    """One event, with the version of the payment, refund or dispute it speaks of."""

    type: str
    kind: Literal["payment", "refund", "dispute"]
    resource: Payment | Refund | Resource


@dataclass(frozen=True, slots=True)
class Change:
    """What became of the aggregate, and the events that say so, in order."""

    aggregate: PaymentAggregate
    happened: tuple[Happened, ...] = ()


def observe_payment(
    aggregate: PaymentAggregate, told: PaymentSnapshot, at: datetime, *, captured_minor: int | None = None
) -> Change:
    """The provider told what state the payment is in."""
    before = aggregate.payment
    after = payments.merge(before, told, captured_minor=captured_minor)
    if before.version == 0:
        payment, happened = _first(before, after, at)
    else:
        payment, happened = _next(before, after, at)
    return _with_totals(Change(replace(aggregate, payment=payment), happened), at)


def fail_payment(aggregate: PaymentAggregate, code: str, message: str, at: datetime) -> Change:
    """The payment could not be made: the provider surely has none."""
    told = PaymentSnapshot(status="failed", error_reason=code, error_message=message)
    return observe_payment(aggregate, told, at)


def check_refund(aggregate: PaymentAggregate, asked_minor: int | None) -> Money:
    """The amount a new refund may have; `asked_minor` None asks for all that is left.

    Raises Conflict when the payment has nothing to refund, InvalidRequest (field `amount`) when it has less than asked.
    """
    payment = aggregate.payment
    if payment.status not in CAPTURED:
        raise Conflict(
            f"Payment {payment.id} is {payment.status}: only a payment that was captured can be refunded.",
        )
    mismatch = payment.amount_mismatch
    if mismatch is not None and mismatch.received.currency != payment.currency:
        raise Conflict(
            f"Of payment {payment.id} {_text(mismatch.received)} was received instead of {_text(mismatch.expected)}: "
            f"return it at {payment.provider}."
        )
    left = Money(aggregate.left_minor, payment.currency)
    if not left.amount_minor:
        raise Conflict(
            f"Payment {payment.id} has nothing left to refund: {_text(payment.amount)} is or will be returned."
        )
    asked = left if asked_minor is None else Money(asked_minor, payment.currency)
    if asked.amount_minor > left.amount_minor:
        raise InvalidRequest.of(
            "amount", f"is {_text(asked)}, but only {_text(left)} is left to refund of this payment"
        )
    return asked


def add_refund(aggregate: PaymentAggregate, refund: Refund) -> PaymentAggregate:
    """Reserve a refund's amount (`check_refund` first), before the provider is asked."""
    return replace(aggregate, refunds=(*aggregate.refunds, refund))


def observe_refund(aggregate: PaymentAggregate, refund_id: str, told: RefundSnapshot, at: datetime) -> Change:
    """The provider told what state the refund is in."""
    return _change_refund(aggregate, refund_id, lambda held: refunds.merge(held, told), at)


def fail_refund(aggregate: PaymentAggregate, refund_id: str, code: str, message: str, at: datetime) -> Change:
    """The refund could not be made: nothing was returned."""
    return _change_refund(aggregate, refund_id, lambda held: refunds.fail(held, code, message), at)


def observe_dispute(aggregate: PaymentAggregate, unheard: Resource, told: ResourceSnapshot, at: datetime) -> Change:
    """The provider told how a dispute stands. `unheard` is the dispute as it is taken for when nothing is known of it."""
    before = aggregate.payment
    held = next((dispute for dispute in before.disputes if dispute.id == unheard.id), None)
    change = observe(held or unheard, told, at)
    others = [change.resource if dispute is held else dispute for dispute in before.disputes]
    disputes = tuple(others if held is not None else [*others, change.resource])
    after = replace(before, disputes=disputes)
    payment, happened = (_first if before.version == 0 else _next)(before, after, at)
    told_of = tuple(Happened(item.type, "dispute", item.resource) for item in change.happened)
    return Change(replace(aggregate, payment=payment), told_of + happened)


def _change_refund(
    aggregate: PaymentAggregate, refund_id: str, change: Callable[[Refund], Refund], at: datetime
) -> Change:
    before = aggregate.find_refund(refund_id)
    if before is None:
        raise LookupError(f"payment {aggregate.payment.id} has no refund {refund_id}")
    versions = _refund_versions(before, change(before), at)
    if not versions:
        return Change(aggregate)
    held = tuple(versions[-1] if refund.id == refund_id else refund for refund in aggregate.refunds)
    happened = tuple(Happened(_refund_event(version), "refund", version) for version in versions)
    return _with_totals(Change(replace(aggregate, refunds=held), happened), at)


def _refund_versions(before: Refund, after: Refund, at: datetime) -> list[Refund]:
    """Each version between two states. The first answer makes the refund visible, also when it changes nothing."""
    if before.version:
        stamped = refunds.stamped(before, after, at)
        return [] if stamped == before else [stamped]
    if after.status == "pending" or (after.status == "failed" and not after.provider_refund_id):
        return [refunds.next_version(before, after, at)]
    born = refunds.next_version(before, replace(after, status="pending", failure_code=None, failure_message=None), at)
    return [born, refunds.stamped(born, _continued(after, born), at)]


def _continued(after: Refund, born: Refund) -> Refund:
    return replace(after, version=born.version, revision=born.revision, updated_at=born.updated_at)


def _refund_event(refund: Refund) -> str:
    # A refund that failed before the provider took it was never created: its first event is the last.
    return "refund.created" if refund.status == "pending" else f"refund.{refund.status}"


def _first(before: Payment, after: Payment, at: datetime) -> tuple[Payment, tuple[Happened, ...]]:
    """The provider's first word on a payment: it exists now, and may already be further."""
    if after.status == "failed" and not after.is_at_provider:
        failed = payments.next_version(before, after, at)
        return failed, (_happened("payment.failed", failed),)
    if RANK[after.status] < RANK["failed"]:
        born = payments.next_version(before, after, at)
        return born, (_happened("payment.created", born),)
    born = payments.next_version(before, before, at)
    payment, happened = _next(
        born, replace(after, version=born.version, revision=born.revision, updated_at=born.updated_at), at
    )
    return payment, (_happened("payment.created", born), *happened)


def _next(before: Payment, after: Payment, at: datetime) -> tuple[Payment, tuple[Happened, ...]]:
    payment = payments.stamped(before, after, at)
    if payment.version == before.version:
        return payment, ()
    if payment.amount_mismatch not in (None, before.amount_mismatch):
        return payment, (_happened(MISMATCH, payment),)
    if payment.status != before.status:
        return payment, (_happened(f"payment.{payment.status}", payment),)
    # Another part of a partial refund came back: the same word again, with a larger amount.
    is_refund = payment.status == "partially_refunded" and payment.amount_refunded_minor > before.amount_refunded_minor
    return payment, (_happened("payment.partially_refunded" if is_refund else UPDATED, payment),)


def _with_totals(change: Change, at: datetime) -> Change:
    """The refunded amount and the status that follow from the refunds, as a version of its own."""
    before = change.aggregate.payment
    succeeded = sum(refund.amount_minor for refund in change.aggregate.refunds if refund.status == "succeeded")
    after = payments.with_refunded(before, succeeded)
    # A refund made elsewhere can be the first we hear of a payment: it is announced before it is updated.
    payment, happened = (_first if before.version == 0 and after != before else _next)(before, after, at)
    return Change(replace(change.aggregate, payment=payment), change.happened + happened)


def _happened(type_: str, payment: Payment) -> Happened:
    return Happened(type_, "payment", payment)


def _text(money: Money) -> str:
    return f"{money.major} {money.currency}"
