"""The filter language: what holds, what is refused, and that nothing an event or a filter says can raise or take long."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onerouter_webhooks.event.filter import DEEPEST, MOST_OPERATORS, FilterWrong, check, passes
from onerouter_webhooks.event.matching import channel_of, is_channel, is_in, takes

BODY: dict[str, Any] = {
    "type": "payment.succeeded",
    "sequence": 3,
    "data": {
        "amount": 499.0,
        "currency": "INR",
        "is_test": True,
        "error": None,
        "created_at": "2026-11-22T06:00:00Z",
        "tags": ["vip", "new"],
        "prices": [1, 50, 100],
        "customer": {"name": "Zoë", "email": "zoe@example.com"},
        "empty": [],
    },
}


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        ({"type": "payment.succeeded"}, True),
        ({"type": "payment.failed"}, False),
        ({"data": {"amount": 499}}, True),  # an integer equals a float
        ({"data": {"amount": "499"}}, False),
        ({"data": {"is_test": True}}, True),
        ({"data": {"is_test": 1}}, False),  # true is no number
        ({"sequence": True}, False),
        ({"data": {"error": None}}, True),
        ({"data": {"missing": None}}, False),
        ({"data": {"amount": {"$gt": 498}, "currency": "INR"}}, True),
        ({"data": {"amount": {"$gt": 498}, "currency": "USD"}}, False),
        ({"data": {"amount": {"$gt": 499}}}, False),
        ({"data": {"amount": {"$gte": 499, "$lt": 500, "$lte": 499}}}, True),
        ({"data": {"amount": {"$gt": "1"}}}, False),
        ({"data": {"is_test": {"$gt": 0}}}, False),
        ({"data": {"created_at": {"$gte": "2026-11-01"}}}, True),
        ({"data": {"currency": {"$in": ["USD", "INR"]}}}, True),
        ({"data": {"currency": {"$nin": ["USD", "INR"]}}}, False),
        ({"data": {"missing": {"$nin": ["USD"]}}}, True),
        ({"data": {"currency": {"$ne": "USD"}}}, True),
        ({"data": {"missing": {"$ne": "USD"}}}, True),
        ({"data": {"currency": {"$eq": "INR"}}}, True),
        ({"type": {"$startsWith": "payment."}}, True),
        ({"type": {"$startsWith": "refund."}}, False),
        ({"data": {"customer": {"email": {"$endsWith": "@example.com"}}}}, True),
        ({"data": {"amount": {"$startsWith": "4"}}}, False),
        ({"data": {"amount": {"$exist": True}, "refund": {"$exist": False}}}, True),
        ({"data": {"error": {"$exist": True}}}, True),
        ({"data": {"customer": {"phone": {"$exist": True}}}}, False),
        ({"data": {"currency": {"deeper": {"$exist": False}}}}, True),
        ({"data": {"tags": "vip"}}, True),
        ({"data": {"tags": "old"}}, False),
        ({"data": {"tags": {"$ne": "vip"}}}, False),
        ({"data": {"tags": {"$startsWith": "ne"}}}, True),
        ({"data": {"prices": {"$gt": 99}}}, True),
        ({"data": {"empty": {"$in": ["x"]}}}, False),
        ({"data": {"customer": {"$eq": "Zoë"}}}, False),
        ({"$or": [{"type": "refund.failed"}, {"data": {"currency": "INR"}}]}, True),
        ({"$or": [{"type": "refund.failed"}, {"data": {"currency": "USD"}}]}, False),
        ({"$and": [{"type": "payment.succeeded"}, {"data": {"currency": "USD"}}]}, False),
        ({"$not": {"type": "refund.failed"}}, True),
        ({"data": {"amount": {"$not": {"$gt": 100}}}}, False),
        ({"data": {"amount": {"$or": [{"$lt": 100}, {"$gt": 400}]}}}, True),
    ],
)
def test_what_holds(wanted: dict[str, Any], holds: bool) -> None:
    check(wanted)
    assert passes(wanted, BODY) is holds


def _nested(levels: int) -> dict[str, Any]:
    wanted: dict[str, Any] = {"a": 1}
    for _ in range(levels - 1):
        wanted = {"a": wanted}
    return wanted


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ([], "object"),
        ("x", "object"),
        ({}, "object"),
        ({"a": {}}, "a: must not be empty"),
        ({"a": [1]}, "a: must be a text"),
        ({"a": {"$regex": "x"}}, r"a.\$regex: must be one of"),
        ({"a": {"$in": "x"}}, r"a.\$in: must be a list"),
        ({"a": {"$in": []}}, "1 to 100"),
        ({"a": {"$in": [1] * 101}}, "1 to 100"),
        ({"$or": [{"a": {"$in": [1] * 51}}, {"b": {"$not": {"$nin": [1] * 50}}}]}, "100 values"),
        ({"a": {"$in": [{"b": 1}]}}, "must be a text"),
        ({"a": {"$exist": 1}}, "true or false"),
        ({"a": {"$gt": True}}, "number or a text"),
        ({"a": {"$gt": None}}, "number or a text"),
        ({"a": {"$startsWith": 1}}, "must be a text"),
        ({"$or": {}}, r"\$or: must be a list"),
        ({"$or": []}, r"\$or: must be a list"),
        ({"$and": [1]}, "must hold filters"),
        ({"$not": 1}, "must hold filters"),
        ({"a": float("nan")}, "finite"),
        ({"a": 2**63}, "64 bits"),
        ({"a": "x" * 501}, "1 to 500"),
        ({"a\0": 1}, "without NUL"),
        ({"a": "\ud800"}, "valid Unicode"),
        ({"\ud800": 1}, "valid Unicode"),
        (_nested(DEEPEST + 1), "levels deep"),
        ({str(number): 1 for number in range(MOST_OPERATORS + 1)}, "at most 50 conditions"),
    ],
)
def test_what_is_refused(wrong: Any, why: str) -> None:
    with pytest.raises(FilterWrong, match=why) as refused:
        check(wrong)
    str(refused.value).encode()


def test_the_bounds_themselves_are_good() -> None:
    check(_nested(DEEPEST))
    check({str(number): 1 for number in range(MOST_OPERATORS)})
    assert passes(_nested(DEEPEST), _nested(DEEPEST))


def test_one_that_cannot_be_carried_out_lets_all_through() -> None:
    for broken in (_nested(DEEPEST + 1), {"a": {"$later": 1}}, {"$or": 1}):
        assert passes(broken, _nested(DEEPEST + 1)) is True


_NAMES = st.sampled_from(["a", "b", "data", "$or", "$and", "$not", "$in", "$gt", "$eq", "$exist", "$startsWith", "$x"])
_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_JSON: st.SearchStrategy[Any] = st.recursive(
    _PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3), max_leaves=12
)
_OBJECTS = st.dictionaries(_NAMES, _JSON, max_size=4)


@settings(max_examples=300, deadline=None)
@given(wanted=_OBJECTS, body=_JSON)
def test_whatever_it_says_it_answers(wanted: dict[str, Any], body: Any) -> None:
    assert passes(wanted, body) in (True, False)
    try:
        check(wanted)
    except FilterWrong:
        return
    assert json.loads(json.dumps(wanted)) == wanted  # what is accepted can be stored and comes back


@settings(max_examples=300, deadline=None)
@given(wanted=_OBJECTS, body=_OBJECTS)
def test_its_opposite_lets_through_the_rest(wanted: dict[str, Any], body: dict[str, Any]) -> None:
    try:
        check({"$not": wanted})
    except FilterWrong:
        return
    assert passes({"$not": wanted}, body) is not passes(wanted, body)


def test_the_dearest_one_on_the_longest_list_takes_no_time() -> None:
    choices = ["x" * 499 + chr(33 + number) for number in range(4)]
    wanted = {"$or": [{"data": {"list": {"$in": choices}}}] * 24}
    check(wanted)
    body = {"data": {"list": ["x" * 499 + "~"] * 100}}
    started = time.process_time()
    for _ in range(10):
        assert passes(wanted, body) is False
    assert time.process_time() - started < 0.5, "50 ms each, on a machine that does other things"


def test_a_list_too_long_to_look_through_lets_the_event_through() -> None:
    assert passes({"data": {"list": "y"}}, {"data": {"list": ["x"] * 101}}) is True


def test_a_channel_is_what_the_metadata_says() -> None:
    assert channel_of({"metadata": {"channel": "shop/eu"}}) == "shop/eu"
    without: list[dict[str, Any]] = [
        {},
        {"metadata": None},
        {"metadata": {}},
        {"metadata": {"channel": 3}},
        {"metadata": {"channel": "a b"}},
    ]
    assert {channel_of(data) for data in without} == {None}
    assert is_channel("a" * 128)
    assert not any(is_channel(one) for one in ("", "a" * 129, "a\n", "-a", "ä"))


@dataclass
class _Interest:
    event_types: Sequence[str] | None = None
    channels: Sequence[str] | None = None
    filter: Mapping[str, Any] | None = None


def test_an_event_that_is_only_a_reference_is_not_judged_by_what_it_left_out() -> None:
    wanted = {"data": {"amount": {"$gte": 1_000}}}
    left_out = {"data": {"id": "pay_1", "object": "payment", "href": "/v1/payments/pay_1", "truncated": True}}
    assert takes(_Interest(filter=wanted), "payment.succeeded", None, lambda: left_out)
    assert not takes(_Interest(filter=wanted), "payment.succeeded", None, lambda: BODY)
    assert not takes(_Interest(["refund.*"], filter=wanted), "payment.succeeded", None, lambda: left_out)
    assert not takes(_Interest(channels=["a"], filter=wanted), "payment.succeeded", None, lambda: left_out)


def test_the_body_is_read_only_where_there_is_a_filter() -> None:
    def unreadable() -> Mapping[str, Any]:
        raise AssertionError("nobody asked for it")

    assert takes(_Interest(["*"], ["a"]), "payment.succeeded", "a", unreadable)


def test_who_names_no_channel_hears_all() -> None:
    assert is_in(None, None) and is_in(None, "a") and is_in(["a", "b"], "a")
    assert not is_in(["a"], "b") and not is_in(["a"], None)
