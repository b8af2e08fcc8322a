"""What a read is asked in headers. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from onerouter_common.object_keys import checked_etag
from onerouter_providers.objects import ALWAYS, Conditions

_TAG: Final = r'(?:W/)?"([!#-~]{1,128})"'
_SEVERAL: Final = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})+", re.ASCII)
_MOST_TAGS: Final = 100
_RANGE: Final = re.compile(r"bytes=(\d{1,15}-\d{0,15}|-\d{1,15})")


@dataclass(frozen=True, slots=True)
class Asked:
    conditions: Conditions = ALWAYS
    byte_range: str | None = None
    range_of: str | None = None
    """The range is wanted of the version with this ETag only, else all of the object (`If-Range`)."""
    known: frozenset[str] = frozenset()
    """Versions of which the caller has the bytes, where there are several: buckets are asked for one at most."""

    @property
    def of_that_version(self) -> "Asked":
        return replace(self, conditions=replace(self.conditions, if_match=self.range_of))

    @property
    def whole(self) -> "Asked":
        return replace(self, byte_range=None, range_of=None)


def asked_of(headers: Mapping[str, str]) -> Asked:
    """Raises InvalidRequest for several ETags in If-Match. A date or range that cannot be read is passed over, as RFC 9110
    wants it."""
    if_none_match = headers.get("if-none-match")
    known = _several(if_none_match)
    conditions = Conditions(
        if_match=_etag("If-Match", headers.get("if-match")),
        # Compared weakly: a weak one means the same here.
        if_none_match=None if known else _etag("If-None-Match", if_none_match and if_none_match.removeprefix("W/")),
        # Nobody looks at it beside If-None-Match.
        if_modified_since=None if known else _moment(headers.get("if-modified-since")),
        if_unmodified_since=_moment(headers.get("if-unmodified-since")),
    )
    byte_range = headers.get("range", "").strip()
    if _RANGE.fullmatch(byte_range) is None:
        return Asked(conditions, known=known)
    only_of = headers.get("if-range")
    if only_of is None:
        return Asked(conditions, byte_range, known=known)
    if not only_of.strip().startswith('"') or conditions.if_match is not None:
        return Asked(conditions, known=known)  # by date, or weak: all of it is what is always right
    return Asked(conditions, byte_range, _etag("If-Range", only_of), known)


def _etag(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    return "*" if value.strip() == "*" else checked_etag(name, value)


def _several(value: str | None) -> frozenset[str]:
    """Of If-None-Match, as caches send it."""
    if value is None or value.count(",") >= _MOST_TAGS or _SEVERAL.fullmatch(value.strip()) is None:
        return frozenset()
    return frozenset(re.findall(_TAG, value))


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        found = parsedate_to_datetime(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):  # the last: in UTC it is beyond the year 9999, or before the first
        return None
