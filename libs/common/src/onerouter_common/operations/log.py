"""The transaction log: a page of a tenant's operations, whatever is asked of them, in about the same time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.operations import log_statements as statements
from onerouter_common.operations.log_statements import WALK, Key, OperationFilter, Query
from onerouter_common.reads.paging import Page


@dataclass(frozen=True, slots=True)
class Found:
    """Keys of operations, newest first: those of a page and, where there is a next one, one more."""

    keys: Sequence[Key]
    until: Key | None = None
    """Where the search had to end before it had a page. What is behind it is not known."""


async def find(tx: AsyncConnection, wanted: OperationFilter, page: Page) -> Found:
    """In a transaction that sees the tenant's rows only. Raises InvalidRequest for a cursor that no list has given."""
    most = page.limit + 1
    if wanted.operation_id is not None or wanted.resource_id is not None:
        walked = await _keys(tx, statements.of_few(wanted, page, WALK))
        if not wanted.metadata and not wanted.names_kinds:
            return Found(walked[:most])
        return await _fitting(tx, walked, wanted, most)
    if not wanted.metadata:
        return Found(await _newest(tx, wanted, page, most))
    (tag, *others) = wanted.tags
    if not others and not wanted.names_kinds:
        return Found(await _keys(tx, statements.of_tag(tag, page, most)))
    return await _fitting(tx, await _shortest(tx, wanted, page), wanted, most)


async def _newest(tx: AsyncConnection, wanted: OperationFilter, page: Page, most: int) -> Sequence[Key]:
    """Where the last months have a page of them, the others need not be opened."""
    span = statements.span_of(page)
    recent = statements.newest_of(span, datetime.now(UTC))
    if recent is not None:
        found = await _keys(tx, statements.of_kinds(wanted, page, recent, most))
        if len(found) == most:
            return found
    return await _keys(tx, statements.of_kinds(wanted, page, span, most))


async def _shortest(tx: AsyncConnection, wanted: OperationFilter, page: Page) -> Sequence[Key]:
    """The list to go through, of those that hold all that fits: so that few are looked at in vain."""
    sizes = [(await _count(tx, statements.count_of_tag(tag, page, WALK)), tag) for tag in wanted.tags]
    size, tag = min(sizes)
    if size == WALK and wanted.names_kinds:
        span = statements.span_of(page)
        if await _count(tx, statements.count_of_kinds(wanted, page, span, WALK)) < WALK:
            return await _keys(tx, statements.of_kinds(wanted, page, span, WALK))
    return await _keys(tx, statements.of_tag(tag, page, WALK))


async def _fitting(tx: AsyncConnection, walked: Sequence[Key], wanted: OperationFilter, most: int) -> Found:
    if not walked:
        return Found([])
    fitting = await _keys(tx, statements.those_that_fit(walked, wanted, most))
    is_all = len(walked) < WALK or len(fitting) == most
    return Found(fitting, None if is_all else walked[-1])


async def _keys(tx: AsyncConnection, query: Query) -> list[Key]:
    return [(row.created_at, row.id) for row in await _fetch(tx, query)]


async def _count(tx: AsyncConnection, query: Query) -> int:
    return int((await _fetch(tx, query))[0][0])


async def _fetch(tx: AsyncConnection, query: Query) -> Sequence[Any]:
    return (await tx.execute(text(query.sql), query.values)).all()
