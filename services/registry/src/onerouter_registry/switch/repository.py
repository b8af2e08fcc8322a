"""The switches' SQL. Every role may read them; operators change them."""

from dataclasses import asdict

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.db.engine import Pool
from onerouter_registry.switch.model import Switch
from onerouter_registry.switch.tables import provider_switches


async def list_all(tx: AsyncConnection) -> list[Switch]:
    rows = await tx.execute(select(provider_switches))
    return [Switch(**row) for row in rows.mappings()]


async def find(tx: AsyncConnection, category: str, provider: str) -> Switch | None:
    """Locked until the transaction ends."""
    query = select(provider_switches).where(
        provider_switches.c.category == category, provider_switches.c.provider == provider
    )
    row = (await tx.execute(query.with_for_update())).mappings().one_or_none()
    return None if row is None else Switch(**row)


async def put(tx: AsyncConnection, switch: Switch) -> None:
    values = asdict(switch)
    statement = upsert(provider_switches).values(values)
    await tx.execute(statement.on_conflict_do_update(index_elements=["category", "provider"], set_=values))


async def remove(tx: AsyncConnection, category: str, provider: str) -> None:
    await tx.execute(
        delete(provider_switches).where(
            provider_switches.c.category == category, provider_switches.c.provider == provider
        )
    )


async def fetch_off(pool: Pool) -> frozenset[tuple[str, str]]:
    """(category, provider) of all that is off, for `is_off`."""
    rows = await pool.fetch("SELECT category, provider FROM provider_switches")
    return frozenset((row["category"], row["provider"]) for row in rows)
