"""Publishes what the outbox owes, at once: woken by the database when any process commits a change."""

import asyncio
from typing import Any, Final, Self

import asyncpg
import structlog

from onerouter_common.broker import Producer
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.db.engine import Pool
from onerouter_registry.outbox import repository
from onerouter_registry.outbox.changes import ChangePublisher
from onerouter_registry.outbox.events import EventPublisher
from onerouter_registry.outbox.loop import Loop

log = structlog.get_logger()

_RECONNECT_S: Final = 1.0
_STOP_S: Final = 6.0
"""Longer than the log may take to acknowledge."""


class Relay:
    """One task listens and wakes; one loop publishes changes, another events. Several registries share the work.

    Nothing depends on the notification: it only makes the change arrive in milliseconds instead of `poll_s`.
    The two loops have a producer each, because one that fails is rebuilt, and share nothing but the database: an event,
    whatever its topic's state, delays no revoked key.
    """

    def __init__(self, pool: Pool, changes: Producer, events: Producer, *, dsn: str, poll_s: float) -> None:
        self._dsn = dsn
        self._loops = (
            Loop("changes", ChangePublisher(pool, changes, poll_s=poll_s).publish, retry_s=poll_s),
            Loop("events", EventPublisher(pool, events, poll_s=poll_s).publish, retry_s=poll_s),
        )
        self._listener: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listener = asyncio.create_task(self._listen(), name="outbox-listener")
        for loop in self._loops:
            loop.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(loop.stop(_STOP_S) for loop in self._loops))
        while self._listener is not None and not self._listener.done():
            self._listener.cancel()
            await asyncio.wait([self._listener], timeout=1.0)

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
            self._notified()
            await lost.wait()
        finally:
            connection.terminate()

    def _notified(self, *_: Any) -> None:
        for loop in self._loops:
            loop.wake()
