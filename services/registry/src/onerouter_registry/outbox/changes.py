"""Tells every cache what has changed, and that it was told everything."""

from typing import Final

from onerouter_common import metric_names
from onerouter_common.broker import Producer
from onerouter_common.contracts.registry import HEARTBEAT_KEY
from onerouter_common.contracts.topics import REGISTRY_CHANGES
from onerouter_common.db.engine import Pool
from onerouter_registry.outbox import repository
from onerouter_registry.outbox.records import to_record

_BATCH: Final = 200
_UNTOLD_S: Final = 0.05
"""Another relay takes a few milliseconds from the commit to the log's answer. What waits for longer may be held by one that
hangs. A cache believes for 0.9 s after a heartbeat: together this is still within the second that is promised."""
_LOOK_AGAIN_S: Final = 0.05
"""How soon a withheld heartbeat may follow, so that a busy outbox does not seem a silent one."""


class ChangePublisher:
    """Publishes changes, and a heartbeat whenever none is left untold, by this relay or by any other.

    A heartbeat keeps every cache relying on the feed, so one must never pass a change: not one that another registry has
    locked and cannot publish, nor one the log refuses. A change may be published twice (a crash between the log's answer
    and the commit), which costs a cache entry.
    """

    def __init__(self, pool: Pool, producer: Producer, *, poll_s: float) -> None:
        self._pool = pool
        self._producer = producer
        self._poll_s = poll_s

    async def publish(self) -> float:
        """Publish what is owed; returns the seconds until there may be more. Raises BrokerUnavailable, all still owed."""
        await self._producer.wait_ready(self._poll_s)
        if await self._publish_batch() == _BATCH:
            return 0.0
        return self._poll_s if await self._heartbeat() else min(self._poll_s, _LOOK_AGAIN_S)

    async def _publish_batch(self) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            pending = await repository.lock_changes(connection, _BATCH)
            if pending:
                await self._producer.publish_many([to_record(change) for change in pending])
                await repository.delete(connection, [change.id for change in pending])
        metric_names.REGISTRY_CHANGES_PUBLISHED.inc(len(pending))
        return len(pending)

    async def _heartbeat(self) -> bool:
        async with self._pool.acquire() as connection:
            owes_change = await repository.owes_change(connection, older_than_s=_UNTOLD_S)
        if owes_change:
            metric_names.REGISTRY_HEARTBEATS_WITHHELD.inc()
            return False
        await self._producer.publish(REGISTRY_CHANGES, None, key=HEARTBEAT_KEY)
        return True
