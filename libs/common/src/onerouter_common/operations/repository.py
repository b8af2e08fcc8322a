"""What tenants read of operations."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from pydantic import JsonValue
from sqlalchemy import ColumnElement, Select, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.contracts.replies import Reply
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.errors import NotFound
from onerouter_common.operations.log import find
from onerouter_common.operations.log_statements import Categories, Key, OperationFilter
from onerouter_common.operations.tables import SHOWN, attempts, history, operations
from onerouter_common.operations.timeline import ATTEMPT, HISTORY, Entry, Position, entries_of
from onerouter_common.operations.views import operation_view, reply_view
from onerouter_common.reads.paging import Page, cursor_of, part_view, position_of
from onerouter_common.reads.rows import Row, TenantRows
from onerouter_common.web.internal import TenantContext

View = dict[str, JsonValue]

Costs: TypeAlias = Callable[[AsyncConnection, Sequence[Row]], Awaitable[Mapping[str, View]]]
"""Rows of operations → what each cost, as it is shown, by operation id. Absent: it cost nothing of its own, or that is not
known (yet). Asked in a transaction that sees the tenant's rows only."""


class OperationReads:
    """Each method is a transaction or two that name the tenant: row-level security does the filtering."""

    def __init__(self, engine: AsyncEngine, costs: Costs) -> None:
        self._engine = engine
        self._rows = TenantRows(engine)
        self._costs = costs

    async def one(self, tenant: TenantContext, operation_id: str, of: Categories = None) -> View:
        """With every attempt. Raises NotFound."""
        row = await self._row(tenant, operation_id, of)
        query = select(attempts).where(attempts.c.operation_id == row["id"])
        async with tenant_transaction(self._engine, tenant.tenant_id, tenant.environment) as tx:
            made = await _fetch(tx, query.order_by(attempts.c.created_at, attempts.c.id))
            costs = await self._costs(tx, [row])
        return operation_view(row, made, costs.get(row["id"]))

    async def reply(self, tenant: TenantContext, operation_id: str) -> Reply:
        """What a gateway that waits for the operation would be told now. Raises NotFound."""
        return reply_view(await self._row(tenant, operation_id))

    async def many(self, tenant: TenantContext, wanted: OperationFilter, page: Page) -> View:
        """Newest first, without attempts: ask for one operation to see its. A part of the log of all categories.

        Where the search had to end before it had a page, `until` says where, and there is more. Raises InvalidRequest for a
        cursor that no list has given.
        """
        async with tenant_transaction(self._engine, tenant.tenant_id, tenant.environment, steady=True) as tx:
            found = await find(tx, wanted, page)
            rows = await _rows(tx, found.keys)
            costs = await self._costs(tx, rows)
        view = part_view(rows, page, lambda row: operation_view(row, (), costs.get(row["id"])), _key)
        if found.until is None:
            return view
        until = cursor_of(*found.until)
        return {**view, "has_more": True, "next_cursor": until, "until": until}

    async def timeline(self, tenant: TenantContext, operation_id: str, page: Page, of: Categories = None) -> View:
        """What happened, oldest first. Raises NotFound, and InvalidRequest for a cursor that this list has not given."""
        row = await self._row(tenant, operation_id, of)
        after = None if page.cursor is None else Position(*position_of(page.cursor))
        async with tenant_transaction(self._engine, tenant.tenant_id, tenant.environment) as tx:
            routed_at = await _routed_at(tx, row)
            made = await _fetch(tx, _attempts_behind(row, after, page.limit + 1))
            happened = await _fetch(tx, _history_behind(row, after, page.limit + 1))
            costs = await self._costs(tx, [row])
        # Each list holds one more than the page at least, where it has as many: what is missing stands behind the page.
        found = entries_of({**row, "routed_at": routed_at}, made, happened, after=after)
        shown, has_more = found[: page.limit], len(found) > page.limit
        operation = operation_view(row, (), costs.get(row["id"]))
        return {
            "object": "list",
            "operation_id": row["id"],
            "status": operation["status"],
            "effect": operation["effect"],
            "cost": operation["cost"],
            "data": [entry.view for entry in shown],
            "has_more": has_more,
            "next_cursor": _cursor(shown[-1]) if has_more else None,
        }

    async def _row(self, tenant: TenantContext, operation_id: str, of: Categories = None) -> Row:
        query = select(*SHOWN).where(operations.c.id == operation_id).order_by(operations.c.created_at.desc()).limit(1)
        row = next(iter(await self._rows.fetch(tenant, query)), None)
        if row is None or (of is not None and row["category"] not in of):
            raise NotFound(f"There is no operation {operation_id[:64]} in the {tenant.environment} environment.")
        return row


async def _rows(tx: AsyncConnection, keys: Sequence[Key]) -> list[Row]:
    """In the order of their keys."""
    if not keys:
        return []
    at = [created_at for created_at, _ in keys]
    query = select(*SHOWN).where(operations.c.id.in_([id_ for _, id_ in keys]))
    rows = await _fetch(tx, query.where(operations.c.created_at.between(min(at), max(at))))
    return sorted(rows, key=_key, reverse=True)


def _attempts_behind(row: Row, after: Position | None, limit: int) -> Select[Any]:
    query = select(attempts).where(attempts.c.operation_id == row["id"])
    if after is not None:
        query = query.where(_is_behind(attempts.c.created_at, literal(ATTEMPT) + attempts.c.id, after))
    return query.order_by(attempts.c.created_at, attempts.c.id.collate("C")).limit(limit)


def _history_behind(row: Row, after: Position | None, limit: int) -> Select[Any]:
    """Of what the operation made or changed since it was accepted, and whatever it led to itself."""
    query = select(history).where(
        history.c.ordering_key == row["ordering_key"],
        history.c.created_at >= row["accepted_at"],
        or_(history.c.operation_id == row["id"], history.c.resource_ids.contains([row["resource_id"]])),
        # What was decided by hand speaks of one operation only.
        or_(history.c.kind != "resolution", history.c.operation_id == row["id"]),
    )
    if after is not None:
        query = query.where(_is_behind(history.c.created_at, literal(HISTORY) + history.c.id, after))
    return query.order_by(history.c.created_at, history.c.id.collate("C")).limit(limit)


def _is_behind(at: ColumnElement[Any], place: ColumnElement[Any], after: Position) -> ColumnElement[bool]:
    # Ids are ASCII: compared byte by byte, as Python does, whatever the database's collation.
    return tuple_(at, place.collate("C")) > tuple_(literal(after.at), literal(after.place))


async def _routed_at(tx: AsyncConnection, row: Row) -> Any:
    """When the first call was made over the connection that was decided on."""
    if row["routing"] is None or row["routing"].get("connection_id") is None:
        return None
    query = select(attempts.c.created_at).where(
        attempts.c.operation_id == row["id"], attempts.c.connection_id == row["routing"]["connection_id"]
    )
    return (await tx.execute(query.order_by(attempts.c.created_at).limit(1))).scalar()


async def _fetch(tx: AsyncConnection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in (await tx.execute(query)).mappings()]


def _key(row: Row) -> tuple[datetime, str]:
    return row["created_at"], row["id"]


def _cursor(entry: Entry) -> str:
    return cursor_of(entry.position.at, entry.position.place)
