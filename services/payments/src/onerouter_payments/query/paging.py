"""Lists, newest first: filters every list has, and the cursor that goes on where a page ended. Pure."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from pydantic import JsonValue
from sqlalchemy import ColumnElement, Select, Table, literal, tuple_

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


def paged(query: Select[Any], table: Table, page: Page) -> Select[Any]:
    """The page's rows and one more, which tells whether there is a next page."""
    conditions: list[ColumnElement[bool]] = []
    if page.created_after is not None:
        conditions.append(table.c.created_at > page.created_after)
    if page.created_before is not None:
        conditions.append(table.c.created_at < page.created_before)
    if page.cursor is not None:
        created_at, id_ = position_of(page.cursor)
        conditions.append(tuple_(table.c.created_at, table.c.id) < tuple_(literal(created_at), literal(id_)))
    return query.where(*conditions).order_by(table.c.created_at.desc(), table.c.id.desc()).limit(page.limit + 1)


def list_view(
    rows: Sequence[RowT], page: Page, view: Callable[[RowT], JsonValue], key: Callable[[RowT], tuple[datetime, str]]
) -> dict[str, JsonValue]:
    """`{data, has_more, next_cursor}` of what `paged` found."""
    shown = rows[: page.limit]
    has_more = len(rows) > page.limit
    return {
        "object": "list",
        "data": [view(row) for row in shown],
        "has_more": has_more,
        "next_cursor": cursor_of(*key(shown[-1])) if has_more else None,
    }
