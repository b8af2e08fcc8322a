"""The outbox's SQL. Whoever changes something appends in the same transaction; the relay takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.contracts import topics
from onerouter_common.contracts.events import Event
from onerouter_common.contracts.registry import RegistryChange
from onerouter_registry.outbox.tables import outbox

CHANNEL: Final = "onerouter_outbox"
"""PostgreSQL notifies it when a transaction that appended commits, in whichever process."""

_NOTIFY: Final = select(func.pg_notify(CHANNEL, ""))


@dataclass(frozen=True, slots=True)
class Pending:
    id: int
    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str]


async def append(tx: AsyncConnection, change: RegistryChange) -> None:
    """Owe the world this change as soon as the transaction commits."""
    owner = (change.tenant_id, change.environment)
    await _insert(tx, owner, topics.REGISTRY_CHANGES, change.id, change.to_bytes(), {}, change.at)


async def append_event(tx: AsyncConnection, event: Event) -> None:
    """Owe the tenant this event as soon as the transaction commits."""
    owner, topic = (event.tenant_id, event.environment), topics.events(topics.REGISTRY)
    headers = event.headers(topics.REGISTRY)
    await _insert(tx, owner, topic, event.resource.id, event.to_bytes(), headers, event.occurred_at)


async def lock_pending(connection: Any, limit: int, *, changes: bool) -> list[Pending]:
    """The oldest changes, or the oldest of everything else, that no other relay holds; locked until the transaction ends."""
    rows = await connection.fetch(
        "SELECT id, topic, key, value, headers FROM outbox WHERE (topic = $2) = $3 ORDER BY id LIMIT $1 "
        "FOR UPDATE SKIP LOCKED",
        limit,
        topics.REGISTRY_CHANGES,
        changes,
    )
    return [Pending(**row) for row in rows]


async def delete(connection: Any, ids: Sequence[int]) -> None:
    await connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", list(ids))


async def _insert(
    tx: AsyncConnection,
    owner: tuple[str, str | None],
    topic: str,
    key: str,
    value: bytes,
    headers: Mapping[str, str],
    at: datetime,
) -> None:
    # inline(): the role that appends may not read the outbox, so nothing is returned.
    await tx.execute(
        insert(outbox)
        .inline()
        .values(
            tenant_id=owner[0],
            environment=owner[1],
            topic=topic,
            key=key,
            value=value,
            headers=dict(headers),
            created_at=at,
        )
    )
    await tx.execute(_NOTIFY)
