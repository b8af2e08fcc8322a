"""Whose turn it is when a call surely did nothing, while the list of who may take it changes: pure."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.ids import OPERATION, PAYMENT, new_id
from onerouter_common.routing.route import Candidate, Route
from onerouter_common.worker.choice import Choice, choose, in_turn
from onerouter_common.worker.handler import Operation, RouteHint

NAMES = [f"con_{number}" for number in range(8)]
SOME = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)


def turns(candidates: list[str], last: str | None, failures: int) -> list[str]:
    """In which order an operation that has failed at `last` may go to them."""
    now, payment_id = datetime.now(UTC), new_id(PAYMENT)
    op = Operation(
        id=new_id(OPERATION),
        operation="payment.create",
        tenant_id="ten_1",
        environment="test",
        category="payments",
        resource_id=payment_id,
        ordering_key=payment_id,
        payload={},
        fingerprint="f",
        made_by="cmd_1",
        api_key_id="key_1",
        accepted_at=now,
        created_at=now,
        connection_id=last,
        attempts=failures,
        failures=failures,
    )
    able = frozenset({op.operation})
    present = tuple(
        Candidate(one, "scripted", enabled=True, switched_off=False, capabilities=able) for one in candidates
    )
    chosen = choose(op, RouteHint(), op.operation, Route(present, None, False), in_doubt=False)
    assert isinstance(chosen, Choice)
    return list(chosen.turns)


@given(SOME, st.sampled_from(NAMES), st.integers(1, 20))
def test_all_have_a_turn_and_where_it_failed_has_the_last(candidates: list[str], last: str, failures: int) -> None:
    found = turns(candidates, last, failures)
    doubled = candidates + candidates
    assert sorted(found) == sorted(candidates)
    assert any(doubled[start : start + len(candidates)] == found for start in range(len(candidates)))
    if last in candidates:
        assert found[-1] == last
    else:
        assert found == candidates


@given(SOME, st.data())
def test_nobody_is_skipped_because_others_leave(candidates: list[str], data: st.DataObject) -> None:
    before, last, tried = len(candidates), None, []
    for failures in range(before):
        last = turns(candidates, last, failures)[0]
        tried.append(last)
        others = [one for one in candidates if one != last]
        gone = data.draw(st.sampled_from([None, *others]))
        candidates = [one for one in candidates if one != gone]
    assert set(candidates) <= set(tried)


@given(SOME, st.integers(1, 30))
def test_a_list_that_stays_is_gone_round(candidates: list[str], tries: int) -> None:
    last, tried = None, []
    for failures in range(tries):
        last = turns(candidates, last, failures)[0]
        tried.append(last)
    assert tried == [candidates[number % len(candidates)] for number in range(tries)]


def test_it_goes_on_behind_where_it_failed_though_one_before_it_is_gone() -> None:
    assert list(in_turn(["con_2", "con_3", "con_4"], "con_2")) == ["con_3", "con_4", "con_2"]
