"""The tenants' SQL."""

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.tenant.model import Tenant
from onerouter_registry.tenant.tables import tenants


async def add(tx: AsyncConnection, tenant: Tenant) -> None:
    await tx.execute(insert(tenants).values(id=tenant.id, name=tenant.name, created_at=tenant.created_at))


async def list_all(tx: AsyncConnection) -> list[Tenant]:
    rows = await tx.execute(select(tenants).order_by(tenants.c.id))
    return [Tenant(**row) for row in rows.mappings()]


async def find(tx: AsyncConnection, tenant_id: str) -> Tenant | None:
    row = (await tx.execute(select(tenants).where(tenants.c.id == tenant_id))).mappings().one_or_none()
    return None if row is None else Tenant(**row)
