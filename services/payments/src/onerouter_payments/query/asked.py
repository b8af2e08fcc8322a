"""What every list is asked in its query string."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AfterValidator, AwareDatetime

from onerouter_payments.query.paging import MOST, Page


def _in_utc(moment: datetime) -> datetime:
    """The first and the last hours of the calendar are no moments in UTC, and PostgreSQL counts in UTC."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no moment that anything was created at") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


def _page(
    limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    created_after: Moment | None = None,
    created_before: Moment | None = None,
) -> Page:
    return Page(limit, cursor, created_after, created_before)


AskedPage = Annotated[Page, Depends(_page)]
