"""What tenants read of operations."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import JsonValue
from sqlalchemy import ColumnElement, Select, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.web.internal import TenantContext
from onerouter_payments.cost import Cost, Prices, cost_of
from onerouter_payments.operation.tables import attempts, history
from onerouter_payments.operation.timeline import ATTEMPT, HISTORY, Entry, Position, entries_of
from onerouter_payments.operation.views import operation_view
from onerouter_payments.payment.rows import payment_of
from onerouter_payments.payment.tables import payments
from onerouter_payments.query.paging import Page, cursor_of, position_of

View = dict[str, JsonValue]
Row = dict[str, Any]

BEARS_THE_COST: Final = "payment.create"
"""Providers charge once for a payment; its other operations cost nothing of their own."""


class OperationReads:
    """Each method is one transaction that names the tenant: row-level security does the filtering."""

    def __init__(self, engine: AsyncEngine, prices: Prices) -> None:
        self._engine = engine
        self._prices = prices

    async def with_attempts(self, tenant: TenantContext, row: Row) -> View:
        query = select(attempts).where(attempts.c.operation_id == row["id"])
        async with tenant_transaction(self._engine, tenant.tenant_id, tenant.environment) as tx:
            made = await _fetch(tx, query.order_by(attempts.c.created_at, attempts.c.id))
            costs = await self._costs(tx, [row])
        return operation_view(row, made, costs.get(row["id"]))

    async def costs(self, tenant: TenantContext, rows: Sequence[Row]) -> dict[str, Cost]:
        """By operation id; absent: it cost nothing of its own, or that is not known (yet)."""
        async with tenant_transaction(self._engine, tenant.tenant_id, tenant.environment) as tx:
            return await self._costs(tx, rows)

    async def timeline(self, tenant: TenantContext, row: Row, page: Page) -> View:
        """Oldest first. Raises InvalidRequest for a cursor that this list has not given."""
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

    async def _costs(self, tx: AsyncConnection, rows: Sequence[Row]) -> dict[str, Cost]:
        made = {row["resource_id"]: row["id"] for row in rows if row["operation"] == BEARS_THE_COST}
        if not made:
            return {}
        found = await _fetch(tx, select(payments).where(payments.c.id.in_(made)))
        costs = {made[one["id"]]: cost_of(payment_of(one), self._prices) for one in found}
        return {id_: cost for id_, cost in costs.items() if cost is not None}


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


def _cursor(entry: Entry) -> str:
    return cursor_of(entry.position.at, entry.position.place)
