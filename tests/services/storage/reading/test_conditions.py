"""What RFC 9110 says of conditions and ranges, as far as a bucket can be asked it."""

from datetime import UTC, datetime

import pytest

from onerouter_common.errors import InvalidRequest
from onerouter_providers.objects import Conditions
from onerouter_storage.reading.conditions import asked_of

DATE = "Sun, 01 Mar 2026 09:30:00 GMT"


def test_conditions_are_passed_on() -> None:
    asked = asked_of(
        {"if-match": '"a"', "if-none-match": 'W/"b"', "if-modified-since": DATE, "if-unmodified-since": "nonsense"}
    )
    assert asked.conditions == Conditions("a", "b", datetime(2026, 3, 1, 9, 30, tzinfo=UTC), None)
    assert asked_of({"if-none-match": "*"}).conditions.if_none_match == "*"


@pytest.mark.parametrize("several", ['"a", "b"', 'W/"a"'])
def test_one_version_at_a_time(several: str) -> None:
    with pytest.raises(InvalidRequest, match="If-Match"):
        asked_of({"if-match": several})


def test_the_versions_that_a_cache_has_may_be_several() -> None:
    asked = asked_of({"if-none-match": 'W/"a", "b,c" ,"d"', "if-modified-since": DATE, "if-match": '"e"'})
    assert asked.known == {"a", "b,c", "d"}
    assert asked.conditions == Conditions(if_match="e")
    assert asked_of({"if-none-match": '"a", "b"', "range": "bytes=0-4", "if-range": '"c"'}).known == {"a", "b"}
    for wrong in ('"a", b', '"a",', ",".join(['"a"'] * 101)):
        with pytest.raises(InvalidRequest, match="If-None-Match"):
            asked_of({"if-none-match": wrong})


@pytest.mark.parametrize("moment", ["Fri, 31 Dec 9999 23:59:59 -0100", "x"])
def test_a_moment_that_no_clock_shows_is_passed_over(moment: str) -> None:
    asked = asked_of({"if-modified-since": moment, "if-unmodified-since": moment})
    assert asked.conditions == Conditions()


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("bytes=0-4", "bytes=0-4"),
        ("bytes=-5", "bytes=-5"),
        ("bytes=0-1,3-4", None),
        ("items=0-4", None),
        ("bytes=-", None),
    ],
)
def test_one_range_at_a_time_or_all_of_it(given: str, taken: str | None) -> None:
    assert asked_of({"range": given}).byte_range == taken


def test_a_range_of_one_version() -> None:
    asked = asked_of({"range": "bytes=0-4", "if-range": '"a"'})
    assert asked.range_of == "a"
    assert asked.of_that_version.conditions.if_match == "a"
    assert asked.whole.byte_range is None
    for unsure in ({"if-range": DATE}, {"if-range": 'W/"a"'}, {"if-range": '"a"', "if-match": '"a"'}):
        assert asked_of({"range": "bytes=0-4", **unsure}).byte_range is None
