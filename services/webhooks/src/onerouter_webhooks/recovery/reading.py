"""SQL of those who start recoveries and look at them, always within one tenant's transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

_COLUMNS = """id, endpoint_id, what, since, until, types, status, reached_at, looked_at, queued, skipped, created_at,
  finished_at"""

_ADD = text(f"""
INSERT INTO recoveries (id, tenant_id, environment, endpoint_id, what, since, until, types, status, cursor, reached_at,
                        stepped_at, created_at)
VALUES (:id, :tenant, :environment, :endpoint, :what, :since, :until, :types, 'running', :cursor, :since, now(), :now)
RETURNING {_COLUMNS}
""")  # noqa: S608 - only our own column names are put in

_GET = text(f"SELECT {_COLUMNS} FROM recoveries WHERE id = :id AND endpoint_id = :endpoint")  # noqa: S608

_PAGE = text(f"""
SELECT {_COLUMNS} FROM recoveries
WHERE endpoint_id = :endpoint AND (CAST(:cursor AS text) IS NULL OR id < :cursor) ORDER BY id DESC LIMIT :limit
""")  # noqa: S608

_CANCEL = text(f"""
UPDATE recoveries SET status = 'canceled', finished_at = :now
WHERE id = :id AND endpoint_id = :endpoint AND status = 'running' RETURNING {_COLUMNS}
""")  # noqa: S608


class RecoveryReads:
    """Within one `tenant_transaction`: row-level security limits every statement to the tenant it names."""

    def __init__(self, connection: AsyncConnection, tenant_id: str, environment: str) -> None:
        self._connection = connection
        self._owner = {"tenant": tenant_id, "environment": environment}

    async def add(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """None: the endpoint has one that is running; the transaction is over then."""
        try:
            row = (await self._connection.execute(_ADD, {**self._owner, **values})).mappings().one()
        except IntegrityError:
            return None
        return dict(row)

    async def find(self, endpoint_id: str, id_: str) -> dict[str, Any] | None:
        row = (await self._connection.execute(_GET, {"id": id_, "endpoint": endpoint_id})).mappings().one_or_none()
        return None if row is None else dict(row)

    async def page(self, endpoint_id: str, cursor: str | None, limit: int) -> list[dict[str, Any]]:
        """Newest first, those before the cursor."""
        rows = await self._connection.execute(_PAGE, {"endpoint": endpoint_id, "cursor": cursor, "limit": limit})
        return [dict(row) for row in rows.mappings()]

    async def cancel(self, endpoint_id: str, id_: str, now: datetime) -> dict[str, Any] | None:
        """None: it is not running."""
        values = {"id": id_, "endpoint": endpoint_id, "now": now}
        row = (await self._connection.execute(_CANCEL, values)).mappings().one_or_none()
        return None if row is None else dict(row)
