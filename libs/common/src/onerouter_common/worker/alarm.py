"""Operations that should have ended long ago, and those whose resource stays open in silence: told of once each.

The row of an operation says that it was told of (`stuck_at`), in the transaction that stores the event: a process that
dies in between tells it later, another one does not tell it again.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

import structlog
from pydantic import JsonValue

from onerouter_common import metric_names as metrics
from onerouter_common.clock import Clock, isoformat
from onerouter_common.db.engine import Pool
from onerouter_common.worker import outbox
from onerouter_common.worker.handler import EventDraft
from onerouter_common.worker.outbox import OutboxRecord, Publisher

log = structlog.get_logger()

STUCK: Final = "operation.stuck"

Reason = Literal["deadline", "silence"]
"""It has not ended in time; its resource was never called back about, and asking brought nothing."""

_MOST: Final = 200
_LOOK_EVERY_S: Final = 15.0

_COLUMNS: Final = (
    "id, operation, tenant_id, environment, category, resource_id, ordering_key, state, connection_id, provider, attempts, "
    "traceparent, created_at, not_before"
)

# `executing` has an index of its own (operations_owner), and so have the two others (operations_waiting): both are short.
_LATE: Final = f"""
UPDATE operations o SET stuck_at = $1 FROM (
    SELECT id, created_at FROM operations
    WHERE (state = 'executing' OR state IN ('retrying', 'unknown'))
      AND due_at IS NOT NULL AND stuck_at IS NULL AND GREATEST(created_at, not_before) < $2
    ORDER BY created_at LIMIT {_MOST} FOR UPDATE SKIP LOCKED
) late
WHERE o.id = late.id AND o.created_at = late.created_at
RETURNING {", ".join(f"o.{column}" for column in _COLUMNS.split(", "))}
"""  # noqa: S608 - made of constants

# Those that made the resources; the first of each, told of before or not.
_MAKERS: Final = f"""
SELECT DISTINCT ON (resource_id) {_COLUMNS}, stuck_at FROM operations
WHERE resource_id = ANY($1::text[]) AND operation = $2 ORDER BY resource_id, created_at
"""  # noqa: S608 - made of constants

_TELL: Final = "UPDATE operations SET stuck_at = COALESCE(stuck_at, $3) WHERE id = $1 AND created_at = $2"


class Alarm:
    def __init__(self, pool: Pool, publisher: Publisher, clock: Clock, *, after_s: float) -> None:
        self._pool = pool
        self._publisher = publisher
        self._clock = clock
        self._after_s = after_s

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if await self.look() < _MOST:
                await asyncio.sleep(min(_LOOK_EVERY_S, self._after_s))

    async def look(self) -> int:
        """Tell of one batch of operations that are late; how many there were."""
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            late_since = datetime.fromtimestamp(now.timestamp() - self._after_s, now.tzinfo)
            rows = await connection.fetch(_LATE, now, late_since)
            records = [_record(row, "deadline", state=row["state"], sequence=1, now=now) for row in rows]
            ids = await outbox.add(connection, records)
        self._publisher.put(records, ids)
        for row in rows:
            _say(row, "deadline", row["state"])
        return len(rows)


async def silence(
    connection: Any, kind: str, resource_id: str, *, status: str, now: datetime, maker: str | None = None
) -> None:
    """A resource of this kind stays open, nobody called back about it, and it is not asked about any more.

    `maker`: the operation that made it, where that is not `<kind>.create`.

    Inside the caller's transaction, which also stores that there will be no further question. `status` is the resource's.
    """
    rows: Sequence[Any] = await connection.fetch(_MAKERS, [resource_id], maker or f"{kind}.create")
    if not rows:
        log.error("operation.stuck.unknown_maker", kind=kind, resource_id=resource_id, status=status)
        return
    [row] = rows
    # That the operation itself was late has been told as the first.
    sequence = 1 if row["stuck_at"] is None else 2
    await connection.execute(_TELL, row["id"], row["created_at"], now)
    # The relay publishes it: nobody waits for it to the second.
    await outbox.add(
        connection, [_record(row, "silence", state=row["state"], sequence=sequence, now=now, status=status)]
    )
    _say(row, "silence", row["state"])


def _record(
    row: Any, reason: Reason, *, state: str, sequence: int, now: datetime, status: str | None = None
) -> OutboxRecord:
    draft = EventDraft(STUCK, "operation", row["id"], sequence, _facts(row, reason, state, status))
    [record] = outbox.of_drafts(
        [draft],
        tenant_id=row["tenant_id"],
        environment=row["environment"],
        category=row["category"],
        occurred_at=now,
        ordering_key=row["ordering_key"],
        operation_id=row["id"],
        traceparent=row["traceparent"],
    )
    return record


def _facts(row: Any, reason: Reason, state: str, status: str | None) -> dict[str, JsonValue]:
    resource: dict[str, JsonValue] = {"kind": row["operation"].partition(".")[0], "id": row["resource_id"]}
    if status is not None:
        resource["status"] = status
    return {
        "id": row["id"],
        "object": "operation",
        "operation": row["operation"],
        "state": state,
        "reason": reason,
        "since": isoformat(_since(row)),
        "provider": row["provider"],
        "connection_id": row["connection_id"],
        "resource": resource,
        "attempts": row["attempts"],
        "environment": row["environment"],
    }


def _since(row: Any) -> datetime:
    """When it could have begun."""
    moment: datetime = max(row["created_at"], row["not_before"] or row["created_at"])
    return moment


def _say(row: Any, reason: Reason, state: str) -> None:
    metrics.OPERATIONS_STUCK.labels(row["category"], row["operation"], state, reason).inc()
    log.error(
        "operation.stuck",
        operation_id=row["id"],
        operation=row["operation"],
        state=state,
        reason=reason,
        since=isoformat(_since(row)),
        provider=row["provider"],
        connection_id=row["connection_id"],
        resource_id=row["resource_id"],
        attempts=row["attempts"],
    )
