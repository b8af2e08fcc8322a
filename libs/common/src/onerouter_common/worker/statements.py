"""The heart's SQL that more than one step uses. All of it works on whole batches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from onerouter_common.errors import ProviderDeclined, ProviderError, ProviderRefusedUs
from onerouter_common.worker.handler import Operation
from onerouter_common.worker.started import Attempt, Started

HARD_LEASE_S: Final = 300
"""An executing operation is due again after this even if its worker's heartbeat is fine: nothing waits for ever."""

TENANTS_WITH_WORK: Final = """tenants AS (
    (SELECT tenant_id FROM operations WHERE due_at IS NOT NULL ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT o.tenant_id FROM operations o WHERE o.due_at IS NOT NULL AND o.tenant_id > tenants.tenant_id
            ORDER BY o.tenant_id LIMIT 1)
    FROM tenants WHERE tenants.tenant_id IS NOT NULL
)"""
"""For `WITH RECURSIVE`: a loose index scan, one step a tenant. The last row is NULL."""

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
WHERE ordering_key = ANY($1::text[]) AND due_at IS NOT NULL
  AND (state IN ('accepted', 'executing', 'retrying') OR (state = 'unknown' AND $2))
"""

# Of what this process marked and surely did not begin. Fenced, so that it is harmless when somebody has taken over. Where
# the attempts are not those of before, its resource may say already that it is under way: nothing may pass it then.
_HAND_BACK: Final = """
UPDATE operations o SET owner = NULL, state = CASE WHEN mine.open_attempt_at IS NOT NULL THEN 'unknown'
        WHEN mine.attempts > 0 AND o.attempts = mine.attempts THEN 'retrying' ELSE 'accepted' END,
    open_attempt_at = mine.open_attempt_at, due_at = now() + make_interval(secs => $5), updated_at = now()
FROM unnest($1::text[], $2::timestamptz[], $3::int[], $4::timestamptz[], $6::int[])
    AS mine (id, created_at, generation, open_attempt_at, attempts)
WHERE o.id = mine.id AND o.created_at = mine.created_at AND o.generation = mine.generation AND o.owner = $7
  AND o.state = 'executing'
"""


# What was refused and is not final went elsewhere; a look-up or repeat that was refused says nothing about its call.
_REFUSALS: Final = """
SELECT operation_id, connection_id, provider, outcome, reason, provider_code, provider_request_id, http_status
FROM attempts WHERE operation_id = ANY($1::text[]) AND created_at >= $2 AND kind = 'call'
  AND outcome IN ('declined', 'refused', 'unfit') ORDER BY operation_id, number
"""


_UNSENT: Final = """
SELECT operation_id, count(*) AS times FROM attempts
WHERE operation_id = ANY($1::text[]) AND created_at >= $2 AND kind = 'call' AND outcome = 'not_sent' GROUP BY operation_id
"""


# Asked about, or repeated: a call of it had no answer.
_DOUBTED: Final = """
SELECT DISTINCT operation_id FROM attempts
WHERE operation_id = ANY($1::text[]) AND created_at >= $2 AND kind <> 'call'
"""


async def lock_keys(connection: Any, keys: Sequence[str]) -> None:
    """`keys` sorted: every process takes them in one order, so none waits in a circle."""
    await connection.execute(_LOCK_KEYS, keys)


async def busy_keys(connection: Any, keys: Sequence[str], *, in_doubt: bool = False) -> set[str]:
    """Ordering keys at which an operation is waiting or running; `in_doubt`: or has an unknown outcome."""
    return {row["ordering_key"] for row in await connection.fetch(_BUSY_KEYS, keys, in_doubt)}


async def refusals_of(connection: Any, ops: Sequence[Operation]) -> dict[str, dict[str, ProviderError]]:
    """By operation id and connection: what those said that refused a call of it. Without those that nobody refused."""
    rows = await connection.fetch(_REFUSALS, [op.id for op in ops], min(op.created_at for op in ops))
    found: dict[str, dict[str, ProviderError]] = {}
    for row in rows:
        found.setdefault(row["operation_id"], {})[row["connection_id"]] = _refusal_of(row)
    return found


async def unsent_of(connection: Any, ops: Sequence[Operation]) -> dict[str, int]:
    """By operation id: how many of its calls never left us. Without those that have none."""
    rows = await connection.fetch(_UNSENT, [op.id for op in ops], min(op.created_at for op in ops))
    return {row["operation_id"]: row["times"] for row in rows}


async def doubted_of(connection: Any, ops: Sequence[Operation]) -> set[str]:
    """The ids of those that had a call without an answer."""
    rows = await connection.fetch(_DOUBTED, [op.id for op in ops], min(op.created_at for op in ops))
    return {row["operation_id"] for row in rows}


def _refusal_of(attempt: Any) -> ProviderError:
    said = ProviderDeclined if attempt["outcome"] == "declined" else ProviderRefusedUs
    return said(
        f"{attempt['provider']} refused it, and no other connection is left that could take it.",
        provider=attempt["provider"],
        reason=attempt["reason"] or "invalid_request",  # of what a provider was not asked
        provider_code=attempt["provider_code"],
        provider_request_id=attempt["provider_request_id"],
        http_status_seen=attempt["http_status"],
    )


async def hand_back(
    connection: Any, ones: Sequence[tuple[Operation, datetime | None]], *, owner: str, due_in_s: float
) -> None:
    """Undo the marking, by `owner`, of operations that were not begun: each as it was before, and with the time of its
    earlier call in doubt, if any."""
    await connection.execute(
        _HAND_BACK,
        [op.id for op, _ in ones],
        [op.created_at for op, _ in ones],
        [op.generation for op, _ in ones],
        [open_attempt_at for _, open_attempt_at in ones],
        due_in_s,
        [op.attempts for op, _ in ones],
        owner,
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
        priority=row["priority"],
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
