"""The audit log's SQL. Appending waits for whoever else changes the same tenant: a chain has one end."""

from dataclasses import asdict

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.audit.chain import GENESIS, Entry
from onerouter_registry.audit.tables import audit_entries, audit_heads


async def lock_head(tx: AsyncConnection, tenant_id: str) -> tuple[int, str]:
    """Sequence and hash of the tenant's last entry, locked until the transaction ends."""
    await tx.execute(
        upsert(audit_heads)
        .inline()
        .values(tenant_id=tenant_id, sequence=0, hash=GENESIS)
        .on_conflict_do_nothing(index_elements=["tenant_id"])
    )
    query = select(audit_heads.c.sequence, audit_heads.c.hash).where(audit_heads.c.tenant_id == tenant_id)
    row = (await tx.execute(query.with_for_update())).one()
    return row.sequence, row.hash


async def append(tx: AsyncConnection, entry: Entry, entry_hash: str) -> None:
    await tx.execute(insert(audit_entries).inline().values(**asdict(entry), hash=entry_hash))
    await tx.execute(
        update(audit_heads)
        .where(audit_heads.c.tenant_id == entry.tenant_id)
        .values(sequence=entry.sequence, hash=entry_hash)
    )
