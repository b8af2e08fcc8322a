"""Management of tenants' endpoints, for the gateway to forward."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from onerouter_common.once.request import Once, once_of
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_webhooks.endpoint.schemas import (
    CreatedEndpoint,
    CreateEndpoint,
    DeletedEndpoint,
    Endpoint,
    EndpointList,
    RotatedSecret,
    RotateSecret,
    SendTest,
    SentTest,
    UpdateEndpoint,
)
from onerouter_webhooks.endpoint.service import EndpointService
from onerouter_webhooks.endpoint.trial import Trials

Owner = Annotated[TenantContext, Depends(tenant_context)]
Keyed = Annotated[Once, Depends(once_of)]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=64, pattern="^[a-z]{2,4}_[0-9a-z]+$")]


def router(
    service_of: Callable[[Request], EndpointService], trials_of: Callable[[Request], Trials], auth: InternalAuth
) -> APIRouter:
    """`/internal/webhook-endpoints`."""
    routes = APIRouter(prefix="/internal/webhook-endpoints", tags=["webhook endpoints"], dependencies=[Depends(auth)])

    @routes.post("", status_code=201, summary="Create an endpoint; its secret is shown only here")
    async def create_endpoint(
        request: Request, response: Response, owner: Owner, once: Keyed, body: CreateEndpoint
    ) -> CreatedEndpoint:
        created = await service_of(request).create(owner, body, once)
        response.headers.update(once.headers)
        return created

    @routes.get("", summary="List endpoints, newest first")
    async def list_endpoints(request: Request, owner: Owner, limit: Limit = 20, cursor: Cursor = None) -> EndpointList:
        return await service_of(request).page(owner, cursor, limit)

    @routes.get("/{endpoint_id}", summary="One endpoint")
    async def get_endpoint(request: Request, owner: Owner, endpoint_id: str) -> Endpoint:
        return await service_of(request).get(owner, endpoint_id)

    @routes.patch("/{endpoint_id}", summary="Change an endpoint; what is absent stays as it is")
    async def update_endpoint(request: Request, owner: Owner, endpoint_id: str, body: UpdateEndpoint) -> Endpoint:
        return await service_of(request).update(owner, endpoint_id, body)

    @routes.post("/{endpoint_id}/pause", summary="Keep what is owed to it until it is enabled")
    async def pause_endpoint(request: Request, owner: Owner, endpoint_id: str) -> Endpoint:
        return await service_of(request).pause(owner, endpoint_id)

    @routes.post("/{endpoint_id}/enable", summary="Deliver again, what was kept first")
    async def enable_endpoint(request: Request, owner: Owner, endpoint_id: str) -> Endpoint:
        return await service_of(request).enable(owner, endpoint_id)

    @routes.post(
        "/{endpoint_id}/secret/rotate", summary="A new secret, shown only here; the old ones sign on for a while"
    )
    async def rotate_secret(
        request: Request, response: Response, owner: Owner, once: Keyed, endpoint_id: str, body: RotateSecret
    ) -> RotatedSecret:
        rotated = await service_of(request).rotate_secret(owner, endpoint_id, body.expire_old_after_s, once)
        response.headers.update(once.headers)
        return rotated

    @routes.post("/{endpoint_id}/test", summary="Send an example of an event to it")
    async def send_test_event(
        request: Request, response: Response, owner: Owner, once: Keyed, endpoint_id: str, body: SendTest
    ) -> SentTest:
        sent = await trials_of(request).send(owner, endpoint_id, body.type, once)
        response.headers.update(once.headers)
        return sent

    @routes.delete("/{endpoint_id}", summary="Delete an endpoint; what is owed to it is canceled")
    async def delete_endpoint(request: Request, owner: Owner, endpoint_id: str) -> DeletedEndpoint:
        return await service_of(request).delete(owner, endpoint_id)

    return routes
