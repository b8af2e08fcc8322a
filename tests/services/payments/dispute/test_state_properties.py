"""However callbacks about disputes are mixed, doubled and late: each dispute ends as the provider has it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.worker.handler import EventDraft
from onerouter_payments.dispute.kind import DISPUTE_KIND
from onerouter_payments.payment.aggregate import PaymentAggregate
from onerouter_payments.payment.callbacks import PaymentCallbacks
from onerouter_payments.payment.rows import COLUMNS, payment_of, payment_row

from ..examples import NOW, VIEWS, a_callback, captured

RULES = PaymentCallbacks(VIEWS)
PAID = captured(id="pay_0123456789abcdefghjkmnpqrs")

unhurried = settings(deadline=None)  # a busy machine is no reason to fail

_OPEN = ("warning", "needs_response", "under_review")
_DECIDED = ("won", "lost", "closed")


def a_word(status: str, at: datetime, dispute_id: str = "dp_1", **more: Any) -> Callback:
    told = {"kind": "dispute", "status": status, "provider_id": dispute_id, "payment_id": "pay_1", **more}
    return a_callback(CallbackObject.model_validate(told)).model_copy(update={"occurred_at": at, "received_at": at})


@st.composite
def lives(draw: st.DrawFn) -> list[Callback]:
    """What a provider tells of one dispute, in order: open for a while, perhaps decided, perhaps decided anew."""
    dispute_id = draw(st.sampled_from(("dp_1", "dp_2")))
    statuses = draw(st.lists(st.sampled_from((*_OPEN, "unchanged")), min_size=1, max_size=3))
    statuses += draw(st.lists(st.sampled_from(_DECIDED), max_size=2))
    at, words = NOW, []
    for status in statuses:
        at += timedelta(seconds=draw(st.integers(1, 100_000)))
        facts = {"reason": draw(st.sampled_from(("fraud", "not_received"))), "due_by": draw(st.none() | st.just("x"))}
        known = {name: value for name, value in facts.items() if value is not None}
        words.append(a_word(status, at, dispute_id, amount_minor=draw(st.sampled_from((None, 5_000))), facts=known))
    return words


def told(words: Sequence[Callback], aggregate: PaymentAggregate = PAID) -> tuple[PaymentAggregate, list[EventDraft]]:
    events: list[EventDraft] = []
    for one in words:
        settled = RULES.apply(one, aggregate)
        aggregate = settled.resource or aggregate
        events += settled.events
    return aggregate, events


def essence(aggregate: PaymentAggregate) -> object:
    return {one.id: (one.status, one.status_as_of, one.facts) for one in aggregate.payment.disputes}


@unhurried
@given(lives(), lives(), st.data())
def test_any_order_and_any_repetition_end_the_same(
    first: list[Callback], second: list[Callback], data: st.DataObject
) -> None:
    words = [*first, *second]
    in_some_order = data.draw(st.permutations([*words, *data.draw(st.lists(st.sampled_from(words), max_size=4))]))
    aggregate, _ = told(in_some_order)
    assert essence(aggregate) == essence(told(words)[0])
    again, events = told(data.draw(st.permutations(words)), aggregate)
    assert (again, events) == (aggregate, [])


@unhurried
@given(lives())
def test_it_ends_as_the_provider_told_last(words: list[Callback]) -> None:
    dispute = told(words)[0].payment.disputes[0]
    said = [one.object.status for one in words if one.object.status != "unchanged"]
    assert dispute.status == (said[-1] if said else "under_review")
    assert dispute.status in DISPUTE_KIND.weights


@unhurried
@given(lives(), lives(), st.data())
def test_each_change_is_one_event_of_the_dispute_and_one_of_its_payment(
    first: list[Callback], second: list[Callback], data: st.DataObject
) -> None:
    aggregate, events = told(data.draw(st.permutations([*first, *second])))
    for dispute in aggregate.payment.disputes:
        mine = [event for event in events if event.resource_id == dispute.id]
        assert [event.sequence for event in mine] == list(range(1, dispute.version + 1))
        assert (mine[0].type, mine[0].kind) == ("dispute.created", "dispute")
        assert mine[-1].data == VIEWS.of(dispute)
    of_payment = [event for event in events if event.kind == "payment"]
    assert [event.sequence for event in of_payment] == list(
        range(PAID.payment.version + 1, aggregate.payment.version + 1)
    )
    assert {event.type for event in of_payment} == {"payment.updated"}
    assert aggregate.payment.status == PAID.payment.status
    assert of_payment[-1].data["disputes"] == [VIEWS.of(one) for one in aggregate.payment.disputes]


@unhurried
@given(lives())
def test_what_is_stored_is_what_is_loaded(words: list[Callback]) -> None:
    payment = told(words)[0].payment
    row = dict(zip(COLUMNS, payment_row(payment), strict=True))
    assert payment_of(row).disputes == payment.disputes


class TestCallbacks:
    def test_a_decision_is_an_event_of_its_own(self) -> None:
        words = [
            a_word("needs_response", NOW, amount_minor=5_000, facts={"reason": "fraud"}),
            a_word("under_review", NOW + timedelta(hours=1)),
            a_word("lost", NOW + timedelta(hours=2)),
            a_word("won", NOW + timedelta(hours=3)),
        ]
        aggregate, events = told(words)
        types = [event.type for event in events if event.kind == "dispute"]
        assert types == ["dispute.created", "dispute.updated", "dispute.lost", "dispute.won"]
        shown = VIEWS.of(aggregate.payment.disputes[0])
        assert (shown["amount"], shown["currency"], shown["reason"]) == (50.0, "INR", "fraud")
        assert (shown["payment_id"], shown["provider_dispute_id"]) == (PAID.payment.id, "dp_1")

    def test_one_without_an_id_or_of_another_account_changes_nothing(self) -> None:
        nameless = a_callback(CallbackObject(kind="dispute", status="lost", payment_id="pay_1"))
        foreign = a_word("lost", NOW).model_copy(update={"connection_id": "con_2"})
        assert told([nameless, foreign]) == (PAID, [])
