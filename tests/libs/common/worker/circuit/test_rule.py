"""The rule alone: whatever calls come to, a circuit opens for what it should, lets few through, and closes again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.errors import (
    CapabilityUnsupported,
    OneRouterError,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_common.worker.circuit.rule import (
    CLOSED,
    Circuit,
    Evidence,
    Gate,
    Open,
    Rule,
    Seen,
    Verdict,
    admitted,
    gate,
    observed,
    verdict_of,
    wait_s,
)

RULE = Rule(
    consecutive=5, ratio=0.5, least=20, window_s=30, throttled_s=60, open_s=5, open_most_s=60, probes=3, round_s=10
)
FAILED, ANSWERED, THROTTLED, HEARD = Verdict.FAILED, Verdict.ANSWERED, Verdict.THROTTLED, Verdict.HEARD

GAPS = st.floats(0, 120, allow_nan=False)
CALLS = st.lists(st.tuples(st.sampled_from(Verdict), GAPS, st.floats(0, 40)), max_size=60)


def after(circuit: Circuit, *verdicts: Verdict, at: float, rule: Rule = RULE) -> Circuit:
    """What calls that begin and end at this moment make of it."""
    for verdict in verdicts:
        circuit = observed(circuit, Seen(verdict, at, at), rule)
    return circuit


def opened(at: float = 100.0) -> Open:
    circuit = after(CLOSED, *[FAILED] * RULE.consecutive, at=at)
    assert isinstance(circuit, Open)
    return circuit


@pytest.mark.parametrize(
    ("error", "call", "lookup"),
    [
        (None, ANSWERED, HEARD),
        (ProviderDeclined("no", provider="p"), ANSWERED, HEARD),
        (ProviderRefusedUs("no", provider="p"), ANSWERED, HEARD),
        (ProviderThrottled("later", provider="p"), THROTTLED, THROTTLED),
        (ProviderUnavailable("away", provider="p"), FAILED, FAILED),
        (ProviderOutcomeUnknown("?", provider="p"), FAILED, FAILED),
        (CapabilityUnsupported("not sent"), None, None),
    ],
)
def test_what_a_call_says(error: OneRouterError | None, call: Verdict | None, lookup: Verdict | None) -> None:
    assert verdict_of(error, is_lookup=False) is call
    assert verdict_of(error, is_lookup=True) is lookup


class TestItOpens:
    @given(st.lists(st.sampled_from([ANSWERED, FAILED]), max_size=RULE.least - 1))
    def test_for_so_many_failures_in_a_row_and_not_for_fewer(self, verdicts: list[Verdict]) -> None:
        circuit: Circuit = CLOSED
        in_a_row = 0
        for verdict in verdicts:
            circuit = after(circuit, verdict, at=100)
            in_a_row = in_a_row + 1 if verdict is FAILED else 0
            assert isinstance(circuit, Open) == (in_a_row == RULE.consecutive)
            if isinstance(circuit, Open):
                return

    @given(CALLS)
    def test_never_for_answers(self, calls: list[tuple[Verdict, float, float]]) -> None:
        circuit: Circuit = CLOSED
        now = 0.0
        for _, gap, took in calls:
            now += gap
            circuit = observed(circuit, Seen(ANSWERED, now - took, now), RULE)
            assert gate(circuit, now, RULE) is Gate.CLOSED

    def test_for_the_share_once_there_are_enough(self) -> None:
        circuit: Circuit = CLOSED
        for number in range(RULE.least):
            assert isinstance(circuit, Evidence)
            circuit = after(circuit, FAILED if number % 2 else ANSWERED, at=100)
        assert isinstance(circuit, Open)
        assert circuit.why == "50% of the calls failed"

    def test_not_for_a_share_of_long_ago(self) -> None:
        circuit = after(CLOSED, *[FAILED, FAILED, FAILED, ANSWERED] * 4, at=100)
        circuit = after(circuit, *[ANSWERED] * 12, at=100 + 5 * RULE.window_s)
        assert isinstance(after(circuit, FAILED, FAILED, at=100 + 5 * RULE.window_s), Evidence)

    def test_not_for_failures_that_lie_far_apart(self) -> None:
        circuit: Circuit = CLOSED
        for number in range(3 * RULE.consecutive):
            circuit = after(circuit, FAILED, at=1_000.0 * number)
        assert isinstance(circuit, Evidence)

    def test_for_throttling_that_lasts(self) -> None:
        circuit: Circuit = CLOSED
        for now in range(0, 60, 10):
            circuit = after(circuit, THROTTLED, at=now)
            assert isinstance(circuit, Evidence), now
        assert isinstance(after(circuit, THROTTLED, at=60), Open)
        assert isinstance(after(after(circuit, ANSWERED, at=55), THROTTLED, at=60), Evidence)
        assert isinstance(after(circuit, THROTTLED, at=600), Evidence)  # another time

    def test_for_throttling_that_will_last(self) -> None:
        assert isinstance(observed(CLOSED, Seen(THROTTLED, 1, 1, asked_to_wait_s=30), RULE), Evidence)
        assert isinstance(observed(CLOSED, Seen(THROTTLED, 1, 1, asked_to_wait_s=60), RULE), Open)


class TestOpen:
    def test_it_lets_nothing_through_then_so_many_a_round(self) -> None:
        circuit = opened(at=100)
        assert wait_s(circuit, 101) == pytest.approx(4)
        assert (gate(circuit, 104.9, RULE), gate(circuit, 105, RULE)) == (Gate.OPEN, Gate.DUE)
        for _ in range(RULE.probes):
            taken = admitted(circuit, 105, RULE)
            assert taken is not None
            circuit = taken
        assert (gate(circuit, 114.9, RULE), gate(circuit, 115, RULE)) == (Gate.OPEN, Gate.DUE)

    def test_answers_of_probes_close_it_and_nothing_is_remembered(self) -> None:
        circuit = opened()
        assert isinstance(after(circuit, ANSWERED, ANSWERED, at=106), Open)
        assert after(circuit, ANSWERED, ANSWERED, ANSWERED, at=106) == CLOSED

    @pytest.mark.parametrize("verdict", [FAILED, THROTTLED])
    def test_a_probe_that_fails_opens_it_for_twice_as_long(self, verdict: Verdict) -> None:
        circuit: Circuit = opened(at=100)
        waits = []
        for _ in range(6):
            assert isinstance(circuit, Open)
            now = circuit.until
            circuit = after(circuit, ANSWERED, verdict, at=now)
            assert isinstance(circuit, Open)
            waits.append(circuit.until - now)
        assert waits == [10, 20, 40, 60, 60, 60]
        assert isinstance(circuit, Open)
        assert circuit.since == 100

    def test_questions_that_are_answered_prove_nothing(self) -> None:
        assert after(opened(), *[HEARD] * 10, at=200) == opened()
        row = after(CLOSED, *[FAILED, HEARD] * RULE.consecutive, at=100)
        assert isinstance(row, Open)

    @given(st.sampled_from(Verdict), st.floats(-50, 4.9), st.floats(0, 100))
    def test_what_began_before_the_probes_moves_nothing(self, verdict: Verdict, began: float, took: float) -> None:
        circuit = opened(at=100)
        assert observed(circuit, Seen(verdict, 100 + began, 100 + began + took), RULE) == circuit

    def test_what_nobody_probes_is_forgotten(self) -> None:
        circuit = opened(at=100)
        later = circuit.until + RULE.forget_s
        assert (gate(circuit, later - 1, RULE), gate(circuit, later, RULE)) == (Gate.DUE, Gate.CLOSED)
        assert isinstance(after(circuit, FAILED, at=later), Evidence)


@given(CALLS, st.integers(1, 8), st.integers(1, 5))
def test_no_round_lets_more_through_than_its_probes(
    calls: list[tuple[Verdict, float, float]], consecutive: int, probes: int
) -> None:
    """Whatever happens, in whichever order: calls go through while it is closed, or as probes, never otherwise."""
    rule = replace(RULE, consecutive=consecutive, probes=probes)
    circuit: Circuit = CLOSED
    now, let_through = 0.0, list[float]()
    for verdict, gap, took in calls:
        now += gap
        if gate(circuit, now, rule) is Gate.DUE:
            assert isinstance(circuit, Open)
            assert now >= circuit.until
            taken = admitted(circuit, now, rule)
            assert taken is not None
            circuit = taken
            let_through.append(now)
            assert sum(moment > now - rule.round_s for moment in let_through) <= 2 * probes
            assert circuit.let_through <= probes
        before, circuit = circuit, observed(circuit, Seen(verdict, now - took, now), rule)
        if isinstance(circuit, Open) and not isinstance(before, Open):
            assert verdict in (FAILED, THROTTLED)
            let_through.clear()
        if isinstance(before, Open) and isinstance(circuit, Open):
            assert circuit.times >= before.times
            assert circuit.until <= now + rule.open_most_s or circuit == before
        assert wait_s(circuit, now) <= max(rule.open_most_s, rule.round_s) + 1e-6
