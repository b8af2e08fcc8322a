"""Tenants that were deleted for good: their endpoints end, and the keys that open their signing secrets are destroyed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from onerouter_common.db.engine import Pool

log = structlog.get_logger()

_PAGE: Final = 500
_OWNERS: Final = """
SELECT tenant_id FROM (SELECT tenant_id FROM data_keys UNION SELECT tenant_id FROM webhook_endpoints) owners
WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2
"""
_FORGET_OWED: Final = """
DELETE FROM delivery_queue WHERE id = ANY(ARRAY(
  SELECT q.id FROM webhook_endpoints w CROSS JOIN LATERAL (
    SELECT id FROM delivery_queue WHERE endpoint_id = w.id AND state <> 1 ORDER BY id LIMIT $2) q
  WHERE w.tenant_id = ANY($1::text[]) LIMIT $2))
"""
_CHUNK: Final = 1_000
_FORGET: Final = (
    "DELETE FROM recoveries WHERE tenant_id = ANY($1::text[])",
    "DELETE FROM idempotency_keys WHERE tenant_id = ANY($1::text[])",
    "DELETE FROM known_sequences WHERE tenant_id = ANY($1::text[])",
    "DELETE FROM webhook_endpoints WHERE tenant_id = ANY($1::text[])",  # and with them their secrets
    "DELETE FROM data_keys WHERE tenant_id = ANY($1::text[])",
)


@dataclass(frozen=True, slots=True)
class EndedTenants:
    """Asked for, not listened to: a service that was stopped meanwhile learns of every end when it runs again."""

    pool: Pool
    ended_of: Callable[[Sequence[str]], Awaitable[Sequence[str]]]
    """Which of these tenants are deleted; the registry knows. Raises Overloaded."""

    async def forget(self) -> int:
        """How many were forgotten. Repeatable, and harmless when several processes do it. Raises Overloaded."""
        after, forgotten = "", 0
        while owners := [row["tenant_id"] for row in await self.pool.fetch(_OWNERS, after, _PAGE)]:
            after = owners[-1]
            ended = await self.ended_of(owners)
            if not ended:
                continue
            # A few at a time: a backlog may be large. What comes meanwhile is owed to nobody, and ends as that does.
            while await self.pool.execute(_FORGET_OWED, list(ended), _CHUNK) != "DELETE 0":
                pass
            async with self.pool.acquire() as connection, connection.transaction():
                for statement in _FORGET:
                    await connection.execute(statement, list(ended))
            forgotten += len(ended)
            log.info("endpoint.tenants.forgotten", tenants=list(ended))
        return forgotten
