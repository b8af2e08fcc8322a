"""The outbox's SQL. Whoever changes something appends in the same transaction; the relay takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    attempts: int
    """How often it was published in vain."""


async def append(tx: AsyncConnection, change: RegistryChange) -> None:
    """Owe the world this change as soon as the transaction commits."""
    owner = (change.tenant_id, change.environment)
    await _insert(tx, owner, topics.REGISTRY_CHANGES, change.id, change.to_bytes(), {})


async def append_event(tx: AsyncConnection, event: Event) -> None:
    """Owe the tenant this event as soon as the transaction commits."""
    owner, topic = (event.tenant_id, event.environment), topics.events(topics.REGISTRY)
    headers = event.headers(topics.REGISTRY)
    await _insert(tx, owner, topic, event.resource.id, event.to_bytes(), headers)


async def lock_changes(connection: Any, limit: int) -> list[Pending]:
    """The oldest changes that no other relay holds; locked until the transaction ends."""
    rows = await connection.fetch(
        "SELECT id, topic, key, value, headers, attempts FROM outbox WHERE topic = $2 ORDER BY id LIMIT $1 "
        "FOR UPDATE SKIP LOCKED",
        limit,
        topics.REGISTRY_CHANGES,
    )
    return [Pending(**row) for row in rows]


async def owes_change(connection: Any, *, older_than_s: float) -> bool:
    """Whether any change waits for so long, also one that another relay has locked: this read waits for no lock."""
    owed: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM outbox WHERE topic = $1 AND created_at <= clock_timestamp() - make_interval(secs => $2))",
        topics.REGISTRY_CHANGES,
        older_than_s,
    )
    return owed


async def take_events(connection: Any, limit: int, *, lease_s: float) -> list[Pending]:
    """The oldest event of each key, where it is due; nobody else takes them for `lease_s`.

    One that another relay has taken, or that waits to be tried again, holds back those of its key, and no others. What was
    never tried comes first.
    """
    rows = await connection.fetch(
        "WITH taken AS (SELECT id FROM outbox AS owed "
        "WHERE topic <> $2 AND parked_at IS NULL AND due_at <= now() AND NOT EXISTS ("
        "SELECT FROM outbox AS earlier WHERE earlier.topic = owed.topic AND earlier.key = owed.key "
        "AND earlier.id < owed.id AND earlier.parked_at IS NULL) "
        "ORDER BY attempts, id LIMIT $1 FOR UPDATE OF owed SKIP LOCKED) "
        "UPDATE outbox SET due_at = clock_timestamp() + make_interval(secs => $3) FROM taken WHERE outbox.id = taken.id "
        "RETURNING outbox.id, topic, key, value, headers, attempts",
        limit,
        topics.REGISTRY_CHANGES,
        lease_s,
    )
    return [Pending(**row) for row in rows]


async def defer(connection: Any, waits_s: Mapping[int, float]) -> None:
    """Try these again (seconds from now, by id)."""
    await connection.execute(
        "UPDATE outbox SET attempts = attempts + 1, due_at = clock_timestamp() + make_interval(secs => wait_s) "
        "FROM unnest($1::bigint[], $2::float8[]) AS failed (failed_id, wait_s) WHERE id = failed_id",
        list(waits_s.keys()),
        list(waits_s.values()),
    )


async def park(connection: Any, ids: Sequence[int]) -> None:
    """Try these no more: kept for an operator, in nobody's way."""
    await connection.execute("UPDATE outbox SET parked_at = now() WHERE id = ANY($1::bigint[])", list(ids))


async def delete(connection: Any, ids: Sequence[int]) -> None:
    await connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", list(ids))


async def _insert(
    tx: AsyncConnection,
    owner: tuple[str, str | None],
    topic: str,
    key: str,
    value: bytes,
    headers: Mapping[str, str],
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
            # The database's clock: relays on other machines ask how long it has waited.
            created_at=func.clock_timestamp(),
        )
    )
    await tx.execute(_NOTIFY)
