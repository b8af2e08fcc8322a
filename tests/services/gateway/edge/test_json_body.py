"""Bodies: bounded, inflated, decoded without floats."""

import asyncio
import gzip
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from onerouter_common.errors import (
    InvalidRequest,
    MalformedRequest,
    PayloadTooLarge,
    RequestTimedOut,
    UnsupportedMediaType,
)
from onerouter_gateway.edge.json_body import Beyond, inflate, parse_object, read_body
from onerouter_gateway.edge.json_size import refuse_many_values

JSON = "application/json"
STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def test_numbers_are_exact() -> None:
    body = parse_object(b'{"a": 0.1, "b": 499, "c": 1e2, "d": 123456789012345678.123456789}', JSON)
    assert body == {"a": Decimal("0.1"), "b": 499, "c": Decimal("1e2"), "d": Decimal("123456789012345678.123456789")}
    assert not any(isinstance(value, float) for value in body.values())


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}"])
@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=UTF-8", "application/vnd.api+json"])
def test_nothing_is_an_empty_object(body: bytes, content_type: str) -> None:
    assert parse_object(body, content_type) == {}


def test_an_escape_is_text_unless_no_database_can_hold_it() -> None:
    assert parse_object(rb'{"a": "\u20b9 \ud83d\ude00 \\u0000"}', JSON) == {"a": "₹ 😀 \\u0000"}
    for text in (rb'{"a": "\u0000"}', rb'{"a": "\ude00\ud83d"}', rb'{"\u0000": 1}'):
        with pytest.raises(InvalidRequest, match="NUL"):
            parse_object(text, JSON)


def test_an_empty_body_needs_no_content_type() -> None:
    assert parse_object(b"", "") == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a": }', "line 1, column 7"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b"\xff\xfe{}", "UTF-8"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "64 characters"),
        (b'{"a": 1e-99999999999999999999}', "exponent"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested"),
        (b"[" * 100_000, "nested"),
    ],
)
def test_what_is_not_json_is_refused_with_the_reason(body: bytes, said: str) -> None:
    with pytest.raises(MalformedRequest, match=said):
        parse_object(body, JSON)


@pytest.mark.parametrize("body", [b"[]", b"1", b'"a"', b"null"])
def test_only_objects_are_bodies(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="JSON object"):
        parse_object(body, JSON)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_another_content_type_is_415(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        parse_object(b"a=1", content_type)


def test_another_charset_is_415() -> None:
    with pytest.raises(UnsupportedMediaType):
        parse_object(b"{}", "application/json; charset=utf-16")


@given(st.binary(max_size=3_000))
def test_gzip_is_undone(body: bytes) -> None:
    assert inflate(gzip.compress(body), "gzip", max_bytes=3_000) == body


def test_a_bomb_is_stopped() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(PayloadTooLarge):
        inflate(bomb, "gzip", max_bytes=1 << 20)


@pytest.mark.parametrize(
    "body",
    [b"plain", gzip.compress(b"abc", mtime=0)[:-3], gzip.compress(b"abc", mtime=0) + b"more"],
    ids=["plain", "cut", "more"],
)
def test_broken_gzip_is_400(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        inflate(body, "gzip", max_bytes=100)


def test_other_encodings_are_415() -> None:
    with pytest.raises(UnsupportedMediaType):
        inflate(b"x", "br", max_bytes=100)


@given(st.dictionaries(STORABLE, st.integers(-(10**20), 10**20) | STORABLE, max_size=5))
def test_json_is_read_as_it_was_written(value: dict[str, object]) -> None:
    assert parse_object(json.dumps(value).encode(), JSON) == value


class TestReadBody:
    async def test_a_large_one_has_to_keep_a_pace(self) -> None:
        entered: list[float] = []
        loop = asyncio.get_running_loop()

        async def enter() -> None:
            entered.append(loop.time())

        beyond = Beyond(1_000, enter, grace_s=0.2, least_bytes_per_s=100_000)
        calm = replace(beyond, grace_s=60.0)  # for which the machine may stand still
        assert len(await read_body(_sending([500] * 20, 0.001), max_bytes=20_000, beyond=calm)) == 10_000
        assert len(entered) == 1
        left = [1_500, *[1] * 100]
        with pytest.raises(RequestTimedOut, match="slowly"):
            await read_body(_sending(left, 0.05), max_bytes=20_000, beyond=beyond)
        assert len(entered) == 2
        assert len(left) > 50, "it was read for longer than it was given"

    async def test_one_of_ordinary_size_takes_no_place(self) -> None:
        async def enter() -> None:
            raise AssertionError

        beyond = Beyond(1_000, enter)
        assert len(await read_body(_sending([1_000], 0.0), max_bytes=20_000, beyond=beyond)) == 1_000


def _sending(left: list[int], every_s: float) -> Request:
    """One piece after the other, taken from the list."""

    async def receive() -> dict[str, object]:
        await asyncio.sleep(every_s)
        size = left.pop(0)
        return {"type": "http.request", "body": b"x" * size, "more_body": bool(left)}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


class TestManyValues:
    @pytest.mark.parametrize("value", [b"{}", b"[]", b"1", b'""', b"null", b'{"a":1}', b'"\\\\","'])
    def test_they_are_counted_before_they_are_made(self, value: bytes) -> None:
        with pytest.raises(PayloadTooLarge, match="100,000 values"):
            parse_object(b'{"a":[' + b",".join([value] * 100_001) + b"]}", JSON)

    def test_what_stands_in_texts_is_none(self) -> None:
        text = '[{,"\\' * 200_000
        assert parse_object(json.dumps({"a": text, text: "b"}).encode(), JSON) == {"a": text, text: "b"}

    def test_as_many_as_a_bulk_send_has_pass(self) -> None:
        recipients = [{"to": "+14155552671", "variables": {f"v{n}": n for n in range(20)}}] * 1_000
        assert len(parse_object(json.dumps({"recipients": recipients}).encode(), JSON)["recipients"]) == 1_000

    @given(st.recursive(st.text() | st.integers(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)))
    def test_a_value_is_never_missed(self, value: object) -> None:
        def count(one: object) -> int:
            below = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
            return 1 + sum(map(count, below))

        body = json.dumps({"a": value}, ensure_ascii=False).encode()
        refuse_many_values(body, 2 * count({"a": value}))
        if count({"a": value}) > 2:
            with pytest.raises(PayloadTooLarge):
                refuse_many_values(body, count({"a": value}) - 2)
