"""The audit log's SQL. Appending waits for whoever else changes the same tenant: a chain has one end."""

from dataclasses import asdict, fields
from typing import Any, Final

from sqlalchemy import Select, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.audit.chain import GENESIS, Entry
from onerouter_registry.audit.model import Filter
from onerouter_registry.audit.tables import audit_entries, audit_heads

_NAMES: Final = [field.name for field in fields(Entry)]
_ENTRY: Final = [audit_entries.c[name] for name in _NAMES]
_ONE_MOMENT: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_CHAINS: Final = text("""
SELECT tenant_id FROM audit_heads UNION SELECT DISTINCT tenant_id FROM audit_entries ORDER BY tenant_id
""")


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


async def list_below(
    tx: AsyncConnection, chain: str, wanted: Filter, *, limit: int, below: int | None = None
) -> list[Entry]:
    """Of one chain, newest first."""
    query = _filtered(wanted).where(audit_entries.c.tenant_id == chain)
    if below is not None:
        query = query.where(audit_entries.c.sequence < below)
    rows = await tx.execute(query.order_by(audit_entries.c.sequence.desc()).limit(limit))
    return [Entry(**row) for row in rows.mappings()]


async def list_before(tx: AsyncConnection, wanted: Filter, *, limit: int, before: str | None = None) -> list[Entry]:
    """Of all chains, newest first: ids begin with the time."""
    query = _filtered(wanted)
    if before is not None:
        query = query.where(audit_entries.c.id < before)
    rows = await tx.execute(query.order_by(audit_entries.c.id.desc()).limit(limit))
    return [Entry(**row) for row in rows.mappings()]


async def list_chains(tx: AsyncConnection) -> list[str]:
    """Whoever has entries or a head."""
    return list((await tx.execute(_CHAINS)).scalars())


async def see_one_moment(tx: AsyncConnection) -> None:
    """All further statements of the transaction see the same rows. Before its first query."""
    await tx.execute(_ONE_MOMENT)


async def find_head(tx: AsyncConnection, chain: str) -> tuple[int, str]:
    query = select(audit_heads.c.sequence, audit_heads.c.hash).where(audit_heads.c.tenant_id == chain)
    row = (await tx.execute(query)).one_or_none()
    return (0, GENESIS) if row is None else (row.sequence, row.hash)


async def list_above(tx: AsyncConnection, chain: str, above: int, limit: int) -> list[tuple[Entry, str]]:
    """Of one chain with their stored hashes, oldest first."""
    query = (
        select(*_ENTRY, audit_entries.c.hash)
        .where(audit_entries.c.tenant_id == chain, audit_entries.c.sequence > above)
        .order_by(audit_entries.c.sequence)
        .limit(limit)
    )
    rows = [dict(row) for row in (await tx.execute(query)).mappings()]
    return [(Entry(**{name: row[name] for name in _NAMES}), row["hash"]) for row in rows]


def _filtered(wanted: Filter) -> Select[Any]:
    entry = audit_entries.c
    query = select(*_ENTRY)
    if wanted.actor is not None:
        query = query.where(or_(entry.actor_id == wanted.actor, entry.actor_name == wanted.actor))
    if wanted.action is not None:
        query = query.where(func.starts_with(entry.action, wanted.action))
    if wanted.target is not None:
        query = query.where(entry.target_id == wanted.target)
    if wanted.environment is not None:
        query = query.where(entry.environment == wanted.environment)
    if wanted.since is not None:
        query = query.where(entry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(entry.at < wanted.until)
    return query
