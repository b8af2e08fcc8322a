"""Whatever the order and however often a provider tells us things, the end is the same and nothing goes back."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.errors import Conflict, InvalidRequest
from onerouter_common.money import Money
from onerouter_payments.payment.aggregate import (
    Change,
    Happened,
    PaymentAggregate,
    add_refund,
    check_refund,
    fail_refund,
    observe_payment,
    observe_refund,
)
from onerouter_payments.payment.callbacks import PaymentCallbacks
from onerouter_payments.payment.state import CAPTURED, RANK, Payment
from onerouter_payments.refund import state as refunds
from onerouter_providers.capability import PaymentSnapshot, RefundSnapshot

from ..examples import NOW, VIEWS, a_callback, a_payment, a_refund

PAYMENT = a_payment(id="pay_0123456789abcdefghjkmnpqrs")
REFUNDS = tuple(
    a_refund(PAYMENT, id=f"re_{number}", amount_minor=amount) for number, amount in enumerate((10_000, 40_000))
)
START = add_refund(add_refund(PaymentAggregate(PAYMENT), REFUNDS[0]), REFUNDS[1])

unhurried = settings(deadline=None)  # a busy machine is no reason to fail

_text = st.sampled_from((None, "a", "b"))

payment_snapshots = st.builds(
    PaymentSnapshot,
    status=st.sampled_from((*RANK, "unknown")),
    provider_order_id=st.sampled_from((None, "order_1")),
    provider_payment_id=st.sampled_from((None, "pay_A", "pay_B")),
    amount_refunded_minor=st.sampled_from((0, 0, 10_000, 50_000)),
    method=_text,
    method_details=st.sampled_from(({}, {"vpa": "a@upi"}, {"vpa": "b@upi"})),
    error_reason=_text,
    error_message=_text,
)
refund_snapshots = st.tuples(
    st.sampled_from((0, 1)),
    st.sampled_from(("pending", "succeeded", "failed", "unknown")),
    st.sampled_from((None, "refund_rejected", "unknown")),
)
elsewhere = st.builds(
    CallbackObject,
    kind=st.just("refund"),
    status=st.sampled_from(("pending", "succeeded", "failed")),
    refund_id=st.sampled_from(("rfnd_E1", "rfnd_E2")),
    amount_minor=st.just(5_000),
)
tellings = st.lists(st.one_of(payment_snapshots, refund_snapshots, elsewhere), max_size=8)

Telling = PaymentSnapshot | tuple[int, str, str | None] | CallbackObject


def tell(aggregate: PaymentAggregate, telling: Telling, second: int) -> Change:
    at = NOW + timedelta(seconds=second)
    if isinstance(telling, PaymentSnapshot):
        return observe_payment(aggregate, telling, at)
    if isinstance(telling, CallbackObject):
        settled = PaymentCallbacks(VIEWS).apply(a_callback(telling), aggregate)
        # The callback rule returns drafts; the events of the aggregate itself are checked with the other two.
        return Change(settled.resource or aggregate)
    number, status, reason = telling
    return observe_refund(
        aggregate,
        REFUNDS[number].id,
        RefundSnapshot(status, f"rfnd_{number}", error_reason=reason),  # type: ignore[arg-type]
        at,
    )


def tell_all(tellings: Sequence[Telling]) -> PaymentAggregate:
    aggregate = START
    for second, telling in enumerate(tellings):
        aggregate = tell(aggregate, telling, second).aggregate
    return aggregate


def essence(aggregate: PaymentAggregate) -> object:
    """All but what counts and dates the changes."""
    payment = aggregate.payment
    return (
        payment.status,
        payment.facts,
        payment.amount_refunded_minor,
        payment.reported_refunded_minor,
        {r.id: (r.amount_minor, r.visible) for r in aggregate.refunds},
    )


@unhurried
@given(tellings, st.data())
def test_any_order_and_any_repetition_end_the_same(tellings: list[Telling], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(tellings))
    repeated = data.draw(
        st.permutations([*tellings, *data.draw(st.lists(st.sampled_from(tellings or [PaymentSnapshot("created")])))])
    )
    expected = essence(tell_all(tellings))
    assert essence(tell_all(shuffled)) == expected
    if tellings:
        assert essence(tell_all(repeated)) == expected


@unhurried
@given(tellings)
def test_no_status_ranks_lower_than_before(tellings: list[Telling]) -> None:
    aggregate = START
    for second, telling in enumerate(tellings):
        after = tell(aggregate, telling, second).aggregate
        assert RANK[after.payment.status] >= RANK[aggregate.payment.status]
        assert after.payment.amount_refunded_minor >= aggregate.payment.amount_refunded_minor
        for before in aggregate.refunds:
            held = after.find_refund(before.id)
            assert held is not None
            assert refunds.RANK[held.status] >= refunds.RANK[before.status]
        aggregate = after


@unhurried
@given(st.lists(st.one_of(payment_snapshots, refund_snapshots), max_size=8))
def test_each_visible_change_is_one_version_and_one_event_without_gaps(tellings: list[Telling]) -> None:
    aggregate = START
    told: dict[str, list[Happened]] = defaultdict(list)
    for second, telling in enumerate(tellings):
        change = tell(aggregate, telling, second)
        for item in change.happened:
            told[item.resource.id].append(item)
        for before, after in _pairs(aggregate, change.aggregate):
            assert (after.version > before.version) == (
                bool(told[after.id]) and told[after.id][-1].resource == after and after != before
            )
            if before.version:
                assert (after.version > before.version) == (after.visible != before.visible)
        aggregate = change.aggregate
    for items in told.values():
        assert [item.resource.version for item in items] == list(range(1, len(items) + 1))
        views = [{**VIEWS.of(item.resource), "version": 0, "updated_at": ""} for item in items]
        assert all(before != after for before, after in pairwise(views))


@unhurried
@given(tellings, st.data())
def test_a_repetition_changes_nothing_at_all(tellings: list[Telling], data: st.DataObject) -> None:
    aggregate = tell_all(tellings)
    for telling in data.draw(st.permutations(tellings)):
        change = tell(aggregate, telling, 100)
        assert change.aggregate == aggregate
        assert change.happened == ()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("ask", "succeeded", "failed", "pending", "refused")), st.integers(1, 60_000)),
        max_size=12,
    )
)
def test_refunds_never_exceed_what_was_captured(steps: list[tuple[str, int]]) -> None:
    from onerouter_common.errors import CallerError
    from onerouter_payments.payment.aggregate import check_refund

    aggregate = observe_payment(
        PaymentAggregate(PAYMENT), PaymentSnapshot("succeeded", "order_1", "pay_A"), NOW
    ).aggregate
    for number, (step, amount) in enumerate(steps):
        pending = [refund for refund in aggregate.refunds if refund.status == "pending"]
        if step == "ask":
            try:
                money = check_refund(aggregate, amount)
            except CallerError:
                continue
            aggregate = add_refund(aggregate, a_refund(PAYMENT, id=f"re_{number}", amount_minor=money.amount_minor))
        elif pending and step == "refused":
            aggregate = fail_refund(aggregate, pending[0].id, "refund_rejected", "No.", NOW).aggregate
        elif pending:
            told = RefundSnapshot(step, f"rfnd_{pending[0].id}")  # type: ignore[arg-type]
            aggregate = observe_refund(aggregate, pending[0].id, told, NOW).aggregate
        held = sum(refund.amount_minor for refund in aggregate.refunds if refund.status != "failed")
        assert held + aggregate.left_minor == PAYMENT.amount_minor
        assert held <= PAYMENT.amount_minor


RECEIVED = (Money(50_000, "INR"), Money(30_000, "INR"), Money(60_000, "INR"), Money(50_000, "USD"))


def taking(snapshots: list[PaymentSnapshot], received: Money, fee: Money | None) -> list[PaymentSnapshot]:
    """As a provider tells them that took so much: it says so of a payment that it took, and the fee once it knows."""
    return [
        replace(
            told,
            captured=received,
            fee_minor=None if fee is None or number % 2 else fee.amount_minor,
            fee_currency=None if fee is None else fee.currency,
        )
        for number, told in enumerate(snapshots)
    ]


@unhurried
@given(
    st.lists(payment_snapshots, max_size=6),
    st.sampled_from(RECEIVED),
    st.sampled_from((None, Money(1_180, "INR"), Money(99, "USD"))),
    st.data(),
)
def test_what_was_received_is_the_providers_truth_in_any_order(
    snapshots: list[PaymentSnapshot], received: Money, fee: Money | None, data: st.DataObject
) -> None:
    told = taking(snapshots, received, fee)
    first, second = tell_all(told), tell_all(data.draw(st.permutations(told)))
    assert essence(first) == essence(second)
    payment = first.payment
    if payment.status not in CAPTURED:
        assert payment.amount_received is None
        assert payment.amount_mismatch is None
        return
    assert payment.amount_received == received
    assert (payment.amount_mismatch is not None) == (received != payment.amount)
    assert payment.refundable_minor == received.amount_minor
    if fee is not None and any(one.status in CAPTURED for one in told[::2]):
        assert payment.fee == fee


@unhurried
@given(st.lists(payment_snapshots, max_size=6), st.sampled_from(RECEIVED), st.booleans())
def test_another_amount_is_never_announced_as_plain_success(
    snapshots: list[PaymentSnapshot], received: Money, told_late: bool
) -> None:
    """Where the amount is known with the success, `payment.amount_mismatch` stands in its place; known later, it follows."""
    told = taking(snapshots, received, None)
    if told_late:
        told = [*snapshots, *told]
    aggregate, types = START, list[str]()
    for second, one in enumerate(told):
        change = observe_payment(aggregate, one, NOW + timedelta(seconds=second))
        aggregate = change.aggregate
        types += [item.type for item in change.happened]
    if aggregate.payment.status in CAPTURED:
        assert types.count("payment.amount_mismatch") == (received != PAYMENT.amount)
        if received != PAYMENT.amount and not told_late:
            assert "payment.succeeded" not in types


class TestWhatWasReceived:
    def test_refunds_are_bounded_by_it(self) -> None:
        paid = observe_payment(PaymentAggregate(PAYMENT), taken(30_000), NOW).aggregate
        assert check_refund(paid, None) == Money(30_000, "INR")
        with pytest.raises(InvalidRequest, match=r"only 300\.00 INR is left"):
            check_refund(paid, 30_001)
        more = observe_payment(PaymentAggregate(PAYMENT), taken(60_000), NOW).aggregate
        assert check_refund(more, 60_000) == Money(60_000, "INR")

    def test_what_came_in_another_currency_is_returned_at_the_provider(self) -> None:
        paid = observe_payment(PaymentAggregate(PAYMENT), taken(500, "USD"), NOW).aggregate
        with pytest.raises(Conflict, match=r"5\.00 USD was received instead of 500\.00 INR"):
            check_refund(paid, 100)
        view = VIEWS.of(paid.payment)
        assert (view["status"], view["amount_received_minor"]) == ("succeeded", 0)
        assert view["amount_mismatch"] == {
            "expected": {"amount": 500.0, "amount_minor": 50_000, "currency": "INR"},
            "received": {"amount": 5.0, "amount_minor": 500, "currency": "USD"},
        }

    @pytest.mark.parametrize(
        ("asked", "received", "differs"),
        [(None, 30_000, False), (30_000, 30_000, False), (50_000, 30_000, True), (30_000, 50_000, True)],
    )
    def test_a_part_of_what_was_held_is_no_mismatch_unless_we_asked_for_another(
        self, asked: int | None, received: int, differs: bool
    ) -> None:
        held = PaymentAggregate(replace(PAYMENT, capture="manual"))
        paid = observe_payment(held, taken(received), NOW, captured_minor=asked).aggregate.payment
        assert (paid.amount_mismatch is not None) == differs
        assert paid.amount_received == Money(received, "INR")

    def test_a_currency_nobody_knows_is_not_counted(self) -> None:
        paid = observe_payment(PaymentAggregate(PAYMENT), taken(500, "QQQ"), NOW).aggregate.payment
        assert (paid.amount_received, paid.amount_mismatch) == (PAYMENT.amount, None)


def taken(amount_minor: int, currency: str = "INR") -> PaymentSnapshot:
    return PaymentSnapshot("succeeded", "order_1", "pay_A", captured=Money(amount_minor, currency))


def _pairs(
    before: PaymentAggregate, after: PaymentAggregate
) -> list[tuple[Payment | refunds.Refund, Payment | refunds.Refund]]:
    found = [(refund, after.find_refund(refund.id)) for refund in before.refunds]
    return [(before.payment, after.payment), *((old, new) for old, new in found if new is not None)]
