"""SQL of endpoints and of what was delivered to them, always within one tenant's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class EndpointRow:
    id: str
    environment: str
    url: str
    event_types: list[str] | None
    description: str | None
    metadata: dict[str, str]
    status: str
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime


_COLUMNS = "id, environment, url, event_types, description, metadata, status, disabled_reason, created_at, updated_at"

_LOCK_OWNER = text("SELECT pg_advisory_xact_lock(hashtextextended(:tenant || '/' || :environment, 0))")

_COUNT = text("SELECT count(*) FROM webhook_endpoints")

_INSERT = text(f"""
INSERT INTO webhook_endpoints (id, tenant_id, environment, url, event_types, description, metadata, status, created_at,
                               updated_at)
VALUES (:id, :tenant, :environment, :url, :event_types, :description, CAST(:metadata AS jsonb), 'enabled', :now, :now)
RETURNING {_COLUMNS}
""")  # noqa: S608 - only our own column names are put in

_INSERT_SECRET = text("""
INSERT INTO endpoint_secrets (id, tenant_id, environment, endpoint_id, scheme, sealed, created_at)
VALUES (:id, :tenant, :environment, :endpoint, 'v1', :sealed, :now)
""")

_DATA_KEY = text("SELECT id, wrapped FROM data_keys ORDER BY created_at DESC, id DESC LIMIT 1")

_INSERT_DATA_KEY = text("""
INSERT INTO data_keys (id, tenant_id, environment, wrapped) VALUES (:id, :tenant, :environment, :wrapped)
""")

_GET = text(f"SELECT {_COLUMNS} FROM webhook_endpoints WHERE id = :id")  # noqa: S608

_LIST = text(f"""
SELECT {_COLUMNS} FROM webhook_endpoints
WHERE CAST(:cursor AS text) IS NULL OR id < :cursor ORDER BY id DESC LIMIT :limit
""")  # noqa: S608

_CANCEL_QUEUED = text("""
WITH gone AS (DELETE FROM delivery_queue WHERE endpoint_id = :id RETURNING *)
INSERT INTO deliveries (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, attempts,
                        trigger, created_at, finished_at)
SELECT id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, 'canceled', attempts, trigger,
       created_at, :now
FROM gone
""")

_DELETE = text("DELETE FROM webhook_endpoints WHERE id = :id RETURNING id")

_DELIVERIES = text("""
SELECT * FROM (
  (SELECT id, event_id, event_type, endpoint_id, CASE state WHEN 2 THEN 'held' ELSE 'pending' END AS status,
          attempts AS attempt_count, CASE state WHEN 0 THEN next_at END AS next_attempt_at, created_at,
          CAST(NULL AS timestamptz) AS finished_at
   FROM delivery_queue WHERE endpoint_id = :endpoint AND (CAST(:cursor AS text) IS NULL OR id < :cursor)
   ORDER BY id DESC LIMIT :limit)
  UNION ALL
  (SELECT id, event_id, event_type, endpoint_id, outcome, attempts, NULL, created_at, finished_at
   FROM deliveries WHERE endpoint_id = :endpoint AND (CAST(:cursor AS text) IS NULL OR id < :cursor)
   ORDER BY id DESC LIMIT :limit)
) both_kinds ORDER BY id DESC LIMIT :limit
""")

_ATTEMPTS = text("""
SELECT id, delivery_id, number, trigger, created_at, duration_ms, status, failure, response_headers, response_body,
       response_truncated
FROM delivery_attempts WHERE delivery_id = ANY(:deliveries) ORDER BY delivery_id, created_at, number
""")


class Endpoints:
    """Within one `tenant_transaction`: row-level security limits every statement to the tenant it names."""

    def __init__(self, connection: AsyncConnection, tenant_id: str, environment: str) -> None:
        self._connection = connection
        self._owner = {"tenant": tenant_id, "environment": environment}

    async def count_locked(self) -> int:
        """How many there are; no other transaction of this owner adds one, or a data key, until this one ends."""
        await self._connection.execute(_LOCK_OWNER, self._owner)
        return int((await self._connection.execute(_COUNT)).scalar_one())

    async def find_data_key(self) -> tuple[str, str] | None:
        """Id and wrapped key."""
        row = (await self._connection.execute(_DATA_KEY)).one_or_none()
        return None if row is None else (row.id, row.wrapped)

    async def add_data_key(self, key_id: str, wrapped: str) -> None:
        await self._connection.execute(_INSERT_DATA_KEY, {"id": key_id, "wrapped": wrapped, **self._owner})

    async def add(self, values: Mapping[str, Any]) -> EndpointRow:
        row = (await self._connection.execute(_INSERT, {**values, **self._owner})).mappings().one()
        return EndpointRow(**row)

    async def add_secret(self, secret_id: str, endpoint_id: str, sealed: str, now: datetime) -> None:
        await self._connection.execute(
            _INSERT_SECRET,
            {"id": secret_id, "endpoint": endpoint_id, "sealed": sealed, "now": now, **self._owner},
        )

    async def find(self, endpoint_id: str) -> EndpointRow | None:
        row = (await self._connection.execute(_GET, {"id": endpoint_id})).mappings().one_or_none()
        return None if row is None else EndpointRow(**row)

    async def page(self, cursor: str | None, limit: int) -> list[EndpointRow]:
        """Newest first, those before the cursor."""
        rows = await self._connection.execute(_LIST, {"cursor": cursor, "limit": limit})
        return [EndpointRow(**row) for row in rows.mappings()]

    async def delete(self, endpoint_id: str, now: datetime) -> bool:
        """With its secrets; what was still owed to it is canceled. False when there is none."""
        await self._connection.execute(_CANCEL_QUEUED, {"id": endpoint_id, "now": now})
        return (await self._connection.execute(_DELETE, {"id": endpoint_id})).one_or_none() is not None

    async def deliveries(self, endpoint_id: str, cursor: str | None, limit: int) -> list[Mapping[str, Any]]:
        """Newest first, finished or not."""
        rows = await self._connection.execute(_DELIVERIES, {"endpoint": endpoint_id, "cursor": cursor, "limit": limit})
        return [dict(row) for row in rows.mappings()]

    async def attempts(self, delivery_ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
        """By delivery, in order."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        rows = await self._connection.execute(_ATTEMPTS, {"deliveries": list(delivery_ids)})
        for row in rows.mappings():
            found.setdefault(row["delivery_id"], []).append(dict(row))
        return found
