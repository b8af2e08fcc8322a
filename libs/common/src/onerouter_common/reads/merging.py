"""One list that several services hold parts of. Pure.

A cursor is a position in time, the same in every part: each service is asked for what lies behind it, and of all that they
answer the first ones are the page. For that each part says where its entries stand (`cursors`, to the microsecond; what is
shown of time is coarser); whoever merges takes that out again. A part that had to stop looking says where (`until`): nobody
knows what it holds behind that, so the page ends there, however few entries it has.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from onerouter_common.reads.paging import position_of

View = dict[str, Any]


def merged(parts: Sequence[Mapping[str, Any]], limit: int, *, oldest_first: bool = False) -> View:
    """The page `{data, has_more, next_cursor}` of pages that were each asked for with this limit and the same cursor."""
    entries: list[tuple[tuple[datetime, str], str, Any]] = [
        (position_of(cursor), cursor, entry)
        for part in parts
        for cursor, entry in zip(part["cursors"], part["data"], strict=True)
    ]
    entries.sort(key=lambda one: one[0], reverse=not oldest_first)
    ends = [until for part in parts if (until := part.get("until")) is not None]
    end = max(ends, key=position_of, default=None)
    if end is not None:
        entries = [one for one in entries if one[0] >= position_of(end)]
    shown = entries[:limit]
    has_more = len(entries) > limit or end is not None or any(part["has_more"] for part in parts)
    # A full page ends at its last entry: the part that filled it may have held others back, before the end.
    last = end if end is not None and len(entries) < limit else shown[-1][1] if shown else None
    return {
        "object": "list",
        "data": [entry for _, _, entry in shown],
        "has_more": has_more,
        "next_cursor": last if has_more else None,
    }
