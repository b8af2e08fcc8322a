"""SQL of endpoints and their secrets, always within one tenant's transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class EndpointRow:
    id: str
    environment: str
    url: str
    event_types: list[str] | None
    channels: list[str] | None
    filter: dict[str, Any] | None
    description: str | None
    metadata: dict[str, str]
    header_names: list[str]
    auth: dict[str, str] | None
    timeout_s: float | None
    max_in_flight: int | None
    retry_schedule_s: list[int] | None
    rate_per_s: float | None
    ordering: str | None
    public_key: str | None
    status: str
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime


_COLUMNS = ", ".join(field.name for field in fields(EndpointRow))
_JSON: Final = frozenset({"filter", "metadata", "auth"})
_SETTABLE: Final = frozenset(
    {
        "url",
        "event_types",
        "channels",
        "filter",
        "description",
        "metadata",
        "header_names",
        "headers_sealed",
        "auth",
        "auth_sealed",
        "timeout_s",
        "max_in_flight",
        "retry_schedule_s",
        "rate_per_s",
        "ordering",
        "public_key",
    }
)

_CANCELED_AT_ONCE: Final = 1_000

_LOCK_OWNER = text("SELECT pg_advisory_xact_lock(hashtextextended(:tenant || '/' || :environment, 0))")

_COUNT = text("SELECT count(*) FROM webhook_endpoints")

_INSERT_SECRET = text("""
INSERT INTO endpoint_secrets (id, tenant_id, environment, endpoint_id, scheme, sealed, created_at)
VALUES (:id, :tenant, :environment, :endpoint, :scheme, :sealed, :now)
""")

_LIVE_SECRETS = text("""
SELECT count(*) FROM endpoint_secrets
WHERE endpoint_id = :endpoint AND scheme = 'v1' AND (expires_at IS NULL OR expires_at > :now)
""")

_EXPIRE_SECRETS = text("""
UPDATE endpoint_secrets SET expires_at = least(expires_at, :until)
WHERE endpoint_id = :endpoint AND scheme = 'v1' AND (expires_at IS NULL OR expires_at > :now)
""")

_DATA_KEY = text("SELECT id, wrapped FROM data_keys ORDER BY created_at DESC, id DESC LIMIT 1")

_INSERT_DATA_KEY = text("""
INSERT INTO data_keys (id, tenant_id, environment, wrapped) VALUES (:id, :tenant, :environment, :wrapped)
""")

_GET = text(f"SELECT {_COLUMNS} FROM webhook_endpoints WHERE id = :id")  # noqa: S608 - only our own column names
_LOCK = text(f"SELECT {_COLUMNS} FROM webhook_endpoints WHERE id = :id FOR NO KEY UPDATE")  # noqa: S608

_PAUSE = text("""
UPDATE webhook_endpoints SET status = 'paused', version = version + 1, updated_at = :now
WHERE id = :id AND status = 'enabled'
""")

# It begins anew: what it failed at before is not held against it. One that is enabled already and left alone gets deliveries
# again at once; since when it fails is not forgotten by that.
_ENABLE = text("""
UPDATE webhook_endpoints
SET status = 'enabled', disabled_reason = NULL, consecutive_failures = 0,
    first_failed_at = CASE status WHEN 'enabled' THEN first_failed_at END,
    window_at = NULL, window_attempts = 0, window_failures = 0, breaker_opens = 0, breaker_until = NULL,
    version = CASE status WHEN 'enabled' THEN version ELSE version + 1 END,
    updated_at = CASE status WHEN 'enabled' THEN updated_at ELSE :now END
WHERE id = :id AND (status <> 'enabled' OR breaker_opens > 0)
""")

_LIST = text(f"""
SELECT {_COLUMNS} FROM webhook_endpoints
WHERE CAST(:cursor AS text) IS NULL OR id < :cursor ORDER BY id DESC LIMIT :limit
""")  # noqa: S608

# What is under way ends by itself.
_CANCEL_QUEUED = text("""
WITH gone AS (
  DELETE FROM delivery_queue WHERE id = ANY(ARRAY(
    SELECT id FROM delivery_queue WHERE endpoint_id = :id AND state <> 1 ORDER BY id LIMIT :most))
  RETURNING *
)
INSERT INTO deliveries (id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, outcome, attempts,
                        trigger, created_at, finished_at)
SELECT id, tenant_id, environment, endpoint_id, event_id, event_at, event_type, 'canceled', attempts, trigger,
       created_at, :now
FROM gone
""")

_DELETE = text("DELETE FROM webhook_endpoints WHERE id = :id RETURNING id")


class Endpoints:
    """Within one `tenant_transaction`: row-level security limits every statement to the tenant it names."""

    def __init__(self, connection: AsyncConnection, tenant_id: str, environment: str) -> None:
        self._connection = connection
        self._owner = {"tenant": tenant_id, "environment": environment}

    async def count_locked(self) -> int:
        """How many there are; no other transaction of this owner adds one until this one ends."""
        await self._connection.execute(_LOCK_OWNER, self._owner)
        return int((await self._connection.execute(_COUNT)).scalar_one())

    async def find_data_key(self) -> tuple[str, str] | None:
        """Id and wrapped key."""
        row = (await self._connection.execute(_DATA_KEY)).one_or_none()
        return None if row is None else (row.id, row.wrapped)

    async def add_first_data_key(self, key_id: str, wrapped: str) -> tuple[str, str]:
        """Unless there is one by now, which is answered then."""
        await self._connection.execute(_LOCK_OWNER, self._owner)
        known = await self.find_data_key()
        if known is not None:
            return known
        await self._connection.execute(_INSERT_DATA_KEY, {"id": key_id, "wrapped": wrapped, **self._owner})
        return key_id, wrapped

    async def add(self, endpoint_id: str, values: Mapping[str, Any], now: datetime) -> EndpointRow:
        """`values`: by column."""
        names = sorted(values)
        statement = text(
            f"INSERT INTO webhook_endpoints (id, tenant_id, environment, status, created_at, updated_at, "  # noqa: S608
            f"{', '.join(names)}) VALUES (:id, :tenant, :environment, 'enabled', :now, :now, "
            f"{', '.join(_place(name) for name in names)}) RETURNING {_COLUMNS}"
        )
        row = await self._connection.execute(
            statement, {"id": endpoint_id, "now": now, **self._owner, **_bound(values)}
        )
        return EndpointRow(**row.mappings().one())

    async def update(self, endpoint_id: str, values: Mapping[str, Any], now: datetime) -> EndpointRow:
        """Also without values: what is remembered of it elsewhere is read again."""
        changes = "".join(f", {name} = {_place(name)}" for name in sorted(values))
        statement = text(
            f"UPDATE webhook_endpoints SET version = version + 1, updated_at = :now{changes} "  # noqa: S608
            f"WHERE id = :id RETURNING {_COLUMNS}"
        )
        row = await self._connection.execute(statement, {"id": endpoint_id, "now": now, **_bound(values)})
        return EndpointRow(**row.mappings().one())

    async def pause(self, endpoint_id: str, now: datetime) -> None:
        """Only one that is enabled; the senders put aside what is owed to it."""
        await self._connection.execute(_PAUSE, {"id": endpoint_id, "now": now})

    async def enable(self, endpoint_id: str, now: datetime) -> None:
        """One that is paused, disabled or left alone; the senders take up again what was put aside."""
        await self._connection.execute(_ENABLE, {"id": endpoint_id, "now": now})

    async def add_secret(self, scheme: str, secret_id: str, endpoint_id: str, sealed: str, now: datetime) -> None:
        await self._connection.execute(
            _INSERT_SECRET,
            {"id": secret_id, "endpoint": endpoint_id, "scheme": scheme, "sealed": sealed, "now": now, **self._owner},
        )

    async def live_secrets(self, endpoint_id: str, now: datetime) -> int:
        """How many sign deliveries."""
        found = await self._connection.execute(_LIVE_SECRETS, {"endpoint": endpoint_id, "now": now})
        return int(found.scalar_one())

    async def expire_secrets(self, endpoint_id: str, now: datetime, until: datetime) -> None:
        """Those that are live end then, or when they were to end before."""
        await self._connection.execute(_EXPIRE_SECRETS, {"endpoint": endpoint_id, "now": now, "until": until})

    async def find(self, endpoint_id: str, *, locked: bool = False) -> EndpointRow | None:
        """`locked`: nobody else changes it until the transaction ends."""
        statement = _LOCK if locked else _GET
        row = (await self._connection.execute(statement, {"id": endpoint_id})).mappings().one_or_none()
        return None if row is None else EndpointRow(**row)

    async def page(self, cursor: str | None, limit: int) -> list[EndpointRow]:
        """Newest first, those before the cursor."""
        rows = await self._connection.execute(_LIST, {"cursor": cursor, "limit": limit})
        return [EndpointRow(**row) for row in rows.mappings()]

    async def delete(self, endpoint_id: str, now: datetime) -> bool:
        """With its secrets; what was still owed to it is canceled, a long backlog by the senders. False: there is none."""
        await self._connection.execute(_CANCEL_QUEUED, {"id": endpoint_id, "now": now, "most": _CANCELED_AT_ONCE})
        return (await self._connection.execute(_DELETE, {"id": endpoint_id})).one_or_none() is not None


def _place(name: str) -> str:
    if name not in _SETTABLE:
        raise ValueError(f"{name} is not for a tenant to set")
    return f"CAST(:{name} AS jsonb)" if name in _JSON else f":{name}"


def _bound(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: orjson.dumps(value).decode() if name in _JSON and value is not None else value
        for name, value in values.items()
    }
