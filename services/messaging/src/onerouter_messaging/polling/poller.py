"""Asks providers about messages that stay open without a callback, and for the price of those that have none yet.

The answer goes through the same rules as a callback, so a callback that arrives meanwhile does no harm. A question counts
against its connection's pace, and lets all that is sent go first.
"""

import asyncio
import random
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from onerouter_common import metric_names as metrics
from onerouter_common.clock import Clock
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.db.engine import Pool
from onerouter_common.errors import CapabilityUnsupported, Overloaded, ProviderError
from onerouter_common.polling import poll_forever
from onerouter_common.worker import outbox
from onerouter_common.worker.alarm import silence
from onerouter_common.worker.handler import Connection, Connections
from onerouter_common.worker.pace.pacer import Pacer
from onerouter_messaging.message import telling
from onerouter_messaging.message.change import observe
from onerouter_messaging.message.repository import MessageStore
from onerouter_messaging.message.scheduling import reference_of
from onerouter_messaging.message.state import Message
from onerouter_messaging.message.views import drafts
from onerouter_messaging.polling.repository import claim, is_last, postpone, stop_asking
from onerouter_providers.messages import MessageSnapshot

log = structlog.get_logger()

_RECIPIENTS: Final = 50
_FAILURES: Final = 3
"""Of so many recipients of one message it is asked at most, each time, and so many may bring an error."""
_AT_ONCE: Final = 8
"""Calls in flight: polling must never compete with the tenants' own messages."""
_PATIENCE_S: Final = 5.0
"""So long a question waits for a token while nobody else does."""
_NO_SOONER_S: Final = 10.0
_NO_LATER_S: Final = 900.0
"""A question that found no room at its connection is put off by what the connection says, within these; and by up to half
as much again, so that not all come back in one moment."""


class _NoRoom(Exception):
    """What is sent over the connection leaves no room for a question."""

    def __init__(self, in_s: float) -> None:
        super().__init__()
        self.in_s = in_s
        """There may be some by then."""


class Poller:
    def __init__(
        self,
        pool: Pool,
        store: MessageStore,
        connections: Connections,
        clock: Clock,
        *,
        pacer: Pacer | None = None,
        interval_s: float = 5.0,
        batch: int = 64,
    ) -> None:
        """`pacer`: the worker's. None: no connection is too fast."""
        self._pacer = pacer
        self._pool = pool
        self._store = store
        self._connections = connections
        self._clock = clock
        self._interval_s = interval_s
        self._batch = batch

    async def run(self) -> None:
        """Until cancelled."""
        await poll_forever(self.poll_once, interval_s=self._interval_s, batch=self._batch)

    async def poll_once(self) -> int:
        """Ask about one batch of what is due; how many there were."""
        async with self._pool.acquire() as connection:
            due = await claim(connection, self._clock.now(), self._batch)
        places = asyncio.Semaphore(_AT_ONCE)

        async def ask(message: Message) -> None:
            async with places:
                await self._ask(message)

        async with asyncio.TaskGroup() as tasks:
            for message in due:
                tasks.create_task(ask(message))
        return len(due)

    async def _ask(self, message: Message) -> None:
        result = await self._safely(message, self._ask_provider(message))
        if is_last(message) and result not in ("changed", "postponed"):
            result = await self._safely(message, self._give_up(message))
        metrics.POLLS.labels(message.channel, message.channel, result).inc()

    async def _safely(self, message: Message, asking: Awaitable[str]) -> str:
        try:
            return await asking
        except (ProviderError, Overloaded, TimeoutError, *DATABASE_AWAY) as error:
            log.info("poll.failed", kind=message.channel, message_id=message.id, error=type(error).__name__)
        except Exception:  # one answer that nobody foresaw must not end the asking about all others
            log.exception("poll.broken", kind=message.channel, message_id=message.id)
        return "failed"

    async def _give_up(self, message: Message) -> str:
        """The last question brought nothing. That a message never got anywhere is told, once; that it has no price is not."""
        async with self._pool.acquire() as connection, connection.transaction():
            held = (await self._store.load(connection, [message.id], lock=True))[message.id]
            if not await stop_asking(connection, message):
                return "unchanged"
            if held.is_final:
                return "abandoned"
            maker = f"{held.channel}.send"
            await silence(connection, held.channel, held.id, status=held.status, now=self._clock.now(), maker=maker)
        log.error("poll.gave_up", kind=held.channel, message_id=held.id, status=held.status, provider=held.provider)
        return "gave_up"

    async def _ask_provider(self, message: Message) -> str:
        connection = await self._connections.get(
            message.tenant_id, message.environment, message.channel, message.connection_id or ""
        )
        if connection is None or connection.idempotency_of(f"{message.channel}.get") is None:
            await stop_asking(self._pool, message)
            return "disconnected" if connection is None else "not_asked"
        try:
            return await self._ask_of_each(message, connection)
        except CapabilityUnsupported:  # this account of the provider's cannot
            await stop_asking(self._pool, message)
            return "not_asked"
        except _NoRoom as no_room:
            in_s = min(max(no_room.in_s, _NO_SOONER_S), _NO_LATER_S) * random.uniform(1.0, 1.5)  # noqa: S311
            await postpone(self._pool, message, self._clock.now() + timedelta(seconds=in_s))
            return "postponed"

    async def _ask_of_each(self, message: Message, connection: Connection) -> str:
        """Of each recipient that is open; of one after another, as what is said of the first may be of all."""
        results: set[str] = set()
        failed: list[ProviderError] = []
        for to in _asked_about(message):
            await self._await_room(connection)
            try:
                async with asyncio.timeout(connection.timeout_s):
                    told = await _told(message, to, connection)
            except ProviderError as error:
                failed.append(error)
                if len(failed) >= _FAILURES:
                    break
                continue
            results.add(await self._apply(message, told))
            if "recipient" not in told.facts:
                break
        if failed and "changed" not in results:
            raise failed[0]
        return "changed" if "changed" in results else "unchanged"

    async def _await_room(self, connection: Connection) -> None:
        """Raises _NoRoom."""
        patience_s = _PATIENCE_S
        while self._pacer is not None and connection.pace is not None:
            in_s = await self._pacer.spare(connection.id, connection.pace)
            if in_s is None:
                return
            patience_s -= in_s
            if patience_s < 0:
                raise _NoRoom(in_s)
            await asyncio.sleep(in_s * random.uniform(1.0, 2.0))  # noqa: S311 - not all at once

    async def _apply(self, message: Message, told: MessageSnapshot) -> str:
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            held = (await self._store.load(connection, [message.id], lock=True))[message.id]
            change = observe(held, telling.of_snapshot(told, now), now)
            await self._store.save(connection, [change.message])
            # The relay publishes these: nobody waits for them to the millisecond.
            records = outbox.of_drafts(
                drafts(change.happened),
                tenant_id=held.tenant_id,
                environment=held.environment,
                category=held.channel,
                occurred_at=now,
                ordering_key=held.id,
            )
            await outbox.add(connection, records)
        return "changed" if change.happened else "unchanged"


def _asked_about(message: Message) -> Sequence[str]:
    """Of whom it is not known yet how it ended, those it is written to first; of one that lacks its price only, anybody."""
    decisive_first = sorted(message.written_to, key=lambda one: one.role != "to")
    still_open = [one.address for one in decisive_first if not one.is_final]
    return still_open[:_RECIPIENTS] or [one.address for one in message.recipients[:1]]


async def _told(message: Message, to: str, connection: Connection) -> MessageSnapshot:
    reference = reference_of(message, to)
    asked = connection.client.get_sms if message.channel == "sms" else connection.client.get_email
    told: MessageSnapshot = await asked(reference)
    return told
