"""SQL of handshakes that were asked of us."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from onerouter_common.contracts.events import Event
from onerouter_common.db.engine import Pool
from onerouter_webhooks.delivery import outbox

Ended = Literal["confirmed", "refused", "expired"]

# Claimed by putting the next try off: 2 s, 4 s, … up to a quarter of an hour, spread a little. A process that dies meanwhile
# leaves it to whoever comes then.
_CLAIM: Final = """
UPDATE callback_handshakes
SET attempts = attempts + 1,
    due_at = now() + make_interval(secs => least(900, 2 * power(2, least(attempts, 10))) * (0.9 + random() * 0.2))
WHERE id = ANY(ARRAY(
  SELECT id FROM callback_handshakes WHERE state = 'waiting' AND due_at <= now()
  ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING id, tenant_id, environment, connection_id, provider, category, subject, sealed, attempts,
          created_at, expires_at <= now() AS is_over
"""
_END: Final = "UPDATE callback_handshakes SET state = $2, sealed = NULL WHERE id = $1 AND state = 'waiting'"


@dataclass(frozen=True, slots=True)
class Asked:
    """One that waits for a yes. `is_over`: the provider takes none any more."""

    id: str
    tenant_id: str
    environment: str
    connection_id: str
    provider: str
    category: str
    subject: str
    sealed: str
    attempts: int
    created_at: datetime
    is_over: bool

    @property
    def owner(self) -> tuple[str, str]:
        return (self.tenant_id, self.environment)


class Handshakes:
    """For all tenants (the worker role)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, limit: int) -> list[Asked]:
        return [Asked(**row) for row in await self._pool.fetch(_CLAIM, limit)]

    async def tell(self, event: Event) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await outbox.add(connection, [event])

    async def end(self, id: str, state: Ended) -> None:
        """Its token is forgotten."""
        await self._pool.execute(_END, id, state)
