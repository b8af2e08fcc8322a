"""An example of an event, sent to one endpoint, so that a tenant sees its receiver work before anything has happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock, isoformat
from onerouter_common.contracts.event_types import EVENT_TYPES, EventType
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.ids import DELIVERY, EVENT, new_id
from onerouter_common.once.request import UNKEYED, Once
from onerouter_common.web.internal import TenantContext
from onerouter_webhooks.delivery.worker import DeliveryWorker
from onerouter_webhooks.endpoint.repository import EndpointRow, Endpoints
from onerouter_webhooks.endpoint.schemas import SentTest
from onerouter_webhooks.event.matching import matches
from onerouter_webhooks.event.reading import EventReads, FoundEvent
from onerouter_webhooks.event.repository import Events, Owed, StoredEvent, Subscriber

_NOWHERE: Final = -1
"""In place of a partition of the log: it never was in it."""
_SENT: Final = TypeAdapter(SentTest)


@dataclass(frozen=True, slots=True)
class Trials:
    engine: AsyncEngine
    events: Events
    worker: DeliveryWorker
    clock: Clock

    async def send(
        self, owner: TenantContext, endpoint_id: str, type_name: str | None, once: Once = UNKEYED
    ) -> SentTest:
        """The example of this type; None: of the first that the endpoint takes. It is an event like others, but for its
        `test`, goes to this endpoint whatever that takes, and is sent once.

        Raises NotFound, InvalidRequest (`type`), Conflict (the endpoint is not enabled) and IdempotencyMismatch.
        """

        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            if (sent := await once.answered(connection, _SENT)) is not None:
                return sent
            example = _example(await _enabled(connection, owner, endpoint_id), type_name)
        event = self._event(owner, example)
        # Before the transaction that sends it: until one ends that writes, no reader of events, whosever they are, goes on
        # behind it, and this takes a connection of its own. An event that nobody is sent does no harm.
        await self.events.store([event], _to_nobody, self.worker.lease)

        async def act() -> SentTest:
            return await self._send(connection, owner, endpoint_id, event)

        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            sent = await once.carry_out(connection, self.clock.now(), act, _SENT)
        self.worker.wake()
        return sent

    async def _send(
        self, connection: AsyncConnection, owner: TenantContext, endpoint_id: str, event: StoredEvent
    ) -> SentTest:
        await _enabled(connection, owner, endpoint_id)
        delivery_id = new_id(DELIVERY)
        found = FoundEvent(event.id, event.type, event.occurred_at, event.body)
        reads = EventReads(connection, owner.tenant_id, owner.environment)
        await reads.add_manual(found, [delivery_id], [endpoint_id], self.clock.now())
        return SentTest(endpoint_id=endpoint_id, event_id=event.id, delivery_id=delivery_id, type=event.type)

    def _event(self, owner: TenantContext, example: EventType) -> StoredEvent:
        event_id, now = new_id(EVENT), self.clock.now()
        shown = {
            **example.example_event,
            "id": event_id,
            "timestamp": isoformat(now),
            "environment": owner.environment,
            "test": True,
        }
        return StoredEvent(
            id=event_id,
            occurred_at=now,
            tenant_id=owner.tenant_id,
            environment=owner.environment,
            category=example.category,
            type=example.name,
            resource_kind=shown["resource"]["kind"],
            resource_id=shown["resource"]["id"],
            sequence=shown["sequence"],
            body=orjson.dumps(shown),
            log_partition=_NOWHERE,
            log_offset=0,
        )


def _to_nobody(_: Sequence[StoredEvent], __: Sequence[Subscriber]) -> Sequence[Owed]:
    return ()


async def _enabled(connection: AsyncConnection, owner: TenantContext, endpoint_id: str) -> EndpointRow:
    endpoint = await Endpoints(connection, owner.tenant_id, owner.environment).find(endpoint_id)
    if endpoint is None:
        raise NotFound(f"There is no webhook endpoint {endpoint_id[:64]}.")
    if endpoint.status != "enabled":
        raise Conflict(f"The endpoint is {endpoint.status}; enable it first.")
    return endpoint


def _example(endpoint: EndpointRow, type_name: str | None) -> EventType:
    if type_name is not None:
        if type_name not in EVENT_TYPES:
            raise InvalidRequest.of("type", "must be one that GET /v1/event-types lists")
        return EVENT_TYPES[type_name]
    example = next((one for one in EVENT_TYPES.values() if matches(endpoint.event_types, one.name)), None)
    if example is None:
        raise InvalidRequest.of("type", "must be given: the endpoint takes no type that there is an example of")
    return example
