"""Provider callbacks, applied to the resources they speak of under the category's monotonic rule.

A callback may overtake our own commit: one whose resource is not known yet is stored and tried again, never dropped.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from pydantic import ValidationError

from onerouter_common import metric_names as metrics
from onerouter_common.broker import Producer
from onerouter_common.clock import Clock
from onerouter_common.contracts import topics
from onerouter_common.contracts.callbacks import Callback
from onerouter_common.contracts.commands import Command
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.db.engine import Pool
from onerouter_common.retry import Backoff
from onerouter_common.worker import following, history, outbox, statements
from onerouter_common.worker.callbacks import CallbackRules
from onerouter_common.worker.consumer import Record, park
from onerouter_common.worker.handler import CategoryRules
from onerouter_common.worker.outbox import OutboxRecord, Publisher

log = structlog.get_logger()

_PENDING_MOST: Final = 200
_PENDING: Final = Backoff(first_s=0.5, most_s=1_800, jitter=0.2, give_up_after=1_000)
_BROKEN_S: Final = 600.0

_WAIT: Final = """
INSERT INTO pending_callbacks (callback_id, tenant_id, environment, record, due_at)
SELECT id, tenant_id, environment, record, now() + make_interval(secs => $5)
FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) AS new (id, tenant_id, environment, record)
ON CONFLICT (callback_id) DO UPDATE SET failures = pending_callbacks.failures + 1
RETURNING callback_id
"""

_DUE: Final = """
SELECT callback_id, record, failures, extract(epoch FROM now() - received_at)::float8 AS waited_s
FROM pending_callbacks WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
"""

_POSTPONE: Final = """
UPDATE pending_callbacks p SET failures = p.failures + 1, due_at = now() + make_interval(secs => later.wait_s)
FROM unnest($1::text[], $2::float8[]) AS later (callback_id, wait_s) WHERE p.callback_id = later.callback_id
"""

# Somebody may be waiting to hear of an effect whose outcome is unknown: this may be the answer, so ask now.
_ASK_NOW: Final = """
UPDATE operations SET due_at = now() WHERE (id, created_at) IN (
    SELECT id, created_at FROM operations
    WHERE ordering_key = ANY($1::text[]) AND state = 'unknown' AND due_at > now() FOR UPDATE SKIP LOCKED
)
"""


@dataclass(slots=True)
class _Applied:
    """What a batch came to, inside its transaction."""

    records: list[OutboxRecord] = field(default_factory=list)
    """To publish."""
    unknown: list[Callback] = field(default_factory=list)
    """Those whose resource is not known."""
    own_due_in_s: float | None = None
    """When the first operation that follows is due; None: none follows."""


class CallbackInbox:
    def __init__(
        self,
        pool: Pool,
        rules: CategoryRules[Any],
        callbacks: CallbackRules[Any],
        producer: Producer,
        publisher: Publisher,
        clock: Clock,
        *,
        own_due: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`own_due` is told in how many seconds the first of the operations that a batch led to is due."""
        self._pool = pool
        self._rules = rules
        self._callbacks = callbacks
        self._producer = producer
        self._publisher = publisher
        self._clock = clock
        self._own_due = own_due

    async def handle(self, records: Sequence[Record]) -> None:
        """Apply a batch from the log in one transaction."""
        callbacks: list[Callback] = []
        for record in records:
            try:
                callbacks.append(Callback.model_validate_json(record.value))
            except ValidationError as error:
                reason = f"not a callback: wrong at {error.errors()[0]['loc']}"
                await park(self._producer, record, topics.dead_of(record.topic), reason)
        callbacks = list({callback.callback_id: callback for callback in callbacks}.values())  # sent at least once
        if not callbacks:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            applied = await self._apply(connection, callbacks)
            waiting = [one for one in applied.unknown if self._callbacks.patience_s(one) > 0]
            if waiting:
                await self._keep_for_later(connection, waiting)
            ids = await outbox.add(connection, applied.records)
        metrics.CALLBACKS_APPLIED.labels(self._rules.category, "not_ours").inc(len(applied.unknown) - len(waiting))
        self._committed(applied, ids)

    async def run_pending(self) -> None:
        """Until cancelled: try again those whose resource was not known."""
        while True:
            found = await self.retry_pending()
            if found < _PENDING_MOST:
                await asyncio.sleep(0.5)

    async def retry_pending(self) -> int:
        """One batch of due ones; how many there were. One that breaks its batch is found by trying each alone."""
        try:
            return await self._retry(_PENDING_MOST)
        except DATABASE_AWAY:
            raise
        except Exception as error:
            log.exception("callbacks.pending.broken", error=type(error).__name__)
        for tried in range(_PENDING_MOST):
            try:
                if not await self._retry(1):
                    return tried
            except DATABASE_AWAY:
                raise
            except Exception:
                await self._postpone_first()
        return _PENDING_MOST

    async def _retry(self, most: int) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_DUE, most)
            if not rows:
                return 0
            callbacks = [Callback.model_validate(row["record"]) for row in rows]
            waited_s = {row["callback_id"]: row["waited_s"] for row in rows}
            failures = {row["callback_id"]: row["failures"] + 1 for row in rows}
            applied = await self._apply(connection, callbacks)
            given_up = [c for c in applied.unknown if waited_s[c.callback_id] > self._callbacks.patience_s(c)]
            for callback in given_up:
                log.warning(
                    "callback.resource.never_found", callback_id=callback.callback_id, provider=callback.provider
                )
                metrics.CALLBACKS_APPLIED.labels(self._rules.category, "given_up").inc()
                applied.records.append(_dead(callback))
            waiting = [c for c in applied.unknown if c not in given_up]
            if waiting:
                await connection.execute(
                    _POSTPONE,
                    [c.callback_id for c in waiting],
                    [_PENDING.wait_s(failures[c.callback_id]) for c in waiting],
                )
            done = {c.callback_id for c in callbacks} - {c.callback_id for c in waiting}
            await connection.execute("DELETE FROM pending_callbacks WHERE callback_id = ANY($1::text[])", list(done))
            ids = await outbox.add(connection, applied.records)
        self._committed(applied, ids)
        return len(rows)

    def _committed(self, applied: "_Applied", outbox_ids: list[int]) -> None:
        self._publisher.put(applied.records, outbox_ids)
        if applied.own_due_in_s is not None:
            self._own_due(applied.own_due_in_s)

    async def _postpone_first(self) -> None:
        """The oldest due one cannot be applied (a defect of ours, most likely): the others need not wait for it."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_DUE, 1)
            log.error("callback.pending.postponed", callback_ids=[row["callback_id"] for row in rows])
            await connection.execute(_POSTPONE, [row["callback_id"] for row in rows], [_BROKEN_S for _ in rows])

    async def _apply(self, connection: Any, callbacks: Sequence[Callback]) -> "_Applied":
        made = {c.callback_id: one for c in callbacks if (one := self._callbacks.make(c)) is not None}
        found = await self._callbacks.find_keys(connection, callbacks)
        keys = {**found, **{callback_id: key for callback_id, (key, _) in made.items()}}
        if made:  # what is not there cannot be locked, and a twin may be under way in another process
            await statements.lock_keys(connection, sorted({key for key, _ in made.values()}))
        resources = await self._rules.store.load(connection, sorted(set(keys.values())), lock=True)
        now = self._clock.now()
        changed: dict[str, Any] = {}
        entries: list[history.Entry] = []
        own: list[tuple[Command, str | None]] = []
        applied = _Applied()
        for callback in callbacks:
            key = keys.get(callback.callback_id)
            resource = changed.get(key, resources.get(key)) if key is not None else None
            if resource is None and callback.callback_id in made:
                _, resource = made[callback.callback_id]
            if key is None or resource is None or not _same_owner(callback, resource):
                applied.unknown.append(callback)
                continue
            settled = self._callbacks.apply(callback, resource)
            if settled.resource is not None or key not in resources:
                changed[key] = resource if settled.resource is None else settled.resource
            whose = _whose(callback, key)
            applied.records += [
                *outbox.of_drafts(settled.events, occurred_at=now, callback_id=callback.callback_id, **whose),
                *outbox.of_commands(settled.commands, accepted_at=now, **whose),
            ]
            own += [(one, None) for one in outbox.commands_of(settled.operations, accepted_at=now, **whose)]
            entries.append(history.of_callback(callback, settled.events, key, now))
            result = "changed" if settled.events else "no_change"
            metrics.CALLBACKS_APPLIED.labels(self._rules.category, result).inc()
        if changed:
            await self._rules.store.save(connection, list(changed.values()))
        await history.add(connection, entries)
        await following.store(connection, own, now=now)
        applied.own_due_in_s = following.due_in_s(own, now=now)
        if keys:
            await connection.execute(_ASK_NOW, sorted(set(keys.values())))
        return applied

    async def _keep_for_later(self, connection: Any, unknown: Sequence[Callback]) -> None:
        metrics.CALLBACKS_APPLIED.labels(self._rules.category, "resource_unknown").inc(len(unknown))
        await connection.fetch(
            _WAIT,
            [c.callback_id for c in unknown],
            [c.tenant_id for c in unknown],
            [c.environment for c in unknown],
            [c.model_dump(mode="json") for c in unknown],
            _PENDING.wait_s(1),
        )


def _whose(callback: Callback, key: str) -> dict[str, Any]:
    return {
        "tenant_id": callback.tenant_id,
        "environment": callback.environment,
        "category": callback.category,
        "ordering_key": key,
    }


def _same_owner(callback: Callback, resource: Any) -> bool:
    return bool((resource.tenant_id, resource.environment) == (callback.tenant_id, callback.environment))


def _dead(callback: Callback) -> OutboxRecord:
    return OutboxRecord(
        topics.dead_callbacks(callback.category),
        callback.callback_id,
        callback.to_bytes(),
        callback.tenant_id,
        callback.environment,
        {"dead-reason": "its resource was never found"},
    )
