"""When a call is tried again, and after how long."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onerouter import APIConnectionError, APIError, APITimeoutError, OneRouterError, OutcomeUnknownError
from onerouter._answer import Answer, error_of
from onerouter._errors import Effect
from onerouter._retry import backoff_s, delay_s, may_repeat, retry_after_s


def said(status: int, **problem: object) -> APIError:
    return error_of(Answer(status, {}, json.dumps(problem).encode()), has_effect=True)


class TestMayRepeat:
    @pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
    def test_what_may_go_well_later(self, status: int) -> None:
        assert may_repeat(said(status))
        assert not may_repeat(said(status, retryable=False))

    @pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 422, 500, 501, 301])
    def test_what_will_be_the_same(self, status: int) -> None:
        assert not may_repeat(said(status))
        assert may_repeat(said(status, retryable=True))

    def test_in_flight_is_the_call_itself(self) -> None:
        assert may_repeat(said(409, code="OPERATION_IN_FLIGHT", retryable=False))

    @pytest.mark.parametrize("status", [408, 429, 500, 503])
    def test_what_is_done_is_never_repeated(self, status: int) -> None:
        assert not may_repeat(said(status, effect="committed", retryable=True))

    def test_connections(self) -> None:
        assert may_repeat(APIConnectionError("")) and may_repeat(APITimeoutError(""))
        assert not may_repeat(OutcomeUnknownError("")) and not may_repeat(OneRouterError(""))


class TestDelay:
    @given(retries=st.integers(0, 10_000), chance=st.floats(0, 1))
    def test_half_to_all_of_a_wait_that_doubles_up_to_8_s(self, retries: int, chance: float) -> None:
        longest = min(8.0, 0.5 * 2.0 ** min(retries, 20))
        assert longest / 2 <= backoff_s(retries, chance) <= longest

    @settings(deadline=None)
    @given(
        asked=st.none() | st.floats(0, 500),
        retries=st.integers(0, 8),
        most=st.integers(0, 8),
        left=st.none() | st.floats(0, 500),
        chance=st.floats(0, 1),
        effect=st.sampled_from(["none", "unknown", "committed"]),
    )
    def test_its_promises(
        self, asked: float | None, retries: int, most: int, left: float | None, chance: float, effect: Effect
    ) -> None:
        failure = said(503)
        failure.retry_after, failure.effect = asked, effect
        delay = delay_s(failure, retries=retries, max_retries=most, left_s=left, chance=chance)
        if retries >= most or effect == "committed" or (asked is not None and asked > 60):
            assert delay is None
        elif delay is None:
            assert left is not None and max(asked or 0.0, backoff_s(retries, chance)) >= left
        else:
            assert (asked or 0.0) <= delay <= max(60.0, 8.0)
            assert left is None or delay < left


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [("7", 7.0), ("0", 0.0), ("1.5", 1.5), ("-3", 0.0), ("soon", None), ("", None), ("nan", None)],
    )
    def test_seconds(self, value: str, seconds: float | None) -> None:
        assert retry_after_s({"retry-after": value}) == seconds

    def test_a_date(self) -> None:
        later = format_datetime(datetime.now(timezone.utc) + timedelta(hours=1), usegmt=True)
        seconds = retry_after_s({"retry-after": later})
        assert seconds is not None and 3000 < seconds <= 3600
        assert retry_after_s({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0

    def test_none(self) -> None:
        assert retry_after_s({}) is None
