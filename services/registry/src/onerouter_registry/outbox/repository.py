"""The outbox's SQL. Whoever changes something appends in the same transaction; the relay takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.contracts.registry import RegistryChange
from onerouter_registry.outbox.tables import outbox

CHANNEL: Final = "onerouter_outbox"
"""PostgreSQL notifies it when a transaction that appended commits, in whichever process."""

_NOTIFY: Final = select(func.pg_notify(CHANNEL, ""))


@dataclass(frozen=True, slots=True)
class Pending:
    id: int
    key: str
    value: bytes


async def append(tx: AsyncConnection, change: RegistryChange) -> None:
    """Owe the world this change as soon as the transaction commits."""
    # inline(): the role that appends may not read the outbox, so nothing is returned.
    await tx.execute(
        insert(outbox)
        .inline()
        .values(
            tenant_id=change.tenant_id,
            environment=change.environment,
            key=change.id,
            value=change.to_bytes(),
            created_at=change.at,
        )
    )
    await tx.execute(_NOTIFY)


async def lock_pending(connection: Any, limit: int) -> list[Pending]:
    """The oldest records no other relay holds; locked until the transaction ends."""
    rows = await connection.fetch(
        "SELECT id, key, value FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED", limit
    )
    return [Pending(row["id"], row["key"], row["value"]) for row in rows]


async def delete(connection: Any, ids: Sequence[int]) -> None:
    await connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", list(ids))
