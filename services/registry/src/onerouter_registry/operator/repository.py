"""The SQL behind the operators' list of tenants."""

from dataclasses import fields
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.operator.model import TenantOverview
from onerouter_registry.tenant.model import Tenant

MOST_OWNERS: Final = 10

# The page is cut first, so that only its tenants are counted for.
_PAGE: Final = text("""
SELECT t.*,
    (SELECT count(*) FROM api_keys WHERE tenant_id = t.id AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > :now)) AS api_keys,
    (SELECT count(*) FROM connections WHERE tenant_id = t.id AND disconnected_at IS NULL) AS connections,
    (SELECT count(*) FROM memberships WHERE tenant_id = t.id) AS members,
    ARRAY(SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id
          WHERE m.tenant_id = t.id AND m.role = 'owner' ORDER BY m.created_at, u.email LIMIT :most_owners) AS owners
FROM (
    SELECT * FROM tenants
    WHERE (CAST(:id AS text) IS NULL OR id = :id)
      AND (CAST(:below AS text) IS NULL OR id < :below)
      AND (CAST(:status AS text) IS NULL OR status = :status)
      AND (CAST(:search AS text) IS NULL OR id = :search OR strpos(lower(name), lower(:search)) > 0
           OR id IN (SELECT m.tenant_id FROM users u JOIN memberships m ON m.user_id = u.id
                     WHERE u.email = lower(:search) AND m.role = 'owner'))
    ORDER BY id DESC LIMIT :limit
) t
ORDER BY t.id DESC
""")

_TENANT: Final = [field.name for field in fields(Tenant)]


async def list_overviews(
    tx: AsyncConnection,
    now: datetime,
    *,
    limit: int,
    tenant_id: str | None = None,
    below: str | None = None,
    status: str | None = None,
    search: str | None = None,
) -> list[TenantOverview]:
    """Newest first: ids begin with the time."""
    values = {"now": now, "limit": limit, "id": tenant_id, "below": below, "status": status, "search": search}
    rows = await tx.execute(_PAGE, {**values, "most_owners": MOST_OWNERS})
    return [_overview(row) for row in rows.mappings()]


def _overview(row: RowMapping) -> TenantOverview:
    return TenantOverview(
        tenant=Tenant(**{name: row[name] for name in _TENANT}),
        api_keys=row["api_keys"],
        connections=row["connections"],
        members=row["members"],
        owners=tuple(row["owners"]),
    )
