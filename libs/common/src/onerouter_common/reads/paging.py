"""Lists, newest first: filters every list has, and the cursor that goes on where a page ended. Pure."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from pydantic import JsonValue

from onerouter_common.errors import InvalidRequest

MOST: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)
_CURSOR_CHARS: Final = 200

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    limit: int = 20
    cursor: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def cursor_of(created_at: datetime, id_: str) -> str:
    """Opaque to callers: the position of a row, to the microsecond."""
    micros = (created_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{micros}.{id_}".encode()).decode().rstrip("=")


def position_of(cursor: str) -> tuple[datetime, str]:
    """Raises InvalidRequest (field `cursor`)."""
    invalid = InvalidRequest.of("cursor", "is not one that this list has given")
    if len(cursor) > _CURSOR_CHARS:
        raise invalid
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        micros, separator, id_ = decoded.partition(".")
        created_at = _EPOCH + timedelta(microseconds=int(micros))
    except (binascii.Error, ValueError, OverflowError):
        raise invalid from None
    if (
        not separator
        or not id_.isprintable()
        or not _EPOCH <= created_at < _LATEST
        or cursor != cursor_of(created_at, id_)
    ):
        raise invalid
    return created_at, id_


def list_view(
    rows: Sequence[RowT], page: Page, view: Callable[[RowT], JsonValue], key: Callable[[RowT], tuple[datetime, str]]
) -> dict[str, JsonValue]:
    """`{data, has_more, next_cursor}` of rows that are one more than the limit when there is a next page."""
    shown = rows[: page.limit]
    has_more = len(rows) > page.limit
    return {
        "object": "list",
        "data": [view(row) for row in shown],
        "has_more": has_more,
        "next_cursor": cursor_of(*key(shown[-1])) if has_more else None,
    }


def part_view(
    rows: Sequence[RowT], page: Page, view: Callable[[RowT], JsonValue], key: Callable[[RowT], tuple[datetime, str]]
) -> dict[str, JsonValue]:
    """The same of a list that several services hold parts of: with `cursors`, where each entry stands (`merging`)."""
    return {**list_view(rows, page, view, key), "cursors": [cursor_of(*key(row)) for row in rows[: page.limit]]}
