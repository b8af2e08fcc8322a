"""Which connections are due, across all tenants. Several registries take different ones."""

from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.connection.tables import connections

# Of tenants that may do nothing now nothing is asked, and nothing of providers that are switched off.
_CLAIM: Final = text("""
UPDATE connections SET next_check_at = :until WHERE id IN (
    SELECT c.id FROM connections c JOIN tenants t ON t.id = c.tenant_id
    WHERE c.disconnected_at IS NULL AND c.next_check_at <= :now AND t.status = 'active' AND NOT EXISTS (
        SELECT FROM provider_switches s WHERE s.category = c.category AND s.provider IN (c.provider, '*')
    )
    ORDER BY c.next_check_at LIMIT :most FOR UPDATE OF c SKIP LOCKED
)
RETURNING id, tenant_id, environment
""")


async def claim_checks(tx: AsyncConnection, now: datetime, until: datetime, most: int) -> list[tuple[str, str, str]]:
    """(id, tenant, environment) of connections to ask about; nobody else asks before `until`."""
    rows = await tx.execute(_CLAIM, {"now": now, "until": until, "most": most})
    return [(row.id, row.tenant_id, row.environment) for row in rows]


async def lock_forgettable(tx: AsyncConnection, now: datetime) -> str | None:
    """A disconnected connection whose credentials are to be destroyed, locked; None: there is none."""
    due = (
        select(connections.c.id)
        .where(connections.c.forget_after <= now)
        .order_by(connections.c.forget_after)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found: str | None = await tx.scalar(due)
    return found
