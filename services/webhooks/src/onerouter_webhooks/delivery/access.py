"""A tenant's deliveries: listed, looked into with every attempt, and tried again on request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.errors import Conflict, NotFound
from onerouter_common.ids import DELIVERY, new_id
from onerouter_common.once.request import UNKEYED, Once
from onerouter_common.web.internal import TenantContext
from onerouter_webhooks.delivery.reading import DeliveryReads, Wanted
from onerouter_webhooks.delivery.schemas import Attempt, Delivery, DeliveryList
from onerouter_webhooks.delivery.worker import DeliveryWorker
from onerouter_webhooks.endpoint.repository import Endpoints
from onerouter_webhooks.event.reading import EventReads

_GLANCE: Final = 1_024
"""Bytes of each answer's body in a list."""
_WHOLE: Final = 64 * 1_024
"""More than is ever stored of one."""
_DELIVERY: Final = TypeAdapter(Delivery)


@dataclass(frozen=True, slots=True)
class DeliveryAccess:
    engine: AsyncEngine
    worker: DeliveryWorker
    clock: Clock

    async def page(
        self, owner: TenantContext, endpoint_id: str, wanted: Wanted, cursor: str | None, limit: int
    ) -> DeliveryList:
        """Newest first, each with its attempts. Raises NotFound."""
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment, steady=True) as connection:
            if await Endpoints(connection, owner.tenant_id, owner.environment).find(endpoint_id) is None:
                raise NotFound(f"There is no webhook endpoint {endpoint_id[:64]}.")
            reads = DeliveryReads(connection)
            now = self.clock.now()
            rows = await reads.page(endpoint_id, wanted, cursor, limit + 1, now)
            shown, has_more = rows[:limit], len(rows) > limit
            attempts = await reads.attempts(shown, _GLANCE, now)
        return DeliveryList(
            data=[_delivery(row, attempts.get(row["id"], ())) for row in shown],
            has_more=has_more,
            next_cursor=shown[-1]["id"] if has_more else None,
        )

    async def get(self, owner: TenantContext, delivery_id: str) -> Delivery:
        """With all that was answered. Raises NotFound, also for another tenant's."""
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment, steady=True) as connection:
            return await _get(DeliveryReads(connection), delivery_id, self.clock.now())

    async def retry(self, owner: TenantContext, delivery_id: str, once: Once = UNKEYED) -> Delivery:
        """Send its event to its endpoint once more, at once; the delivery that was made for it.

        What was still to be tried by itself goes on, and is canceled when this one is taken. Raises NotFound and Conflict:
        the endpoint is gone or not enabled, the event is past its retention, or a request is under way. Raises
        IdempotencyMismatch.
        """
        now = self.clock.now()

        async def act() -> Delivery:
            return await _retry(connection, owner, delivery_id, now)

        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            delivery = await once.carry_out(connection, now, act, _DELIVERY)
        self.worker.wake()
        return delivery


async def _retry(connection: AsyncConnection, owner: TenantContext, delivery_id: str, now: datetime) -> Delivery:
    asked = await _get(DeliveryReads(connection), delivery_id, now)
    await _check_endpoint(Endpoints(connection, owner.tenant_id, owner.environment), asked.endpoint_id)
    events = EventReads(connection, owner.tenant_id, owner.environment)
    event = await events.find(asked.event_id)
    if event is None:
        raise Conflict(f"The event {asked.event_id} is not kept any more.")
    made = new_id(DELIVERY)
    await events.add_manual(event, [made], [asked.endpoint_id], now)
    if (await DeliveryReads(connection).find(made)) is None:
        raise Conflict(f"The event {asked.event_id} is being sent to this endpoint right now.")
    return await _get(DeliveryReads(connection), made, now)


async def _get(reads: DeliveryReads, delivery_id: str, now: datetime) -> Delivery:
    row = await reads.find(delivery_id)
    if row is None:
        raise NotFound(f"There is no delivery {delivery_id[:64]}.")
    attempts = await reads.attempts([row], _WHOLE, now)
    return _delivery(row, attempts.get(delivery_id, ()))


async def _check_endpoint(endpoints: Endpoints, endpoint_id: str) -> None:
    endpoint = await endpoints.find(endpoint_id)
    if endpoint is None:
        raise Conflict("Its endpoint was deleted.")
    if endpoint.status != "enabled":
        raise Conflict(f"Its endpoint is {endpoint.status}; enable it first.")


def _delivery(row: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]) -> Delivery:
    return Delivery(**row, attempts=[_attempt(one) for one in attempts])


def _attempt(row: Mapping[str, Any]) -> Attempt:
    return Attempt(**{**row, "response_body": bytes(row["response_body"]).decode("utf-8", "replace")})
