import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.retry import Backoff

backoffs = st.builds(
    Backoff,
    first_s=st.floats(min_value=0.01, max_value=10),
    most_s=st.floats(min_value=10, max_value=3_600),
    jitter=st.floats(min_value=0, max_value=0.9),
)
seeds = st.integers().map(random.Random)


@given(backoffs, st.integers(min_value=-5, max_value=10**9), seeds)
def test_a_wait_stays_within_its_bounds(backoff: Backoff, failures: int, rng: random.Random) -> None:
    wait = backoff.wait_s(failures, rng=rng)
    assert backoff.first_s * (1 - backoff.jitter) <= wait <= backoff.most_s * (1 + backoff.jitter)


@given(backoffs, st.integers(min_value=1, max_value=100), st.floats(min_value=0, max_value=86_400), seeds)
def test_nobody_is_asked_before_the_time_they_named(
    backoff: Backoff, failures: int, retry_after_s: float, rng: random.Random
) -> None:
    wait = backoff.wait_s(failures, retry_after_s=retry_after_s, rng=rng)
    assert wait >= retry_after_s
    assert wait <= max(backoff.most_s, retry_after_s) * (1 + backoff.jitter)


def test_waits_double_until_the_most() -> None:
    backoff = Backoff(first_s=1, most_s=10, jitter=0)
    assert [backoff.wait_s(failures) for failures in range(1, 7)] == [1, 2, 4, 8, 10, 10]


def test_waits_are_spread() -> None:
    waits = {Backoff().wait_s(3) for _ in range(50)}
    assert len(waits) > 40


@pytest.mark.parametrize("failures", [1_024, 10_000, 10**9])
def test_asking_for_days_does_not_overflow(failures: int) -> None:
    assert math.isclose(Backoff(most_s=300, jitter=0).wait_s(failures), 300)


def test_given_up_after_so_many() -> None:
    assert [Backoff(give_up_after=3).exhausted(failures) for failures in (0, 2, 3, 4)] == [False, False, True, True]
