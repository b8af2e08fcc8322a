"""What every list is asked in its query string."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from onerouter_common.reads.paging import MOST, Page

_NUMBER: Final = re.compile(r"[-+0-9.eE]*")


def _no_number(value: Any) -> Any:
    """It would be taken for seconds, or for milliseconds, by how large it is."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) is not None:
        raise ValueError("must be a moment such as 2026-01-31T09:30:00Z")
    return value


def _in_utc(moment: datetime) -> datetime:
    """The first and the last hours of the calendar are no moments in UTC, and PostgreSQL counts in UTC."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no moment that anything was created at") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_in_utc)]


def _page(
    limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    created_after: Moment | None = None,
    created_before: Moment | None = None,
) -> Page:
    return Page(limit, cursor, created_after, created_before)


AskedPage = Annotated[Page, Depends(_page)]
