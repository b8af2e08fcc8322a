from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onerouter_common.errors import InvalidRequest
from onerouter_common.ids import new_id
from onerouter_common.reads.paging import Page, cursor_of, list_view, position_of

moments = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(deadline=None)
@given(moments)
def test_a_cursor_is_its_position_to_the_microsecond(moment: datetime) -> None:
    id_ = new_id("pay")
    assert position_of(cursor_of(moment, id_)) == (moment, id_)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_anything_else_is_refused_by_name(text: str) -> None:
    try:
        position_of(text)
    except InvalidRequest as refused:
        assert refused.errors[0].field == "cursor"
    else:
        pytest.fail("accepted")


@pytest.mark.parametrize("cursor", ["x" * 300, "LTEucGF5XzE", "MTAwMDAwMDAwMDAwMDAwMDAwMDAwLnBheV8x"])
def test_positions_outside_of_time_are_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        position_of(cursor)


def test_a_list_says_whether_there_is_more() -> None:
    rows = [(datetime(2026, 1, day, tzinfo=UTC), f"pay_{day}") for day in (3, 2, 1)]
    more = list_view(rows, Page(limit=2), lambda row: row[1], lambda row: row)
    assert (more["data"], more["has_more"]) == (["pay_3", "pay_2"], True)
    assert position_of(str(more["next_cursor"])) == rows[1]
    last = list_view(rows, Page(limit=3), lambda row: row[1], lambda row: row)
    assert (last["has_more"], last["next_cursor"]) == (False, None)
