"""SQL on idempotency keys: claimed and answered within one tenant's transaction, forgotten by the service."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.db.engine import Pool
from onerouter_common.once.key import KEPT, Key

# Whoever comes second waits here for the end of the first's transaction. A first that was rolled back was none.
_CLAIM: Final = text("""
INSERT INTO idempotency_keys AS known (tenant_id, environment, key, fingerprint, created_at)
VALUES (current_setting('app.tenant_id'), current_setting('app.environment'), :key, :fingerprint, :now)
ON CONFLICT (tenant_id, environment, key) DO UPDATE SET created_at = known.created_at
RETURNING fingerprint, answer
""")
_OWN: Final = (
    "tenant_id = current_setting('app.tenant_id') AND environment = current_setting('app.environment') AND key = :key"
)
_KEEP: Final = text(f"UPDATE idempotency_keys SET answer = :answer WHERE {_OWN}")  # noqa: S608 - no value of a caller's
_FIND: Final = text(f"SELECT fingerprint, answer FROM idempotency_keys WHERE {_OWN}")  # noqa: S608
_FORGET: Final = """
DELETE FROM idempotency_keys WHERE (tenant_id, environment, key) IN (
    SELECT tenant_id, environment, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What a key was used for before."""

    fingerprint: str
    answer: str


async def claim(connection: AsyncConnection, key: Key, now: datetime) -> Known | None:
    """None: the key is this transaction's until it ends, and has to be given an answer."""
    row = (await connection.execute(_CLAIM, {"key": key.digest, "fingerprint": key.fingerprint, "now": now})).one()
    return None if row.answer is None else Known(row.fingerprint, row.answer)


async def find(connection: AsyncConnection, key: Key) -> Known | None:
    """Without claiming it, and without waiting for who has."""
    row = (await connection.execute(_FIND, {"key": key.digest})).one_or_none()
    return None if row is None else Known(row.fingerprint, row.answer)


async def keep(connection: AsyncConnection, key: Key, answer: str) -> None:
    """What a repeat is answered from, once this transaction commits."""
    await connection.execute(_KEEP, {"key": key.digest, "answer": answer})


async def forget(pool: Pool, now: datetime, most: int) -> int:
    """The oldest of those whose time is over; how many there were."""
    status: str = await pool.execute(_FORGET, now - KEPT, most)
    return int(status.rpartition(" ")[2])
