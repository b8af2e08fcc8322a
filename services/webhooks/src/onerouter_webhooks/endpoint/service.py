"""A tenant's endpoints: made with a secret that is shown once, listed, deleted, and looked into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.errors import Conflict, NotFound
from onerouter_common.ids import ENDPOINT, new_id
from onerouter_common.secrets import DataKey, KeyRing
from onerouter_common.web.internal import TenantContext
from onerouter_webhooks.delivery.addresses import AddressPolicy
from onerouter_webhooks.endpoint.keys import place_of
from onerouter_webhooks.endpoint.repository import EndpointRow, Endpoints
from onerouter_webhooks.endpoint.schemas import (
    Attempt,
    CreatedEndpoint,
    CreateEndpoint,
    DeletedEndpoint,
    Delivery,
    DeliveryList,
    Endpoint,
    EndpointList,
)
from onerouter_webhooks.endpoint.url import check_url
from onerouter_webhooks.signing import new_secret

_SIGNING: Final = "whs"


@dataclass(frozen=True, slots=True)
class EndpointService:
    engine: AsyncEngine
    keyring: KeyRing
    policy: AddressPolicy
    clock: Clock
    max_endpoints: int

    async def create(self, owner: TenantContext, wish: CreateEndpoint) -> CreatedEndpoint:
        """Raises InvalidRequest (the URL) and Conflict (too many)."""
        url = check_url(wish.url, self.policy)
        secret = new_secret()
        endpoint_id, secret_id, now = new_id(ENDPOINT), new_id(_SIGNING), self.clock.now()
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            endpoints = Endpoints(connection, owner.tenant_id, owner.environment)
            if await endpoints.count_locked() >= self.max_endpoints:
                raise Conflict(f"There are already {self.max_endpoints} webhook endpoints; delete one first.")
            row = await endpoints.add(
                {
                    "id": endpoint_id,
                    "url": url,
                    "event_types": wish.event_types,
                    "description": wish.description,
                    "metadata": orjson.dumps(wish.metadata).decode(),
                    "now": now,
                }
            )
            data_key = await self._data_key(endpoints, owner)
            sealed = data_key.seal(secret, bound_to=place_of(owner.tenant_id, endpoint_id, secret_id))
            await endpoints.add_secret(secret_id, endpoint_id, sealed, now)
        return _created(row, secret)

    async def get(self, owner: TenantContext, endpoint_id: str) -> Endpoint:
        """Raises NotFound, also for another tenant's."""
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            return _endpoint(await _get(Endpoints(connection, owner.tenant_id, owner.environment), endpoint_id))

    async def page(self, owner: TenantContext, cursor: str | None, limit: int) -> EndpointList:
        """Newest first."""
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            rows = await Endpoints(connection, owner.tenant_id, owner.environment).page(cursor, limit + 1)
        shown = rows[:limit]
        has_more = len(rows) > limit
        return EndpointList(
            data=[_endpoint(row) for row in shown],
            has_more=has_more,
            next_cursor=shown[-1].id if has_more else None,
        )

    async def delete(self, owner: TenantContext, endpoint_id: str) -> DeletedEndpoint:
        """Raises NotFound. A delivery that is on its way right now may still arrive."""
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            if not await Endpoints(connection, owner.tenant_id, owner.environment).delete(
                endpoint_id, self.clock.now()
            ):
                raise _unknown(endpoint_id)
        return DeletedEndpoint(id=endpoint_id)

    async def deliveries(self, owner: TenantContext, endpoint_id: str, cursor: str | None, limit: int) -> DeliveryList:
        """Newest first, each with its attempts. Raises NotFound."""
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            endpoints = Endpoints(connection, owner.tenant_id, owner.environment)
            await _get(endpoints, endpoint_id)
            rows = await endpoints.deliveries(endpoint_id, cursor, limit + 1)
            shown = rows[:limit]
            attempts = await endpoints.attempts([row["id"] for row in shown])
        has_more = len(rows) > limit
        return DeliveryList(
            data=[_delivery(row, attempts.get(row["id"], ())) for row in shown],
            has_more=has_more,
            next_cursor=shown[-1]["id"] if has_more else None,
        )

    async def _data_key(self, endpoints: Endpoints, owner: TenantContext) -> DataKey:
        bound_to = (owner.tenant_id, owner.environment)
        known = await endpoints.find_data_key()
        if known is not None:
            return await self.keyring.open_data_key(*known, bound_to=bound_to)
        data_key, wrapped = await self.keyring.new_data_key(bound_to=bound_to)
        await endpoints.add_data_key(data_key.id, wrapped)
        return data_key


async def _get(endpoints: Endpoints, endpoint_id: str) -> EndpointRow:
    row = await endpoints.find(endpoint_id)
    if row is None:
        raise _unknown(endpoint_id)
    return row


def _unknown(endpoint_id: str) -> NotFound:
    return NotFound(f"There is no webhook endpoint {endpoint_id[:64]}.")


def _endpoint(row: EndpointRow) -> Endpoint:
    return Endpoint.model_validate(row, from_attributes=True)


def _created(row: EndpointRow, secret: SecretStr) -> CreatedEndpoint:
    return CreatedEndpoint(**_endpoint(row).model_dump(), secret=secret.get_secret_value())


def _delivery(row: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]) -> Delivery:
    return Delivery(**row, attempts=[_attempt(one) for one in attempts])


def _attempt(row: Mapping[str, Any]) -> Attempt:
    return Attempt(
        id=row["id"],
        number=row["number"],
        trigger=row["trigger"],
        at=row["created_at"],
        duration_ms=row["duration_ms"],
        status=row["status"],
        failure=row["failure"],
        response_headers=row["response_headers"],
        response_body=row["response_body"].decode("utf-8", "replace"),
        response_truncated=row["response_truncated"],
    )
