"""The tenants' SQL."""

from dataclasses import asdict

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.db.engine import Pool
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.tenant.tables import tenants

_ENDED = "SELECT id FROM tenants WHERE id = ANY($1::text[]) AND status = 'deleted' ORDER BY id"


async def fetch_ended(pool: Pool, tenant_ids: list[str]) -> list[str]:
    """Those that were deleted for good."""
    return [row["id"] for row in await pool.fetch(_ENDED, tenant_ids)]


async def add(tx: AsyncConnection, tenant: Tenant) -> None:
    await tx.execute(insert(tenants).values(asdict(tenant)))


async def find(tx: AsyncConnection, tenant_id: str) -> Tenant | None:
    row = (await tx.execute(select(tenants).where(tenants.c.id == tenant_id))).mappings().one_or_none()
    return None if row is None else Tenant(**row)


async def find_for_update(tx: AsyncConnection, tenant_id: str) -> Tenant | None:
    """Locked against other changes of the tenant, not against keys and connections being added to it."""
    query = select(tenants).where(tenants.c.id == tenant_id).with_for_update(key_share=True)
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else Tenant(**row)


async def save(tx: AsyncConnection, tenant: Tenant) -> None:
    values = {name: value for name, value in asdict(tenant).items() if name not in ("id", "created_at")}
    await tx.execute(update(tenants).where(tenants.c.id == tenant.id).values(values))
