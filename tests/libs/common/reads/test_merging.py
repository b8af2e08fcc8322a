from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onerouter_common.reads.merging import merged
from onerouter_common.reads.paging import Page, cursor_of, part_view, position_of

START = datetime(2026, 3, 1, tzinfo=UTC)
Row = tuple[datetime, str]


def part(rows: list[Row], page: Page, *, oldest_first: bool) -> dict[str, Any]:
    """As a service answers from the rows that it has."""
    behind = None if page.cursor is None else position_of(page.cursor)
    ordered = sorted(rows, reverse=not oldest_first)
    left = [row for row in ordered if behind is None or (row > behind if oldest_first else row < behind)]
    return part_view(left[: page.limit + 1], page, lambda row: row[1], lambda row: row)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=20), st.integers(1, 5), st.booleans())
def test_everything_comes_once_and_in_order(made: list[tuple[int, int]], limit: int, oldest_first: bool) -> None:
    """Many at one microsecond, spread over three services in any way."""
    rows = [(START + timedelta(microseconds=us), f"op_{number:02}") for number, (us, _) in enumerate(made)]
    held = [[row for row, (_, at) in zip(rows, made, strict=True) if at == where] for where in range(3)]
    seen: list[str] = []
    cursor = None
    while True:
        asked = Page(limit, cursor)
        page = merged([part(mine, asked, oldest_first=oldest_first) for mine in held], limit, oldest_first=oldest_first)
        assert "cursors" not in page
        assert page["has_more"] == (page["next_cursor"] is not None) == (len(seen) + len(page["data"]) < len(rows))
        seen += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [id_ for _, id_ in sorted(rows, reverse=not oldest_first)]


def search(rows: list[Row], wanted: set[str], page: Page, looks_at: int) -> dict[str, Any]:
    """As a service answers that looks at so many rows at most for those that are wanted."""
    behind = None if page.cursor is None else position_of(page.cursor)
    left = [row for row in sorted(rows, reverse=True) if behind is None or row < behind]
    found = [row for row in left[:looks_at] if row[1] in wanted]
    view = part_view(found[: page.limit + 1], page, lambda row: row[1], lambda row: row)
    if len(found) > page.limit or len(left) <= looks_at:
        return view
    until = cursor_of(*left[looks_at - 1])
    return {**view, "has_more": True, "next_cursor": until, "until": until}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.booleans()), max_size=20),
    st.integers(1, 5),
    st.tuples(*(st.integers(1, 30) for _ in range(3))),
)
def test_parts_that_stop_looking_hide_nothing(
    made: list[tuple[int, int, bool]], limit: int, looks_at: tuple[int, int, int]
) -> None:
    rows = [(START + timedelta(microseconds=us), f"op_{number:02}") for number, (us, _, _) in enumerate(made)]
    wanted = {row[1] for row, (_, _, is_wanted) in zip(rows, made, strict=True) if is_wanted}
    held = [[row for row, (_, at, _) in zip(rows, made, strict=True) if at == where] for where in range(3)]
    seen: list[str] = []
    cursor = None
    for _ in range(len(rows) + 1):
        parts = [search(mine, wanted, Page(limit, cursor), most) for mine, most in zip(held, looks_at, strict=True)]
        page = merged(parts, limit)
        assert "until" not in page
        assert len(page["data"]) <= limit
        assert page["has_more"] == (page["next_cursor"] is not None)
        seen += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert cursor is None
    assert seen == [id_ for _, id_ in sorted(rows, reverse=True) if id_ in wanted]


def test_what_a_full_part_held_back_is_not_passed_over_with_one_that_stopped_looking() -> None:
    rows = [(START + timedelta(microseconds=us), f"op_{us:02}") for us in range(4)]
    full = search(rows[2:], {"op_02", "op_03"}, Page(1), looks_at=9)
    stopped = search(rows[:2], set(), Page(1), looks_at=1)
    page = merged([full, stopped], 1)
    assert (page["data"], page["next_cursor"]) == (["op_03"], cursor_of(*rows[3]))


def test_a_part_that_does_not_say_where_its_entries_stand_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        merged([{"data": ["op_1"], "cursors": [], "has_more": False}], 1)
