"""Asks providers about resources that stay open without a callback, and applies what they say.

The answer goes through the same rule as a callback, so a callback that arrives meanwhile does no harm.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

import structlog

from onerouter_common import metric_names as metrics
from onerouter_common.clock import Clock
from onerouter_common.db.availability import DATABASE_AWAY
from onerouter_common.db.engine import Pool
from onerouter_common.errors import Overloaded, ProviderError
from onerouter_common.polling import poll_forever
from onerouter_common.worker import outbox
from onerouter_common.worker.alarm import silence
from onerouter_common.worker.handler import Connections
from onerouter_payments.polling.repository import CONCLUDED_WITHIN_S
from onerouter_payments.polling.schedule import SOON_S, WAITS_S
from onerouter_payments.resource.change import drafts, observe, read_now
from onerouter_payments.resource.charges import payments_after
from onerouter_payments.resource.repository import ResourceStore
from onerouter_payments.resource.state import UNCHANGED, Resource, answered
from onerouter_providers.resources import ResourceSnapshot

log = structlog.get_logger()

CATEGORY: Final = "payments"
_AT_ONCE: Final = 4
"""Calls in flight: polling must never compete with the tenants' own operations."""

# Claiming is moving on to the next date: a process that dies after it costs one poll. Past the last wait it is asked
# about once more, and again should the process die before that is concluded.
_CLAIM: Final = """
UPDATE resources SET polls = resources.polls + 1,
    poll_at = $1 + make_interval(secs => COALESCE(($2::float8[])[resources.polls + 1 + $5], $4))
FROM (SELECT id FROM resources WHERE poll_at <= $1 ORDER BY poll_at LIMIT $3 FOR UPDATE SKIP LOCKED) due
WHERE resources.id = due.id
RETURNING resources.id, resources.polls > cardinality($2::float8[]) - $5 AS is_last
"""
# Not when something was told of it meanwhile: then the asking has begun anew.
_STOP: Final = (
    "UPDATE resources SET poll_at = NULL WHERE id = $1 AND poll_at IS NOT NULL AND polls > $2 RETURNING status"
)

Result = Literal["changed", "unchanged", "disconnected", "failed", "gave_up", "abandoned"]


@dataclass(frozen=True, slots=True)
class Due:
    id: str
    is_last: bool


async def claim(connection: Any, now: datetime, limit: int) -> list[Due]:
    """Take what is due, oldest first, and set each one's next date. No two processes get the same."""
    rows = await connection.fetch(_CLAIM, now, SOON_S + WAITS_S, limit, CONCLUDED_WITHIN_S, len(SOON_S))
    return [Due(row["id"], row["is_last"]) for row in rows]


class ResourcePoller:
    def __init__(
        self, pool: Pool, connections: Connections, clock: Clock, *, interval_s: float = 5.0, batch: int = 64
    ) -> None:
        self._pool = pool
        self._connections = connections
        self._clock = clock
        self._interval_s = interval_s
        self._batch = batch
        self._store = ResourceStore()

    async def run(self) -> None:
        """Until cancelled."""
        await poll_forever(self.poll_once, interval_s=self._interval_s, batch=self._batch)

    async def poll_once(self) -> int:
        """Ask about one batch of what is due; how many there were."""
        async with self._pool.acquire() as connection:
            due = await claim(connection, self._clock.now(), self._batch)
            found = await self._store.load(connection, sorted(item.id for item in due), lock=False)
        places = asyncio.Semaphore(_AT_ONCE)

        async def ask(item: Due) -> None:
            async with places:
                await self._ask(item, found[item.id])

        async with asyncio.TaskGroup() as tasks:
            for item in due:
                tasks.create_task(ask(item))
        return len(due)

    async def _ask(self, due: Due, resource: Resource) -> None:
        result = await self._safely(resource, self._ask_provider(resource))
        if due.is_last and result != "changed":
            result = await self._safely(resource, self._give_up(resource))
        metrics.POLLS.labels(CATEGORY, resource.kind.name, result).inc()

    async def _safely(self, resource: Resource, asking: Awaitable[Result]) -> Result:
        try:
            return await asking
        except (ProviderError, Overloaded, *DATABASE_AWAY) as error:
            log.info("poll.failed", kind=resource.kind.name, resource_id=resource.id, error=type(error).__name__)
        except Exception:  # one answer that nobody foresaw must not end the asking about all others
            log.exception("poll.broken", kind=resource.kind.name, resource_id=resource.id)
        return "failed"

    async def _ask_provider(self, resource: Resource) -> Result:
        connection = await self._connections.get(
            resource.tenant_id, resource.environment, CATEGORY, resource.connection_id
        )
        if connection is None:
            return "disconnected"
        # An operation that ends while this is under way is later than what the provider tells of the time before it.
        asked_at = self._clock.now()
        async with asyncio.timeout(connection.timeout_s):
            told: ResourceSnapshot = await resource.kind.get(connection.client, resource)
        return await self._apply(resource, answered(told, asked_at, resource.known_as_of))

    async def _give_up(self, resource: Resource) -> Result:
        """The last poll brought nothing. Where money may hang, somebody has to look: it is told, once."""
        kind = resource.kind
        async with self._pool.acquire() as connection, connection.transaction():
            status = await connection.fetchval(_STOP, resource.id, len(WAITS_S))
            if status is None:
                return "unchanged"
            if status in kind.quiet:
                return "abandoned"
            await silence(connection, kind.name, resource.id, status=status, now=self._clock.now())
        log.error("poll.gave_up", kind=kind.name, resource_id=resource.id, status=status, provider=resource.provider)
        return "gave_up"

    async def _apply(self, asked: Resource, told: ResourceSnapshot) -> Result:
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            held = (await self._store.load(connection, [asked.id], lock=True))[asked.id]
            change = observe(held, told, now)
            if change.happened:
                after = change.resource
            elif is_overtaken(asked, held, told):
                after = replace(read_now(change.resource, now), revision=change.resource.revision + 1)
            else:
                after = _no_more_asked(change.resource, now)
            if after != held:
                await self._store.save(connection, [after])
            # The relay publishes these: nobody waits for them to the millisecond.
            whose: dict[str, Any] = {
                "tenant_id": held.tenant_id,
                "environment": held.environment,
                "category": CATEGORY,
                "ordering_key": held.id,
            }
            records = outbox.of_drafts(drafts(change.happened), occurred_at=now, **whose)
            records += outbox.of_commands(payments_after(held, change.resource), accepted_at=now, **whose)
            await outbox.add(connection, records)
        return "changed" if change.happened else "unchanged"


def is_overtaken(asked: Resource, held: Resource, told: ResourceSnapshot) -> bool:
    """Another status was told while we asked, and which of them came later cannot be seen from the answer."""
    return held.status_as_of > asked.status_as_of and told.status not in (UNCHANGED, held.status) and not held.is_final


def _no_more_asked(resource: Resource, now: datetime) -> Resource:
    """It was read only because a callback left something open, and stands as it was: until its own next date."""
    look_at = resource.kind.poll_at(resource, now)
    was_asked_for = resource.polls <= 0  # by a callback
    if (resource.status in resource.kind.polled and not was_asked_for) or (look_at is not None and look_at <= now):
        return resource
    return replace(resource, poll_at=look_at, polls=0, revision=resource.revision + 1)
