"""From a call to the bytes on the wire."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import parse_qs, unquote
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onerouter import NOT_GIVEN, RequestOptions, Timeout
from onerouter._request import Call, Defaults, build, json_bytes, query_string, segment

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


class Colour(Enum):
    RED = "red"


def made(method: str = "POST", **options: Any) -> Call:
    given_options: RequestOptions = options  # type: ignore[assignment]
    body: dict[str, object] | None = {} if method == "POST" else None
    defaults = Defaults(Timeout(), None, 3, None)
    return build(method, "/v1/payments", body=body, query=None, options=given_options, defaults=defaults)


class TestBody:
    @settings(deadline=None)
    @given(st.dictionaries(st.text(), JSON))
    def test_what_json_can_say_is_said(self, content: dict[str, Any]) -> None:
        try:
            content_bytes = json_bytes(content)
        except UnicodeEncodeError:
            return  # half a surrogate pair is no text
        assert json.loads(content_bytes) == content

    @pytest.mark.parametrize(
        ("value", "written"),
        [
            (Decimal("499.00"), "499.00"),
            (Decimal("1E+3"), "1000"),
            (Decimal("0.10"), "0.10"),
            (datetime(2026, 1, 31, 9, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-01-31T04:00:00Z"),
            (date(2026, 1, 31), "2026-01-31"),
            (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            (Colour.RED, "red"),
            (("a", Decimal(1)), ["a", "1"]),
            ({"a": NOT_GIVEN, "b": None, "c": [NOT_GIVEN, {"d": NOT_GIVEN}]}, {"b": None, "c": [{}]}),
        ],
    )
    def test_what_it_cannot_say_has_one_spelling(self, value: object, written: object) -> None:
        assert json.loads(json_bytes({"value": value})) == {"value": written}

    @pytest.mark.parametrize(
        "value", [float("nan"), float("inf"), Decimal("NaN"), datetime.fromisoformat("2026-01-31")]
    )
    def test_what_means_nothing(self, value: object) -> None:
        with pytest.raises(ValueError, match=r"number|time zone"):
            json_bytes({"value": value})

    @pytest.mark.parametrize("value", [b"bytes", object()])
    def test_what_cannot_be_sent(self, value: object) -> None:
        with pytest.raises(TypeError, match="cannot be sent"):
            json_bytes({"value": value})


class TestSegment:
    @given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])))
    def test_it_is_one_segment_and_comes_back(self, value: str) -> None:
        if value in {".", ".."}:
            return
        assert "/" not in segment(value) and "?" not in segment(value) and "#" not in segment(value)
        assert unquote(segment(value)) == value

    @pytest.mark.parametrize("value", ["", ".", ".."])
    def test_what_would_lead_elsewhere_names_the_argument(self, value: str) -> None:
        with pytest.raises(ValueError, match="payment_id"):
            segment(value, "payment_id")


def test_a_query() -> None:
    query = {"types": ["a.*", "b"], "on": True, "none": None, "not": NOT_GIVEN, "at": date(2026, 1, 31), "q": "a&b=é"}
    assert parse_qs(query_string(query)) == {"types": ["a.*,b"], "on": ["true"], "at": ["2026-01-31"], "q": ["a&b=é"]}


class TestOptions:
    def test_a_key_in_the_body_is_the_calls(self) -> None:
        assert made(extra_body={"idempotency_key": "k1"}).idempotency_key == "k1"
        assert made(idempotency_key="k2").headers["Idempotency-Key"] == "k2"

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_what_changes_something_has_a_key(self, method: str) -> None:
        assert made(method).idempotency_key

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_what_reads_has_none(self, method: str) -> None:
        assert made(method, idempotency_key=None).idempotency_key is None
        with pytest.raises(TypeError, match="idempotency_key"):
            made(method, idempotency_key="k")

    @pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
    def test_a_key_in_a_header_is_the_calls_and_the_only_one(self, name: str) -> None:
        call = made(extra_headers={name: "k1"}, idempotency_key="k1")
        assert call.idempotency_key == "k1" and call.headers == {name: "k1"}
        with pytest.raises(ValueError, match="extra_headers"):
            made(extra_headers={name: "k1"}, idempotency_key="k2")
        with pytest.raises(ValueError, match="printable"):
            made(extra_headers={name: ""})

    def test_the_clients_environment_unless_another_is_named(self) -> None:
        defaults = Defaults(Timeout(), None, 3, "test")
        for options, sent in (({}, "test"), ({"environment": None}, "test"), ({"environment": "live"}, "live")):
            given_options: RequestOptions = options  # type: ignore[assignment]
            call = build("GET", "/v1/payments", body=None, query=None, options=given_options, defaults=defaults)
            assert call.headers["X-OneRouter-Environment"] == sent

    def test_waiting(self) -> None:
        assert "Prefer" not in made().headers and made().timeout == Timeout()
        assert made(wait=False).headers["Prefer"] == "respond-async"
        assert (made(wait=5).headers["Prefer"], made(wait=5).timeout.total) == ("wait=5", 30)
        assert made(wait=60).timeout == Timeout(70, 5)
        assert made(wait=60, timeout=7).timeout == Timeout(7, 5)

    @pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": -1.0}, {"deadline": 0}, {"max_retries": -1}])
    def test_times_that_cannot_be(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"above 0|0 or more"):
            made(**options)
