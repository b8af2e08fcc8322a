"""Reads of resources on behalf of a tenant."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import or_

from onerouter_common.errors import InvalidRequest, NotFound
from onerouter_common.ids import is_id
from onerouter_common.reads.paging import Page, list_view
from onerouter_common.reads.rows import Row, TenantRows
from onerouter_common.web.internal import TenantContext
from onerouter_payments.resource.change import view
from onerouter_payments.resource.kind import Kind
from onerouter_payments.resource.rows import resource_of
from onerouter_payments.resource.tables import resources

View = dict[str, JsonValue]


class ResourceReads:
    def __init__(self, rows: TenantRows) -> None:
        self._rows = rows

    async def one(self, tenant: TenantContext, kind: Kind, id_: str) -> View:
        """By our id or the provider's. Raises NotFound."""
        return view(resource_of(await self._row(tenant, kind, id_)))

    async def placed(self, tenant: TenantContext, kind: Kind, id_: str) -> View:
        """With the connection it lives at and what was asked of it: for the gateway, never shown. Raises NotFound."""
        resource = resource_of(await self._row(tenant, kind, id_))
        return view(resource) | {"connection_id": resource.connection_id, "asked": dict(resource.data)}

    async def many(self, tenant: TenantContext, kind: Kind, filters: Mapping[str, str], page: Page) -> View:
        """Newest first. Raises InvalidRequest for a filter that this kind does not have, or a status."""
        columns = {"status": "status", "provider": "provider", **kind.filters}
        for name, value in filters.items():
            if name not in columns:
                raise InvalidRequest.of(name, f"is no filter of {kind.name.replace('_', ' ')}s")
            if name == "status" and not kind.knows(value):
                raise InvalidRequest.of("status", f"must be one of {', '.join(kind.weights)}")
        wanted = [(resources.c[columns[name]], value) for name, value in filters.items()]
        rows = await self._rows.page(tenant, resources, page, (resources.c.kind, kind.name), *wanted)
        return list_view(rows, page, lambda row: view(resource_of(row)), _key)

    async def _row(self, tenant: TenantContext, kind: Kind, id_: str) -> Row:
        """Names of the tenant's own are of one resource: of several, the oldest that has not failed. Raises NotFound."""
        mine = resources.c.id == id_
        of_kind = resources.c.kind == kind.name
        row: Row | None
        if is_id(kind.prefix, id_):
            row = await self._rows.latest(tenant, resources, of_kind, mine)
        elif kind.alias is None:
            row = await self._rows.latest(tenant, resources, of_kind, or_(mine, resources.c.provider_id == id_))
        else:
            alias = resources.c.data[kind.alias].astext == id_
            named = resources.select().where(of_kind, or_(mine, resources.c.provider_id == id_, alias))
            order = (resources.c.status == "failed", alias.desc().nulls_last(), resources.c.created_at, resources.c.id)
            found = await self._rows.fetch(tenant, named.order_by(*order).limit(1))
            row = found[0] if found else None
        if row is None:
            name = kind.name.replace("_", " ")
            raise NotFound(f"There is no {name} {id_[:64]} in the {tenant.environment} environment.")
        return row


def _key(row: Mapping[str, Any]) -> tuple[datetime, str]:
    return row["created_at"], row["id"]
