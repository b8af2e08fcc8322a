"""Pages by `limit` and `offset`, as `/api/v1` has them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from onerouter_common.errors import InvalidRequest

_MOST: Final = 100
_FARTHEST: Final = 10_000
_USUAL: Final = 20


def page_of(asked: Mapping[str, Any]) -> tuple[int, int]:
    """Limit and offset. Raises InvalidRequest (fields `limit`, `offset`)."""
    limit = _number(asked, "limit", default=_USUAL, most=_MOST)
    return limit or _USUAL, _number(asked, "offset", default=0, most=_FARTHEST)


def sliced(name: str, found: Sequence[Any], limit: int, offset: int) -> dict[str, Any]:
    """The page of all that there is."""
    shown = found[offset : offset + limit]
    has_more = offset + limit < len(found)
    return {name: shown, "data": shown, "total": len(found), "limit": limit, "offset": offset, "has_more": has_more}


def _number(asked: Mapping[str, Any], name: str, *, default: int, most: int) -> int:
    value = asked.get(name, default)
    text = str(value)
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > most:
        raise InvalidRequest.of(name, f"must be an integer from 0 to {most}")
    return int(text)
