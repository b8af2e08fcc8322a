"""Rows of one tenant and environment. Each read is one transaction that names them: row-level security does the filtering."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Executable, Table, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.reads.paging import Page, position_of
from onerouter_common.web.internal import TenantContext

Row = dict[str, Any]


class TenantRows:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def fetch(self, tenant: TenantContext, query: Executable) -> list[Row]:
        async with tenant_transaction(self._engine, tenant.tenant_id, tenant.environment) as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def latest(self, tenant: TenantContext, table: Table, *wanted: ColumnElement[bool]) -> Row | None:
        """The newest that fits."""
        rows = await self.fetch(tenant, select(table).where(*wanted).order_by(table.c.created_at.desc()).limit(1))
        return rows[0] if rows else None

    async def page(
        self,
        tenant: TenantContext,
        table: Table,
        page: Page,
        *filters: tuple[ColumnElement[Any], str | Sequence[str] | bool | None],
    ) -> list[Row]:
        """The page's rows and one more, which tells whether there is a next page. A filter of None is none; of several
        values, any counts; of a condition, that it holds (or not)."""
        query = select(table).where(*(_fits(column, value) for column, value in filters if value is not None))
        if page.created_after is not None:
            query = query.where(table.c.created_at > page.created_after)
        if page.created_before is not None:
            query = query.where(table.c.created_at < page.created_before)
        if page.cursor is not None:
            created_at, id_ = position_of(page.cursor)
            query = query.where(tuple_(table.c.created_at, table.c.id) < tuple_(literal(created_at), literal(id_)))
        query = query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(page.limit + 1)
        return await self.fetch(tenant, query)


def _fits(column: ColumnElement[Any], value: str | Sequence[str] | bool) -> ColumnElement[bool]:
    if isinstance(value, bool):
        return column if value else ~column
    return column == value if isinstance(value, str) else column.in_(value)
