"""Group commit: the results of many operations in one transaction, with their resources, attempts and outbox records.

There is no timer: while one commit is on its way the next results gather, so the previous commit is the clock.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog

from onerouter_common import metric_names as metrics
from onerouter_common.clock import Clock
from onerouter_common.contracts.operations import OperationRecord
from onerouter_common.contracts.replies import OperationState, Problem, Reply
from onerouter_common.db.engine import Pool
from onerouter_common.errors import ProviderThrottled, ProviderUnavailable
from onerouter_common.web.problems import problem_of
from onerouter_common.worker import outbox
from onerouter_common.worker.execution import AskLater, Finished, Next, RetryLater, outcome_for_handler
from onerouter_common.worker.handler import CategoryRules, Failed, Settled, Succeeded
from onerouter_common.worker.outbox import OutboxRecord
from onerouter_common.worker.routing import keys_of, owned_by

log = structlog.get_logger()

_MOST: Final = 256

# Only what this process still holds is updated; the caller rolls back when a row is missing from what comes back.
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
WHERE o.id = r.id AND o.created_at = r.created_at AND o.generation = r.generation AND o.state = 'executing'
  AND o.created_at BETWEEN $23 AND $24
RETURNING o.id, o.generation, o.reply_partitions
"""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A finished call, applied to its resource: everything one row and its reply need."""

    finished: Finished
    state: OperationState
    due_in_s: float | None
    settled: Settled[Any] | None
    problem: Problem | None
    status: int | None
    concluded_at: datetime

    @property
    def is_final(self) -> bool:
        return self.due_in_s is None


class _TakenOver(Exception):
    """Some operations of a batch were claimed by another process since they were begun."""

    def __init__(self, still_mine: set[tuple[str, int]]) -> None:
        super().__init__()
        self.still_mine = still_mine


class Settlement:
    """Collects finished calls and commits them; `committed` is told after each commit what became final or due."""

    def __init__(self, pool: Pool, rules: CategoryRules[Any], clock: Clock) -> None:
        self._pool = pool
        self._rules = rules
        self._clock = clock
        self._gathered: list[Finished] = []
        self._wake = asyncio.Event()
        self._closed = False

    def add(self, finished: Finished) -> None:
        self._gathered.append(finished)
        self._wake.set()

    def close(self) -> None:
        """No more results will come: `next_batch` gives what is left and then an empty list."""
        self._closed = True
        self._wake.set()

    async def next_batch(self) -> list[Finished]:
        """Wait for results; all that gathered meanwhile, up to a bound. Empty: closed, and nothing is left."""
        await self._wake.wait()
        batch, self._gathered = self._gathered[:_MOST], self._gathered[_MOST:]
        if not self._gathered and not self._closed:
            self._wake.clear()
        return batch

    async def commit(self, batch: Sequence[Finished]) -> "Committed":
        """Store a batch. What another process has taken over meanwhile is left out: its claimer will conclude it."""
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
            if changed:
                await self._rules.store.save(connection, changed)
            rows = await connection.fetch(_STORE, *_columns(conclusions, now))
            if len(rows) < len(batch):
                raise _TakenOver({(row["id"], row["generation"]) for row in rows})
            records = [record for c in conclusions for record in self._records(c, now)]
            ids = await outbox.add(connection, records)
        metrics.COMMIT_BATCH_SIZE.labels(self._rules.category).observe(len(batch))
        return Committed(conclusions, records, ids, {row["id"]: row["reply_partitions"] for row in rows})

    async def _conclude(
        self, connection: Any, mine: Sequence[Finished], now: datetime
    ) -> tuple[list[Conclusion], list[Any]]:
        ops = [f.started.op for f in mine]
        resources = await self._rules.store.load(connection, keys_of(ops), lock=True)
        changed: dict[str, Any] = {}
        conclusions = []
        for finished in mine:
            op = finished.started.op
            resource = owned_by(changed.get(op.ordering_key, resources.get(op.ordering_key)), op)
            conclusion = _conclude(finished, resource, now)
            if conclusion.settled is not None and conclusion.settled.resource is not None:
                changed[op.ordering_key] = conclusion.settled.resource
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
            records += outbox.of_commands(
                conclusion.settled.commands,
                tenant_id=op.tenant_id,
                environment=op.environment,
                category=op.category,
                accepted_at=now,
                ordering_key=op.ordering_key,
            )
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

    def replies(self) -> list[tuple[int, Reply]]:
        """To everyone who waits, once it is final, or when nobody can say how long it will stay unknown."""
        return [
            (partition, _reply(conclusion))
            for conclusion in self.conclusions
            if conclusion.is_final or (conclusion.state == "unknown" and (conclusion.due_in_s or 0) > 60)
            for partition in self.reply_partitions[conclusion.finished.started.op.id]
        ]


def _conclude(finished: Finished, resource: Any, now: datetime) -> Conclusion:
    """Pure. The operation's next state, and what the handler makes of the resource."""
    started, step = finished.started, _proven(finished, resource)
    finished = replace(finished, next=step)
    outcome = outcome_for_handler(step)
    settled = started.handler.settle(started.op, started.command, resource, outcome) if outcome is not None else None
    error = step.error if isinstance(step, Failed | AskLater) else None
    problem = problem_of(error) if error is not None else None
    if isinstance(step, AskLater) and problem is not None:
        problem = problem.model_copy(update={"status": 202, "effect": "unknown", "retryable": False})
    status = problem.status if problem is not None else (settled.status if settled is not None else None)
    return Conclusion(finished, _state(step), _due_in(step), settled, problem, status, now)


def _proven(finished: Finished, resource: Any) -> Next:
    """The provider said until the end that it did nothing, but the resource shows that it did: that is what counts."""
    started, step = finished.started, finished.next
    said_nothing_happened = isinstance(step, Failed) and isinstance(step.error, ProviderThrottled | ProviderUnavailable)
    if not (said_nothing_happened and started.op.attempts):
        return step
    held = started.handler.held(started.op, started.command, resource)
    return step if held is None else Succeeded(held)


def _state(step: Next) -> OperationState:
    match step:
        case Succeeded():
            return "succeeded"
        case Failed():
            return "failed"
        case RetryLater():
            return "retrying"
        case AskLater():
            return "unknown"


def _due_in(step: Next) -> float | None:
    return step.due_in_s if isinstance(step, RetryLater | AskLater) else None


def _failures(conclusion: Conclusion) -> int:
    step, op = conclusion.finished.next, conclusion.finished.started.op
    if isinstance(step, RetryLater):
        return op.failures + 1 if step.error is not None else op.failures
    return op.failures


def _reply(conclusion: Conclusion) -> Reply:
    op = conclusion.finished.started.op
    return Reply(
        operation_id=op.id,
        made_by=op.made_by,
        fingerprint=op.fingerprint,
        state=conclusion.state,
        resource_id=op.resource_id,
        status=conclusion.status or 200,
        result=conclusion.settled.view if conclusion.settled is not None else None,
        problem=conclusion.problem,
        provider_ms=conclusion.finished.duration_ms,
    )


def _columns(conclusions: Sequence[Conclusion], now: datetime) -> list[Any]:
    ops = [c.finished.started.op for c in conclusions]
    calls = [(c, c.finished.started.attempt) for c in conclusions if c.finished.started.attempt is not None]
    errors = [c.finished.error for c, _ in calls]
    return [
        [op.id for op in ops],
        [op.created_at for op in ops],
        [c.state for c in conclusions],
        [c.due_in_s for c in conclusions],
        [_failures(c) for c in conclusions],
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
        [getattr(error, "reason", None) for error in errors],
        [getattr(error, "provider_code", None) for error in errors],
        [getattr(error, "provider_request_id", None) for error in errors],
        [getattr(error, "http_status_seen", None) for error in errors],
        *_span([op.created_at for op in ops]),
        *_span([attempt.created_at for _, attempt in calls] or [now]),
    ]


def _span(moments: Sequence[datetime]) -> tuple[datetime, datetime]:
    """Oldest and newest: with them the server opens the one or two partitions that matter instead of every month."""
    return min(moments), max(moments)
