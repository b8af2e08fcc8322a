"""Group commit: the results of many operations in one transaction, with their resources, attempts and outbox records.

There is no timer: while one commit is on its way the next results gather, so the previous commit is the clock.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson
import structlog

from onerouter_common import metric_names as metrics
from onerouter_common.clock import Clock
from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.operations import OperationRecord
from onerouter_common.contracts.replies import Reply
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.db.engine import Pool
from onerouter_common.worker import following, outbox
from onerouter_common.worker.conclusion import Conclusion, bare, conclude, storable
from onerouter_common.worker.execution import AskLater, Finished
from onerouter_common.worker.handler import CategoryRules, Failed, Operation
from onerouter_common.worker.outbox import OutboxRecord
from onerouter_common.worker.routing import owned_by

log = structlog.get_logger()

_MOST: Final = 256
_MOST_BYTES: Final = 4_000_000
"""Of what one commit is made of, as far as can be told: more takes longer than a statement may, and others would wait."""
_ROW_BYTES: Final = 1_000
_DRAFTS: Final = 100
_LINGER_S: Final = 0.025
"""What nobody waits for is stored this much later: what went together is stored together, and told in one batch."""

# Only what this process still holds is updated; the caller rolls back when a row is missing from what comes back. The
# generation alone does not tell: marking waits for no disk, so what the database forgot another may mark with the same.
_STORE: Final = """
WITH calls AS (
    UPDATE attempts a SET finished_at = $14, duration_ms = c.duration_ms, outcome = c.outcome, reason = c.reason,
        provider_code = c.provider_code, provider_request_id = c.provider_request_id, http_status = c.http_status
    FROM unnest($15::text[], $16::timestamptz[], $17::float8[], $18::text[], $19::text[], $20::text[], $21::text[],
                $22::int[])
        AS c (id, created_at, duration_ms, outcome, reason, provider_code, provider_request_id, http_status)
    WHERE a.id = c.id AND a.created_at = c.created_at AND a.created_at BETWEEN $25 AND $26
)
UPDATE operations o SET state = r.state, due_at = now() + make_interval(secs => r.due_in_s), owner = NULL,
    failures = r.failures, open_attempt_at = CASE WHEN r.closed THEN NULL ELSE o.open_attempt_at END,
    status = r.status, result = r.result, problem = r.problem, provider_ms = o.provider_ms + r.provider_ms,
    connection_id = COALESCE(r.connection_id, o.connection_id), provider = COALESCE(r.provider, o.provider),
    updated_at = $14, finished_at = CASE WHEN r.due_in_s IS NULL THEN $14 END
FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::float8[], $5::int[], $6::bool[], $7::int[], $8::jsonb[],
            $9::jsonb[], $10::float8[], $11::text[], $12::text[], $13::int[])
    AS r (id, created_at, state, due_in_s, failures, closed, status, result, problem, provider_ms, connection_id, provider,
          generation)
WHERE o.id = r.id AND o.created_at = r.created_at AND o.generation = r.generation AND o.owner = $27
  AND o.state = 'executing' AND o.created_at BETWEEN $23 AND $24
RETURNING o.id, o.generation, o.reply_partitions
"""


class _TakenOver(Exception):
    """Some operations of a batch were claimed by another process since they were begun."""

    def __init__(self, still_mine: set[tuple[str, int]]) -> None:
        super().__init__()
        self.still_mine = still_mine


class TooHeavy(Exception):
    """One commit for all of a batch would take too long; nothing was stored."""

    def __init__(self, rest: list[Finished], alone: list[Finished]) -> None:
        super().__init__()
        self.rest = rest
        """Together they are light enough."""
        self.alone = alone


class Settlement:
    """Collects finished calls and commits them; `committed` is told after each commit what became final or due."""

    def __init__(self, pool: Pool, rules: CategoryRules[Any], clock: Clock, *, owner: str) -> None:
        """`owner`: whose operations these are (`Lease.owner`)."""
        self._owner = owner
        self._pool = pool
        self._rules = rules
        self._clock = clock
        self._gathered: list[Finished] = []
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        """Somebody waits for one of the gathered, or they are as many as one commit takes."""
        self._closed = False

    def add(self, finished: Finished) -> None:
        self._gathered.append(finished)
        self._wake.set()
        if not finished.started.op.priority or len(self._gathered) >= _MOST:
            self._hurry.set()

    def close(self) -> None:
        """No more results will come: `next_batch` gives what is left and then an empty list."""
        self._closed = True
        self._wake.set()
        self._hurry.set()

    async def next_batch(self) -> list[Finished]:
        """Wait for results; all that gathered meanwhile, up to a bound. Empty: closed, and nothing is left."""
        await self._wake.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                await self._hurry.wait()
        count = _fitting([_payload_bytes(finished) for finished in self._gathered[:_MOST]])
        batch, self._gathered = self._gathered[:count], self._gathered[count:]
        if not self._gathered and not self._closed:
            self._wake.clear()
            self._hurry.clear()
        return batch

    async def commit(self, batch: Sequence[Finished]) -> "Committed":
        """Store a batch. What another process has taken over meanwhile is left out: its claimer will conclude it.

        Raises TooHeavy, never for one alone.
        """
        try:
            return await self._commit(batch)
        except _TakenOver as taken:
            metrics.RESULTS_FENCED.labels(self._rules.category).inc(len(batch) - len(taken.still_mine))
            rest = [f for f in batch if (f.started.op.id, f.started.op.generation) in taken.still_mine]
            return await self.commit(rest) if rest else Committed([], [], [], {})

    async def _commit(self, batch: Sequence[Finished]) -> "Committed":
        """Raises _TakenOver, and nothing is stored, when not all of the batch is this process's any more."""
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            conclusions, changed = await self._conclude(connection, batch, now)
            _bound(conclusions)
            if changed:
                await self._rules.store.save(connection, changed)
            rows = await self._store(connection, conclusions, now)
            records = [record for c in conclusions for record in self._records(c, now)]
            ids = await outbox.add(connection, records)
            own = [one for c in conclusions for one in await _own_operations(c, now)]
            await following.store(connection, own, now=now)
        metrics.COMMIT_BATCH_SIZE.labels(self._rules.category).observe(len(batch))
        partitions = {row["id"]: row["reply_partitions"] for row in rows}
        return Committed(conclusions, records, ids, partitions, following.due_in_s(own, now=now))

    async def commit_bare(self, finished: Finished) -> "Committed":
        """Store how an operation ended without what came of it, for the database refuses that: as `commit`.

        What nobody was called for has failed then. Its resource is told so, as far as that can be stored.
        """
        try:
            return await self._commit_bare(finished)
        except _TakenOver:
            metrics.RESULTS_FENCED.labels(self._rules.category).inc()
            return Committed([], [], [], {})

    async def _commit_bare(self, finished: Finished) -> "Committed":
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            conclusion = bare(finished, now)
            rows = await self._store(connection, [conclusion], now)
            records, ids = await self._tell_resource(connection, conclusion, now)
            more = self._records(conclusion, now)
            ids += await outbox.add(connection, more)
        partitions = {row["id"]: row["reply_partitions"] for row in rows}
        return Committed([conclusion], [*records, *more], ids, partitions)

    async def _tell_resource(
        self, connection: Any, conclusion: Conclusion, now: datetime
    ) -> tuple[list[OutboxRecord], list[int]]:
        """Of an operation that failed: its resource and its events; without any where that cannot be stored either."""
        started, step = conclusion.finished.started, conclusion.finished.next
        if not isinstance(step, Failed):
            return [], []
        try:
            async with connection.transaction():
                resources = await self._rules.store.load(connection, self._rules.resource_keys([started.op]), lock=True)
                resource = owned_by(resources.get(self._rules.resource_key(started.op)), started.op)
                settled = started.handler.settle(started.op, started.command, resource, step)
                if settled.resource is not None:
                    await self._rules.store.save(connection, [settled.resource])
                told = replace(conclusion, settled=settled, due_in_s=0.0)
                records = self._records(told, now)
                return records, await outbox.add(connection, records)
        except DATABASE_AWAY:
            raise
        except Exception as error:
            log.warning("settlement.resource_not_told", operation_id=started.op.id, error=type(error).__name__)
            return [], []

    async def _store(self, connection: Any, conclusions: Sequence[Conclusion], now: datetime) -> Sequence[Any]:
        """Raises _TakenOver."""
        rows: Sequence[Any] = await connection.fetch(_STORE, *_columns(conclusions, now), self._owner)
        if len(rows) < len(conclusions):
            raise _TakenOver({(row["id"], row["generation"]) for row in rows})
        return rows

    async def _conclude(
        self, connection: Any, mine: Sequence[Finished], now: datetime
    ) -> tuple[list[Conclusion], list[Any]]:
        keys = self._rules.resource_keys([f.started.op for f in mine])
        resources = await self._rules.store.load(connection, keys, lock=True)
        changed: dict[str, Any] = {}
        conclusions = []
        for finished in mine:
            op = finished.started.op
            key = self._rules.resource_key(op)
            resource = owned_by(changed.get(key, resources.get(key)), op)
            conclusion = conclude(finished, resource, now)
            if conclusion.settled is not None and conclusion.settled.resource is not None:
                changed[key] = conclusion.settled.resource
            conclusions.append(conclusion)
        return conclusions, list(changed.values())

    def _records(self, conclusion: Conclusion, now: datetime) -> list[OutboxRecord]:
        started = conclusion.finished.started
        op = started.op
        records: list[OutboxRecord] = []
        if conclusion.settled is not None:
            records += outbox.of_drafts(
                conclusion.settled.events,
                tenant_id=op.tenant_id,
                environment=op.environment,
                category=op.category,
                occurred_at=now,
                ordering_key=op.ordering_key,
                operation_id=op.id,
                traceparent=started.traceparent,
            )
            records += outbox.of_commands(conclusion.settled.commands, **_whose(op, now))
        if conclusion.is_final:
            record = OperationRecord.model_validate(
                {
                    "operation_id": op.id,
                    "operation": op.operation,
                    "tenant_id": op.tenant_id,
                    "environment": op.environment,
                    "category": op.category,
                    "resource_id": op.resource_id,
                    "state": conclusion.state,
                    "provider": op.provider,
                    "connection_id": op.connection_id,
                    "api_key_id": op.api_key_id,
                    "attempts": op.attempts,
                    "error_code": conclusion.problem.code if conclusion.problem else None,
                    "accepted_at": op.accepted_at,
                    "finished_at": now,
                    "provider_ms": conclusion.finished.duration_ms,
                }
            )
            records.append(outbox.of_operation(record))
        return records


@dataclass(frozen=True, slots=True)
class Committed:
    conclusions: list[Conclusion]
    records: list[OutboxRecord]
    outbox_ids: list[int]
    reply_partitions: dict[str, list[int]]
    own_due_in_s: float | None = None
    """When the first of the operations that follow is due; None: none follows."""

    def replies(self) -> list[tuple[int, Reply]]:
        """To everyone who waits, once it is final, or when nobody can say how long it will stay unknown."""
        return [
            (partition, conclusion.reply())
            for conclusion in self.conclusions
            if conclusion.is_final or (conclusion.state == "unknown" and (conclusion.due_in_s or 0) > 60)
            for partition in self.reply_partitions[conclusion.finished.started.op.id]
        ]


def _whose(op: Operation, now: datetime) -> dict[str, Any]:
    """Of what follows from it, for `outbox.commands_of`."""
    return {
        "tenant_id": op.tenant_id,
        "environment": op.environment,
        "category": op.category,
        "accepted_at": now,
        "ordering_key": op.ordering_key,
        "api_key_id": op.api_key_id,
    }


async def _own_operations(conclusion: Conclusion, now: datetime) -> list[tuple[Command, str | None]]:
    """What follows from it without the log, each with the trace it is part of. Others have their turn in between."""
    if conclusion.settled is None:
        return []
    started, drafts = conclusion.finished.started, conclusion.settled.operations
    found: list[tuple[Command, str | None]] = []
    for at in range(0, len(drafts), _DRAFTS):
        commands = outbox.commands_of(drafts[at : at + _DRAFTS], **_whose(started.op, now))
        found += [(command, started.traceparent) for command in commands]
        await asyncio.sleep(0)
    return found


def _payload_bytes(finished: Finished) -> int:
    """What its resource takes, roughly: a resource is made of what it was asked for with."""
    return _ROW_BYTES + len(orjson.dumps(finished.started.op.payload))


def _weight(conclusion: Conclusion) -> int:
    """Bytes, roughly: what follows from an operation is as large as itself at most."""
    follow = len(conclusion.settled.operations) + len(conclusion.settled.commands) if conclusion.settled else 0
    return (1 + follow) * _payload_bytes(conclusion.finished)


def _fitting(weights: Sequence[int]) -> int:
    """How many of the first make one commit; one at least."""
    total = 0
    for count, weight in enumerate(weights):
        total += weight
        if total > _MOST_BYTES:
            return max(1, count)
    return len(weights)


def _bound(conclusions: Sequence[Conclusion]) -> None:
    """Raises TooHeavy: the lightest stay together."""
    if len(conclusions) == 1:
        return
    by_weight = sorted(((_weight(one), at) for at, one in enumerate(conclusions)))
    count = _fitting([weight for weight, _ in by_weight])
    if count < len(conclusions):
        rest, alone = sorted(at for _, at in by_weight[:count]), [at for _, at in by_weight[count:]]
        raise TooHeavy([conclusions[at].finished for at in rest], [conclusions[at].finished for at in alone])


def _columns(conclusions: Sequence[Conclusion], now: datetime) -> list[Any]:
    ops = [c.finished.started.op for c in conclusions]
    calls = [(c, c.finished.started.attempt) for c in conclusions if c.finished.started.attempt is not None]
    errors = [c.finished.error for c, _ in calls]
    return [
        [op.id for op in ops],
        [op.created_at for op in ops],
        [c.state for c in conclusions],
        [c.due_in_s for c in conclusions],
        [c.failures for c in conclusions],
        [not isinstance(c.finished.next, AskLater) for c in conclusions],
        [c.status for c in conclusions],
        [c.settled.view if c.settled is not None else None for c in conclusions],
        [c.problem.model_dump(mode="json") if c.problem is not None else None for c in conclusions],
        [c.finished.duration_ms for c in conclusions],
        [op.connection_id for op in ops],
        [op.provider for op in ops],
        [op.generation for op in ops],
        now,
        [attempt.id for _, attempt in calls],
        [attempt.created_at for _, attempt in calls],
        [c.finished.duration_ms for c, _ in calls],
        [c.finished.outcome for c, _ in calls],
        [storable(getattr(error, "reason", None)) for error in errors],
        [storable(getattr(error, "provider_code", None)) for error in errors],
        [storable(getattr(error, "provider_request_id", None)) for error in errors],
        [getattr(error, "http_status_seen", None) for error in errors],
        *_span([op.created_at for op in ops]),
        *_span([attempt.created_at for _, attempt in calls] or [now]),
    ]


def _span(moments: Sequence[datetime]) -> tuple[datetime, datetime]:
    """Oldest and newest: with them the server opens the one or two partitions that matter instead of every month."""
    return min(moments), max(moments)
