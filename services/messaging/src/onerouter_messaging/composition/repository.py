"""SQL on `compositions`. `generation` counts the claims of the operation: what an older one writes is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from onerouter_common.db.engine import Pool
from onerouter_messaging.message.noted import Noted, noted_of, noted_row
from onerouter_messaging.message.recipients import FINAL


@dataclass(frozen=True, slots=True)
class Entry:
    message_id: str
    tenant_id: str
    environment: str
    generation: int
    noted: Noted | None
    """None: nothing of what was noted before is of the call that begins."""


# In one order, so that two statements cannot wait for each other; of one message the newest claim.
_WRITE: Final = """
INSERT INTO compositions AS c (message_id, tenant_id, environment, generation, composed, composed_at)
SELECT DISTINCT ON (message_id) message_id, tenant_id, environment, generation, composed, now()
FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::jsonb[])
    AS given (message_id, tenant_id, environment, generation, composed)
ORDER BY message_id, generation DESC
ON CONFLICT (message_id) DO UPDATE SET
    generation = excluded.generation, composed = excluded.composed, composed_at = excluded.composed_at
WHERE c.generation <= excluded.generation
RETURNING message_id, generation
"""
_READ: Final = """
INSERT INTO compositions AS c (message_id, tenant_id, environment, generation, composed, composed_at)
VALUES ($1, $2, $3, $4, NULL, now())
ON CONFLICT (message_id) DO UPDATE SET generation = excluded.generation WHERE c.generation <= excluded.generation
RETURNING composed
"""
# What is still open needs its note: one that is missing says that nothing was sent.
_FORGET: Final = """
DELETE FROM compositions WHERE message_id = ANY(ARRAY(
    SELECT c.message_id FROM compositions c JOIN messages m ON m.id = c.message_id
    WHERE c.composed_at < $1 AND (m.provider_message_id IS NOT NULL OR m.status = ANY($3::text[]))
        AND NOT EXISTS (SELECT FROM operations o WHERE o.ordering_key = m.id AND o.due_at IS NOT NULL)
    ORDER BY c.composed_at LIMIT $2
))
"""


async def write(pool: Pool, entries: Sequence[Entry]) -> list[bool]:
    """Which of them were written: not those whose operation another process has claimed since."""
    rows = await pool.fetch(
        _WRITE,
        [one.message_id for one in entries],
        [one.tenant_id for one in entries],
        [one.environment for one in entries],
        [one.generation for one in entries],
        [None if one.noted is None else noted_row(one.noted) for one in entries],
    )
    written = {(row["message_id"], row["generation"]) for row in rows}
    return [(one.message_id, one.generation) in written for one in entries]


async def read(pool: Pool, entry: Entry) -> tuple[bool, Noted | None]:
    """Whether this claim is the newest, and what is noted. From then on no older claim can note anything."""
    row: Any = await pool.fetchrow(_READ, entry.message_id, entry.tenant_id, entry.environment, entry.generation)
    if row is None:
        return False, None
    return True, None if row["composed"] is None else noted_of(row["composed"])


async def forget(pool: Pool, before: datetime, most: int) -> int:
    """Delete what was noted of messages that are with their provider, or have ended; how many there were."""
    done: str = await pool.execute(_FORGET, before, most, sorted(FINAL))
    return int(done.rpartition(" ")[2])
