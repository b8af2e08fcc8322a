"""Management of tenants' endpoints, for the gateway to forward."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_webhooks.endpoint.schemas import (
    CreatedEndpoint,
    CreateEndpoint,
    DeletedEndpoint,
    DeliveryList,
    Endpoint,
    EndpointList,
)
from onerouter_webhooks.endpoint.service import EndpointService

Owner = Annotated[TenantContext, Depends(tenant_context)]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=64, pattern="^[a-z]{2,4}_[0-9a-z]+$")]


def router(service_of: Callable[[Request], EndpointService], auth: InternalAuth) -> APIRouter:
    """`/internal/webhook-endpoints`."""
    routes = APIRouter(prefix="/internal/webhook-endpoints", tags=["webhook endpoints"], dependencies=[Depends(auth)])

    @routes.post("", status_code=201, summary="Create an endpoint; its secret is shown only here")
    async def create_endpoint(request: Request, owner: Owner, body: CreateEndpoint) -> CreatedEndpoint:
        return await service_of(request).create(owner, body)

    @routes.get("", summary="List endpoints, newest first")
    async def list_endpoints(request: Request, owner: Owner, limit: Limit = 20, cursor: Cursor = None) -> EndpointList:
        return await service_of(request).page(owner, cursor, limit)

    @routes.get("/{endpoint_id}", summary="One endpoint")
    async def get_endpoint(request: Request, owner: Owner, endpoint_id: str) -> Endpoint:
        return await service_of(request).get(owner, endpoint_id)

    @routes.delete("/{endpoint_id}", summary="Delete an endpoint; what is owed to it is canceled")
    async def delete_endpoint(request: Request, owner: Owner, endpoint_id: str) -> DeletedEndpoint:
        return await service_of(request).delete(owner, endpoint_id)

    @routes.get("/{endpoint_id}/deliveries", summary="What was sent and what came back, newest first")
    async def list_deliveries(
        request: Request, owner: Owner, endpoint_id: str, limit: Limit = 20, cursor: Cursor = None
    ) -> DeliveryList:
        return await service_of(request).deliveries(owner, endpoint_id, cursor, limit)

    return routes
