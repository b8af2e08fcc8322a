"""The outbox: what a transaction decided to say, published after it, swept up when the process died in between.

The process that commits publishes at once and remembers to delete; the relay publishes what is still there after
`SWEEP_AFTER_S`. A record can so be published twice: consumers drop what they have seen by its id.
"""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog

from onerouter_common import metric_names as metrics
from onerouter_common.broker import BrokerUnavailable, Producer, RecordTooLarge
from onerouter_common.contracts import topics
from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.events import Event, EventResource
from onerouter_common.contracts.operations import OperationRecord
from onerouter_common.db.engine import Pool
from onerouter_common.ids import COMMAND, EVENT, OPERATION, derive_id, new_id
from onerouter_common.worker import history
from onerouter_common.worker.handler import CommandDraft, EventDraft

log = structlog.get_logger()

SWEEP_AFTER_S: Final = 3.0
_SWEEP_EVERY_S: Final = 1.0
_SWEEP_MOST: Final = 500
_DELETE_AFTER_S: Final = 0.5

OURSELVES: Final = "system"
"""In place of the API key of an operation that nobody asked for."""
# Not a secret: it only makes the same cause the same operation, whichever process hears of it.
_FOLLOWS: Final = b"onerouter.operation-that-follows"


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    topic: str
    key: str
    value: bytes
    tenant_id: str
    environment: str
    headers: dict[str, str] = field(default_factory=dict)
    line: history.Entry | None = None
    """Of an event: for its resource's history, stored with it and kept when it is published."""


# An event is also a line of its resource's history: one statement, so that a commit costs no round trip more.
_ADD: Final = f"""
WITH kept AS (
    INSERT INTO history ({history.COLUMNS}) {history.VALUES.format(*(f"${number}" for number in range(7, 16)))}
)
INSERT INTO outbox (topic, key, value, tenant_id, environment, headers)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::jsonb[])
RETURNING id
"""  # noqa: S608 - made of constants

# Losing this in a crash costs a repeated publish, so it need not wait for the disk.
_DELETE: Final = """
WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true) AS set)
DELETE FROM outbox WHERE id = ANY($1::bigint[]) AND (SELECT set FROM unhurried) = 'off'
"""


async def add(connection: Any, records: Sequence[OutboxRecord]) -> list[int]:
    """Store records inside the caller's transaction; returns their ids, in order, to delete once published."""
    if not records:
        return []
    rows = await connection.fetch(
        _ADD,
        [record.topic for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [record.tenant_id for record in records],
        [record.environment for record in records],
        [record.headers for record in records],
        *history.columns([record.line for record in records if record.line is not None]),
    )
    return [row["id"] for row in rows]


def of_event(event: Event, traceparent: str | None = None) -> OutboxRecord:
    """An event as a record; metadata in CloudEvents' binary-mode headers."""
    headers = event.headers(event.category)
    if traceparent is not None:
        headers["traceparent"] = traceparent
    return OutboxRecord(
        topics.events(event.category), event.resource.id, event.to_bytes(), event.tenant_id, event.environment, headers
    )


def of_drafts(
    drafts: Sequence[EventDraft],
    *,
    tenant_id: str,
    environment: Any,
    category: Any,
    occurred_at: Any,
    ordering_key: str,
    operation_id: str | None = None,
    callback_id: str | None = None,
    traceparent: str | None = None,
) -> list[OutboxRecord]:
    """Drafts of one settlement as records, keyed by what orders them (a refund's events follow its payment's)."""
    records = []
    for draft in drafts:
        event = Event(
            id=new_id(EVENT),
            type=draft.type,
            tenant_id=tenant_id,
            environment=environment,
            category=category,
            resource=EventResource(kind=draft.kind, id=draft.resource_id),
            sequence=draft.sequence,
            occurred_at=occurred_at,
            operation_id=operation_id,
            data=draft.data,
        )
        record = of_event(event, traceparent)
        line = history.of_event(
            event.id,
            draft,
            occurred_at,
            tenant_id=tenant_id,
            environment=environment,
            ordering_key=ordering_key,
            operation_id=operation_id,
            callback_id=callback_id,
        )
        records.append(
            OutboxRecord(record.topic, ordering_key, record.value, tenant_id, environment, record.headers, line)
        )
    return records


def commands_of(
    drafts: Sequence[CommandDraft],
    *,
    tenant_id: str,
    environment: Any,
    category: Any,
    accepted_at: datetime,
    ordering_key: str,
    api_key_id: str = OURSELVES,
) -> list[Command]:
    """Operations that follow, as commands. `api_key_id`: of the operation they follow from, for those on its behalf."""
    commands = []
    for draft in drafts:
        payload = draft.payload.model_dump(mode="json")
        key = draft.ordering_key or ordering_key
        told = json.dumps([draft.operation, payload], sort_keys=True)
        command = Command(
            command_id=new_id(COMMAND),
            operation_id=derive_id(OPERATION, _FOLLOWS, tenant_id, environment, draft.operation, key, draft.cause),
            operation=draft.operation,
            tenant_id=tenant_id,
            environment=environment,
            category=category,
            resource_id=draft.resource_id,
            ordering_key=key,
            fingerprint=hashlib.sha256(told.encode()).hexdigest(),
            payload=payload,
            api_key_id=api_key_id if draft.on_behalf else OURSELVES,
            accepted_at=accepted_at,
            not_before=draft.not_before,
            priority=draft.priority,
        )
        commands.append(command)
    return commands


def of_commands(drafts: Sequence[CommandDraft], **whose: Any) -> list[OutboxRecord]:
    """As `commands_of`, to publish: they come in like those of a gateway; nobody waits for their reply."""
    return [
        OutboxRecord(topics.commands(c.category), c.ordering_key, c.to_bytes(), c.tenant_id, c.environment)
        for c in commands_of(drafts, **whose)
    ]


def of_operation(record: OperationRecord) -> OutboxRecord:
    return OutboxRecord(
        topics.OPERATIONS,
        record.tenant_id,
        record.to_bytes(),
        record.tenant_id,
        record.environment,
        {"ce_type": "operation.finished", "ce_id": record.operation_id, "content-type": "application/json"},
    )


class Publisher:
    """Publishes committed batches in commit order, then deletes them. What fails stays for the relay."""

    def __init__(self, pool: Pool, producer: Producer, *, service: str, apart_s: float = 0.0) -> None:
        """`apart_s`: from one publish to the next; what is committed meanwhile is told, and stored by others, together."""
        self._pool = pool
        self._producer = producer
        self._service = service
        self._apart_s = apart_s
        self._queue: asyncio.Queue[tuple[list[OutboxRecord], list[int]]] = asyncio.Queue(maxsize=256)
        self._arrived = asyncio.Event()
        self._published: list[int] = []
        self._delete_at = 0.0
        """By the loop's clock; of what is in `_published`."""

    def put(self, records: list[OutboxRecord], ids: list[int]) -> None:
        """Hand over what was just committed. While the broker is slower than the database the relay does the rest."""
        if records and not self._queue.full():
            self._queue.put_nowait((records, ids))
            self._arrived.set()

    async def run(self) -> None:
        """Until cancelled. What was published is deleted a few times a second: that need not keep up with each batch."""
        while True:
            if not await self._wait():
                await self._delete()
            records, ids = await self._queue.get()
            self._arrived.clear()
            while not self._queue.empty() and len(records) < _SWEEP_MOST:
                more_records, more_ids = self._queue.get_nowait()
                records, ids = [*records, *more_records], [*ids, *more_ids]
            until = asyncio.get_running_loop().time() + self._apart_s
            await self._publish(records, ids)
            if len(records) < _SWEEP_MOST:  # else it is behind
                await asyncio.sleep(until - asyncio.get_running_loop().time())

    async def _wait(self) -> bool:
        """For more to publish. False: what was published first has waited long enough for being deleted, whatever comes: what
        lies for longer than `SWEEP_AFTER_S` the relay publishes again."""
        if not self._published:
            return True
        left_s = self._delete_at - asyncio.get_running_loop().time()
        if left_s <= 0:
            return False
        if not self._queue.empty():
            return True
        try:
            async with asyncio.timeout(left_s):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    async def drain(self) -> None:
        """Publish what is still queued (a stopping process)."""
        while not self._queue.empty():
            await self._publish(*self._queue.get_nowait())
        await self._delete()

    async def _publish(self, records: list[OutboxRecord], ids: list[int]) -> None:
        try:
            await self._producer.publish_many([(r.topic, r.value, r.key, _encode(r.headers)) for r in records])
        except (BrokerUnavailable, RecordTooLarge) as error:
            log.warning("outbox.publish.postponed", records=len(records), error=type(error).__name__)
            return
        if not self._published:
            self._delete_at = asyncio.get_running_loop().time() + _DELETE_AFTER_S
        self._published.extend(ids)
        if len(self._published) >= _SWEEP_MOST:
            await self._delete()

    async def _delete(self) -> None:
        ids, self._published = self._published, []
        if ids:
            await self._pool.execute(_DELETE, ids)


class Relay:
    """Sweeps what a crash, or an absent broker, left in the outbox."""

    def __init__(self, pool: Pool, producer: Producer, *, service: str, sweep_after_s: float = SWEEP_AFTER_S) -> None:
        self._pool = pool
        self._producer = producer
        self._service = service
        self._sweep_after_s = sweep_after_s

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            swept = await self.sweep()
            if swept < _SWEEP_MOST:
                await asyncio.sleep(_SWEEP_EVERY_S)

    async def sweep(self) -> int:
        """Publish one batch of leftovers, oldest first; how many there were."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                "SELECT id, topic, key, value, headers FROM outbox WHERE created_at < now() - make_interval(secs => $1) "
                "ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED",
                self._sweep_after_s,
                _SWEEP_MOST,
            )
            if not rows:
                return 0
            try:
                published = await self._publish(rows)
            except BrokerUnavailable:
                return 0
            await connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", published)
            kept = [row["id"] for row in rows if row["id"] not in set(published)]
            if kept:
                # Put aside where no sweep finds them: an operator can, and nothing behind them waits.
                log.error("outbox.record.too_large", outbox_ids=kept)
                await connection.execute("UPDATE outbox SET created_at = 'infinity' WHERE id = ANY($1::bigint[])", kept)
        metrics.OUTBOX_SWEPT.labels(self._service).inc(len(rows))
        return len(rows)

    async def _publish(self, rows: Sequence[Any]) -> list[int]:
        """The ids of those that the broker took: all, or all but what it will never take."""
        records = [(row["topic"], row["value"], row["key"], _encode(row["headers"])) for row in rows]
        try:
            await self._producer.publish_many(records)
            return [row["id"] for row in rows]
        except RecordTooLarge:
            published = []
        for row, record in zip(rows, records, strict=True):
            try:
                await self._producer.publish_many([record])
                published.append(row["id"])
            except RecordTooLarge:
                continue
        return published


def _encode(headers: dict[str, str]) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in headers.items()]
