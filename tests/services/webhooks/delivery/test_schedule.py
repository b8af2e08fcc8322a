"""When a failed delivery is tried again."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_webhooks.delivery.schedule import RetrySchedule, is_overload, parse_retry_after
from onerouter_webhooks.settings import Settings

DEFAULT: tuple[float, ...] = Settings.model_fields["retry_schedule_s"].default
NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def test_the_default_schedule_is_the_specifications() -> None:
    hours = [wait / 3600 for wait in DEFAULT]
    assert hours == pytest.approx([5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24])
    assert sum(hours) == pytest.approx(75 + 35 / 60, abs=0.01)


def test_each_wait_is_within_the_spread_and_the_last_failure_ends_it() -> None:
    schedule = RetrySchedule(DEFAULT)
    rng = random.Random(7)
    for attempts, base in enumerate(DEFAULT, start=1):
        waits = [schedule.wait_s(attempts, rng=rng) or 0.0 for _ in range(200)]
        assert base * 0.8 <= min(waits) < max(waits) <= base * 1.2
    assert schedule.wait_s(len(DEFAULT) + 1, rng=rng) is None


@given(attempts=st.integers(1, 9), retry_after=st.floats(0, 1e9), seed=st.integers())
def test_never_before_what_the_endpoint_asked_for_up_to_a_bound(attempts: int, retry_after: float, seed: int) -> None:
    schedule = RetrySchedule(DEFAULT)
    wait = schedule.wait_s(attempts, retry_after_s=retry_after, rng=random.Random(seed))
    base = DEFAULT[attempts - 1]
    assert wait is not None
    assert wait >= min(retry_after, 2 * base + 7200, 86_400)
    assert wait <= max(86_400, base) * 1.2


def test_an_overloaded_endpoint_waits_at_least_the_floor() -> None:
    schedule = RetrySchedule(DEFAULT)
    assert min(schedule.wait_s(1, overloaded=True) or 0 for _ in range(100)) >= 60
    assert (schedule.wait_s(3, overloaded=True) or 0) < 1800 * 1.2


@pytest.mark.parametrize(("status", "overload"), [(429, True), (502, True), (504, True), (500, False), (None, False)])
def test_overload(status: int | None, overload: bool) -> None:
    assert is_overload(status) is overload


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Sat, 31 Jan 2026 12:01:30 GMT", 90.0),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("9" * 400, 999_999_999.0),
        (f"Sat, 31 Jan {10**20} 12:00:00 GMT", None),
        ("Sat, 31 Jan 2026 12:00:00 +99999999999999", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds
