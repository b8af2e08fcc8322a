"""The heart's SQL that more than one step uses. All of it works on whole batches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from onerouter_common.worker.handler import Operation
from onerouter_common.worker.started import Attempt, Started

HARD_LEASE_S: Final = 300
"""An executing operation is due again after this even if its worker's heartbeat is fine: nothing waits for ever."""

_INSERT_ATTEMPTS: Final = """
INSERT INTO attempts (id, operation_id, tenant_id, environment, number, kind, connection_id, provider, capability,
                      provider_key, created_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::timestamptz[])
"""

# Decisions about one ordering key take turns between processes; the lock ends with the transaction.
_LOCK_KEYS: Final = "SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest($1::text[]) AS key"

_BUSY_KEYS: Final = """
SELECT DISTINCT ordering_key FROM operations
WHERE ordering_key = ANY($1::text[]) AND due_at IS NOT NULL AND state IN ('accepted', 'executing', 'retrying')
"""


# Of what this process marked and surely did not begin. Fenced, so that it is harmless when somebody has taken over.
_HAND_BACK: Final = """
UPDATE operations o SET state = CASE WHEN mine.open_attempt_at IS NULL THEN 'accepted' ELSE 'unknown' END, owner = NULL,
    open_attempt_at = mine.open_attempt_at, due_at = now() + make_interval(secs => $5), updated_at = now()
FROM unnest($1::text[], $2::timestamptz[], $3::int[], $4::timestamptz[]) AS mine (id, created_at, generation, open_attempt_at)
WHERE o.id = mine.id AND o.created_at = mine.created_at AND o.generation = mine.generation AND o.state = 'executing'
"""


async def lock_keys(connection: Any, keys: Sequence[str]) -> None:
    """`keys` sorted: every process takes them in one order, so none waits in a circle."""
    await connection.execute(_LOCK_KEYS, keys)


async def busy_keys(connection: Any, keys: Sequence[str]) -> set[str]:
    """Ordering keys at which an operation is waiting or running."""
    return {row["ordering_key"] for row in await connection.fetch(_BUSY_KEYS, keys)}


async def hand_back(connection: Any, ones: Sequence[tuple[Operation, datetime | None]], *, due_in_s: float) -> None:
    """Undo the marking of operations that were not begun; each with the time of its earlier call in doubt, if any."""
    await connection.execute(
        _HAND_BACK,
        [op.id for op, _ in ones],
        [op.created_at for op, _ in ones],
        [op.generation for op, _ in ones],
        [open_attempt_at for _, open_attempt_at in ones],
        due_in_s,
    )


async def insert_attempts(connection: Any, started: Sequence[Started]) -> None:
    """Record wire calls that are about to be made."""
    columns = attempt_columns(started)
    if columns[0]:
        await connection.execute(_INSERT_ATTEMPTS, *columns)


def attempt_columns(started: Sequence[Started]) -> list[list[Any]]:
    """One list a column of `attempts`, as far as it is known before the call."""
    pairs: list[tuple[Operation, Attempt]] = [(s.op, s.attempt) for s in started if s.attempt is not None]
    return [
        [attempt.id for _, attempt in pairs],
        [op.id for op, _ in pairs],
        [op.tenant_id for op, _ in pairs],
        [op.environment for op, _ in pairs],
        [attempt.number for _, attempt in pairs],
        [attempt.kind for _, attempt in pairs],
        [attempt.connection.id for _, attempt in pairs],
        [attempt.connection.provider for _, attempt in pairs],
        [attempt.capability for _, attempt in pairs],
        [attempt.provider_key for _, attempt in pairs],
        [attempt.created_at for _, attempt in pairs],
    ]


def operation_of(row: Any) -> Operation:
    """A row of `operations` as a value."""
    return Operation(
        id=row["id"],
        operation=row["operation"],
        tenant_id=row["tenant_id"],
        environment=row["environment"],
        category=row["category"],
        resource_id=row["resource_id"],
        ordering_key=row["ordering_key"],
        payload=row["payload"],
        fingerprint=row["fingerprint"],
        made_by=row["made_by"],
        api_key_id=row["api_key_id"],
        accepted_at=row["accepted_at"],
        created_at=row["created_at"],
        not_before=row["not_before"],
        state=row["state"],
        connection_id=row["connection_id"],
        provider=row["provider"],
        attempts=row["attempts"],
        failures=row["failures"],
        generation=row["generation"],
    )


def first_call_at(started: Started) -> datetime | None:
    """When a call whose outcome is not known yet was begun: the oldest one decides when a look-up may be believed."""
    if started.open_attempt_at is not None:
        return started.open_attempt_at
    return started.attempt.created_at if started.attempt is not None else None
