"""Publishes what the outbox owes, at once: woken by the database when any process commits a change."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final, Self

import asyncpg
import structlog

from onerouter_common import metric_names
from onerouter_common.broker import BrokerUnavailable, Producer
from onerouter_common.contracts.registry import HEARTBEAT_KEY
from onerouter_common.contracts.topics import REGISTRY_CHANGES
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.db.engine import Pool
from onerouter_registry.outbox import repository

log = structlog.get_logger()

_BATCH: Final = 200
_RECONNECT_S: Final = 1.0
_STOP_S: Final = 6.0
"""Longer than the log may take to acknowledge."""


class Relay:
    """Two loops: one listens and wakes, one empties the outbox. Several registries share the work (SKIP LOCKED).

    Nothing depends on the notification: it only makes the change arrive in milliseconds instead of `poll_s`.
    Each time the outbox was found empty a heartbeat says so: who hears none cannot rely on hearing of changes.
    A record may be published twice (a crash between the log's answer and the commit): of a change that costs a cache
    entry, an event is known by its id. Changes go first: no event, whatever its topic's state, holds up a revoked key.
    """

    def __init__(self, pool: Pool, producer: Producer, *, dsn: str, poll_s: float) -> None:
        self._pool = pool
        self._producer = producer
        self._dsn = dsn
        self._poll_s = poll_s
        self._wake = asyncio.Event()
        self._stopping = False
        self._listener: asyncio.Task[None] | None = None
        self._publisher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listener = asyncio.create_task(self._listen(), name="outbox-listener")
        self._publisher = asyncio.create_task(self._run(), name="outbox-relay")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        self._wake.set()
        if self._publisher is not None:
            # Cut off in the middle of a batch, it would publish that batch again at the next start.
            await asyncio.wait([self._publisher], timeout=_STOP_S)
        for task in (self._publisher, self._listener):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def publish_pending(self, *, changes: bool) -> int:
        """Publish one batch of changes, or of all else; returns its size. Raises BrokerUnavailable, all still owed."""
        async with self._pool.acquire() as connection, connection.transaction():
            pending = await repository.lock_pending(connection, _BATCH, changes=changes)
            if pending:
                await self._producer.publish_many(
                    [(record.topic, record.value, record.key, _encode(record.headers)) for record in pending]
                )
                await repository.delete(connection, [record.id for record in pending])
        if changes:
            metric_names.REGISTRY_CHANGES_PUBLISHED.inc(len(pending))
        return len(pending)

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                await self._producer.wait_ready(self._poll_s)
                while await self.publish_pending(changes=True) == _BATCH:
                    pass
                await self._producer.publish(REGISTRY_CHANGES, None, key=HEARTBEAT_KEY)
                await self.publish_pending(changes=False)
            except (BrokerUnavailable, *DATABASE_AWAY) as error:
                log.warning("registry.outbox.delayed", error=type(error).__name__)
            except Exception:
                # A loop that ends unseen would leave revoked keys working: say it loudly and go on.
                log.exception("registry.outbox.failed")
                metric_names.LOOP_RESTARTS.labels("registry-outbox").inc()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._wake.wait()

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_until_lost()
            except DATABASE_AWAY as error:
                log.warning("registry.outbox.listener.lost", error=type(error).__name__)
            await asyncio.sleep(_RECONNECT_S)

    async def _listen_until_lost(self) -> None:
        # A connection of its own: one of the pool would be reset, and with it the LISTEN.
        connection = await asyncpg.connect(self._dsn, timeout=5, server_settings={"application_name": "registry-relay"})
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda *_: lost.set())
            await connection.add_listener(repository.CHANNEL, self._notified)
            self._wake.set()
            await lost.wait()
        finally:
            connection.terminate()

    def _notified(self, *_: Any) -> None:
        self._wake.set()


def _encode(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in headers.items()]
