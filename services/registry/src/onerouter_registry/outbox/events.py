"""Hands tenants' events to the log, each key's in order, each on its own."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog

from onerouter_common import metric_names
from onerouter_common.broker import BrokerUnavailable, Producer, RecordTooLarge
from onerouter_common.db.engine import Pool
from onerouter_common.retry import Backoff
from onerouter_registry.outbox import repository
from onerouter_registry.outbox.records import to_record
from onerouter_registry.outbox.repository import Pending

log = structlog.get_logger()

_BATCH: Final = 50
_LEASE_S: Final = 15.0
"""Longer than the log may take to acknowledge. Who crashed meanwhile leaves the event to others after that."""
_BACKOFF: Final = Backoff(first_s=1.0, most_s=60.0)


class EventPublisher:
    """Publishes the oldest event of each key (a connection); the next one of a key only once that is with the log.

    So whatever holds up one event holds up its key alone. One that fails is tried again with growing waits; one that the log
    will never take is parked, and its key goes on. An event may be published twice, and is known by its id.
    """

    def __init__(self, pool: Pool, producer: Producer, *, poll_s: float, backoff: Backoff = _BACKOFF) -> None:
        self._pool = pool
        self._producer = producer
        self._poll_s = poll_s
        self._backoff = backoff

    async def publish(self) -> float:
        """Publish what is due; returns the seconds until there may be more. Raises BrokerUnavailable when none can be."""
        await self._producer.wait_ready(self._poll_s)
        # No connection is held while the log is waited for: revoked keys go through the same pool.
        async with self._pool.acquire() as connection:
            pending = await repository.take_events(connection, _BATCH, lease_s=_LEASE_S)
        if not pending:
            return self._poll_s
        failures = await asyncio.gather(*(self._publish(event) for event in pending))
        async with self._pool.acquire() as connection, connection.transaction():
            failed = await self._settle(connection, pending, failures)
        # Behind each that is out of the way another of its key may wait.
        return 0.0 if len(pending) > failed else self._poll_s

    async def _publish(self, event: Pending) -> Exception | None:
        """Why the log does not have it. One event at a time: what becomes of each is known."""
        topic, value, key, headers = to_record(event)
        try:
            await self._producer.publish(topic, value, key=key, headers=headers)
        except (BrokerUnavailable, RecordTooLarge) as failure:
            return failure
        except Exception as failure:
            # Of one record, whatever it is: the others must not wait for somebody to look into it.
            log.exception("registry.outbox.event.failed", outbox_id=event.id, topic=topic)
            return failure
        return None

    async def _settle(self, connection: Any, pending: Sequence[Pending], failures: Sequence[Exception | None]) -> int:
        """Store what became of each; returns how many are to be tried again."""
        outcome = list(zip(pending, failures, strict=True))
        published = [event.id for event, failure in outcome if failure is None]
        too_large = [event.id for event, failure in outcome if isinstance(failure, RecordTooLarge)]
        waits_s = {
            event.id: self._backoff.wait_s(event.attempts + 1)
            for event, failure in outcome
            if failure is not None and not isinstance(failure, RecordTooLarge)
        }
        if published:
            await repository.delete(connection, published)
        if too_large:
            log.error("registry.outbox.event.parked", outbox_ids=too_large)
            metric_names.REGISTRY_EVENTS_PARKED.inc(len(too_large))
            await repository.park(connection, too_large)
        if waits_s:
            log.warning("registry.outbox.delayed", loop="events", events=len(waits_s))
            await repository.defer(connection, waits_s)
        return len(waits_s)
