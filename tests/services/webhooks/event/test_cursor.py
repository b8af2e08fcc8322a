"""Cursors lead back to where they were given, and nothing else does."""

import base64

import pytest

from onerouter_common.errors import InvalidRequest
from onerouter_webhooks.event.cursor import BEGINNING, Position, cursor_of, position_of


def written(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("position", [BEGINNING, Position(1, 2), Position(2**64 - 1, 2**63 - 1)])
def test_a_cursor_leads_back_to_its_place(position: Position) -> None:
    assert position_of(cursor_of(position), "after") == position


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "é",
        "=" * 8,
        "A" * 65,
        written("1"),
        written("1."),
        written("-1.2"),
        written("01.2"),
        written("1.2 "),
        written("1_0.2"),
        written(f"{2**64}.1"),
        written(f"1.{2**63}"),
        cursor_of(Position(1, 2)) + "=",
    ],
)
def test_whatever_else_is_refused_by_its_field(cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        position_of(cursor, "after")
    assert [error.field for error in refused.value.errors] == ["after"]
